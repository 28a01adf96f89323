import { describe, expect, it } from 'vitest';
import type { Cut } from '../../../../src/core/media-info.ts';
import { rateOf, samplePlaces } from '../../../../src/engine/local/measure/sample.ts';

describe('where samples are taken', () => {
  const video = { codec: 'h264', pixelFormat: 'yuv420p' };
  const clip = (durationS: number, cuts: Cut[] = []) => ({ durationS, startS: 10, cuts, video });
  it('samples are spread over the clip, and are little of a short one', () => {
    expect(samplePlaces(clip(120))).toEqual([
      { fromS: 19, lengthS: 2 },
      { fromS: 59, lengthS: 2 },
      { fromS: 99, lengthS: 2 },
    ]);
    expect(samplePlaces(clip(6))).toEqual([{ fromS: 3, lengthS: 0.6 }]);
    expect(samplePlaces(clip(0.5))).toEqual([{ fromS: 0.25, lengthS: 0.25 }]);
    expect(samplePlaces(clip(7_200)).length).toBe(8);
  });

  it('samples begin right behind a keyframe that is close by', () => {
    const key = { atS: 72, beforeS: 71.96, frame: 800, key: true };
    expect(samplePlaces(clip(120, [key]))[1]?.fromS).toBeCloseTo(62.2);
    expect(samplePlaces(clip(120, [{ ...key, key: false }]))[1]?.fromS).toBe(59);
  });

  it('of twelve seconds with a keyframe each the first was sampled, a quiet one: the one in the middle is', () => {
    const keys = Array.from({ length: 11 }, (_, n) => ({ atS: 11 + n, beforeS: 10.97 + n, frame: 30 * n, key: true }));
    expect(samplePlaces(clip(12, keys))[0]?.fromS).toBeCloseTo(6.2);
  });

  it('4:4:4 that only decodes from its start was sampled twice: it is read from before the next keyframe', () => {
    const key = { atS: 13.8, beforeS: 13.75, frame: 76, key: true };
    const old = { ...clip(14, [key]), video: { codec: 'h264', pixelFormat: 'yuv444p' } };
    const [piece] = samplePlaces(old);
    expect((piece?.fromS ?? 0) + (piece?.lengthS ?? 0)).toBeLessThan(3.8);
    expect(samplePlaces(clip(14, [key]))[0]?.fromS).toBeCloseTo(4);
  });
});

it('the keyframe each sample begins with counts as one in eight seconds', () => {
  // Two samples of four frames: 1000 bytes for a keyframe, 100 for any other, at 25 frames a second.
  const rate = rateOf(
    [
      [1000, 100, 100, 100],
      [1000, 100, 100, 100],
    ],
    25,
    1000,
  );
  // A keyframe of eight bits per pixel for those of 0.4 s.
  expect(rate).toEqual({ bitsPerSecond: 8 * (2500 + 125), stillDetail: 3.2 });
  expect(rateOf([], 25, 1000)).toBeUndefined();
  expect(rateOf([[500]], 25, 1000)).toEqual({ bitsPerSecond: 8 * 12_500 });
});
