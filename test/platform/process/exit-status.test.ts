import { expect, it } from 'vitest';
import { lastWords } from '../../../src/platform/process/exit-status.ts';

it('the last words are those for people', () => {
  expect(lastWords('[mov,mp4 @ 0x5581ab] moov atom not found\nConversion failed!\n')).toBe('moov atom not found');
  expect(lastWords("Stream map '1:0' matches no streams.\nTo ignore this, add a trailing '?' to the map.\n")).toBe(
    "Stream map '1:0' matches no streams.",
  );
  expect(lastWords('')).toBe('');
});
