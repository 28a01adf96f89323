import { describe, expect, it } from 'vitest';
import { NEMO_FORMATS } from '../../../../src/engine/engine.ts';
import { checkFormat, uploadedFrom } from '../../../../src/engine/nemo/session/upload.ts';

describe('formats', () => {
  it.each([...NEMO_FORMATS])('.%s is taken', format => {
    expect(() => checkFormat(`clip.${format}`)).not.toThrow();
    expect(() => checkFormat(`CLIP.${format.toUpperCase()}`)).not.toThrow();
  });

  it.each(['clip.m4v', 'clip.ts', 'clip.wmv', 'clip.txt', 'clip', 'clip.', '.mp4', 'clip.jpeg'])(
    '%s is refused with the list',
    name => {
      expect(() => checkFormat(name)).toThrow(
        expect.objectContaining({
          code: 'unsupported-file',
          hint: expect.stringContaining('mp4, mov, avi, webm, mkv, jpg, png, gif, webp, mp3, wav, m4a, aac'),
        }),
      );
    },
  );
});

describe('what an upload said', () => {
  it.each<[object, object]>([
    [
      { files: [{ filename: 'a', cdn_url: 'u', duration: 30.5 }], session_state_applied: true },
      { durationS: 30.5, applied: true },
    ],
    [{ files: [{ filename: 'a', cdn_url: 'u' }], session_state_applied: false }, { applied: false }],
    [{ files: { filename: 'a' } }, { applied: true }],
    [
      { cdn_url: 'u', duration: '3' },
      { durationS: 3, applied: true },
    ],
    [{}, { applied: false }],
  ])('%j', (payload, uploaded) => {
    expect(uploadedFrom(payload as never)).toEqual(uploaded);
  });
});
