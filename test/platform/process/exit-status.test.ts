import { expect, it } from 'vitest';
import { ChildEnd, errorOfEnd, lastWords } from '../../../src/platform/process/exit-status.ts';

it('the last words are those for people', () => {
  expect(lastWords('[mov,mp4 @ 0x5581ab] moov atom not found\nConversion failed!\n')).toBe('moov atom not found');
  expect(lastWords("Stream map '1:0' matches no streams.\nTo ignore this, add a trailing '?' to the map.\n")).toBe(
    "Stream map '1:0' matches no streams.",
  );
  expect(lastWords('')).toBe('');
});

// Was: "it wrote far more than the source can contain", with the advice to export the film again.
it('a child that reached our own limit of file sizes (ulimit -f) is no fault of its film', () => {
  const end = new ChildEnd(null, 'SIGXFSZ', '');
  const request = { doing: 'encoding', command: 'ffmpeg' };
  expect(errorOfEnd(request, end)).toMatchObject({ code: 'unsafe-media' });
  expect(errorOfEnd({ ...request, ownFileLimit: 1_024_000 }, end)).toMatchObject({
    code: 'denied',
    message: 'encoding: shrinkbox may write no file larger than 1.02 MB here',
    hint: expect.stringContaining('ulimit -f unlimited'),
  });
});
