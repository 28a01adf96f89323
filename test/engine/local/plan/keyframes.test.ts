import { expect, it } from 'vitest';
import { evenKeyframes } from '../../../../src/engine/local/plan/keyframes.ts';

it('a keyframe four frames before the end took a fifth of the bits: they lie in equal distances', () => {
  expect(evenKeyframes(604, 10)).toBe(151);
  expect(evenKeyframes(300, 30)).toBe(150);
  expect(evenKeyframes(28, 30)).toBe(28);
  // A second keyframe took a town square 24 % more bytes.
  expect(evenKeyframes(194, 20, 'av1')).toBe(194);
  expect(evenKeyframes(362, 30, 'av1')).toBe(181);
  for (let frames = 1; frames < 3_000; frames += 7) expect(evenKeyframes(frames, 30)).toBeLessThanOrEqual(264);
});
