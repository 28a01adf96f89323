import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  fitInto,
  formatResolution,
  parseResolution,
  promisedBytes,
  type Resolution,
  type Target,
  targetBytes,
} from '../../src/core/target.ts';

const lines = (count: number): Resolution => ({ kind: 'lines', lines: count });
const box = (width: number, height: number): Resolution => ({ kind: 'box', width, height });

describe('a resolution as written', () => {
  test.each<[string, Resolution]>([
    ['1080p', lines(1080)],
    ['720P', lines(720)],
    [' 480p ', lines(480)],
    ['1280x720', box(1280, 720)],
    ['1280 x 720', box(1280, 720)],
    ['1280×720', box(1280, 720)],
    ['720x1280', box(720, 1280)],
  ])('%j', (text, expected) => {
    expect(parseResolution(text)).toEqual(expected);
    expect(parseResolution(formatResolution(expected))).toEqual(expected);
  });

  test.each(['1080', '4K', '1080i', '1280x', 'x720', '1280x720p', '-720p', '', '10000p', '1p', '1280x720x3'])(
    '%j is none',
    text => {
      expect(parseResolution(text)).toBeUndefined();
    },
  );
});

describe('fitting into a resolution', () => {
  test.each<[string, [number, number], Resolution | undefined, [number, number]]>([
    ['nothing asked for', [1920, 1080], undefined, [1920, 1080]],
    ['larger than asked for', [3840, 2160], lines(1080), [1920, 1080]],
    ['as asked for', [1920, 1080], lines(1080), [1920, 1080]],
    ['smaller is not enlarged', [640, 480], lines(1080), [640, 480]],
    ['portrait is bounded by its shorter side', [2160, 3840], lines(1080), [1080, 1920]],
    ['a box bounds both sides', [1920, 1080], box(1280, 720), [1280, 720]],
    ['a wide picture by its width', [2560, 1080], box(1280, 720), [1280, 540]],
    ['a square one by its height', [1080, 1080], box(1280, 720), [720, 720]],
    ['a box is turned for portrait', [1080, 1920], box(1280, 720), [720, 1280]],
    ['odd sizes lose a row or column', [1279, 719], undefined, [1278, 718]],
    ['and never gain one', [1279, 719], lines(1080), [1278, 718]],
    ['a scaled side is even', [1278, 717], lines(480), [856, 480]],
    ['a sliver keeps two pixels', [10_000, 2], lines(1), [5000, 2]],
    ['one pixel is too few for 4:2:0', [1, 1], undefined, [2, 2]],
  ])('%s', (_, [width, height], resolution, expected) => {
    const { width: w, height: h } = fitInto({ width, height }, resolution);
    expect([w, h]).toEqual(expected);
  });

  test('is even, inside the bound, not larger than the source, and keeps the aspect', () => {
    const side = fc.integer({ min: 64, max: 8192 });
    const bound = fc.oneof(
      fc.integer({ min: 144, max: 4320 }).map(n => lines(n * 2)),
      fc
        .tuple(fc.integer({ min: 72, max: 2160 }), fc.integer({ min: 72, max: 2160 }))
        .map(([a, b]) => box(a * 2, b * 2)),
    );
    fc.assert(
      fc.property(side, side, bound, (width, height, resolution) => {
        const out = fitInto({ width, height }, resolution);
        expect([out.width % 2, out.height % 2]).toEqual([0, 0]);
        expect(out.width <= width && out.height <= height).toBe(true);
        const [short, long] = [Math.min(out.width, out.height), Math.max(out.width, out.height)];
        if (resolution.kind === 'lines') expect(short).toBeLessThanOrEqual(resolution.lines);
        else {
          expect(short).toBeLessThanOrEqual(Math.min(resolution.width, resolution.height));
          expect(long).toBeLessThanOrEqual(Math.max(resolution.width, resolution.height));
        }
        // Rounding to even numbers moves each side by at most one, an odd source loses one.
        expect(Math.abs(out.width * height - out.height * width)).toBeLessThanOrEqual(width + height);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the size in bytes', () => {
  const target: Target = { audio: { kind: 'keep' }, quality: 'auto', minSaving: 0.05 };
  test('is what was asked for, a share of the source rounded down, or none', () => {
    expect(targetBytes(target, 1000)).toBeUndefined();
    expect(targetBytes({ ...target, size: { kind: 'bytes', bytes: 5000 } }, 1000)).toBe(5000);
    expect(targetBytes({ ...target, size: { kind: 'share', share: 1 / 3 } }, 1000)).toBe(333);
    const rate = { ...target, size: { kind: 'rate' as const, bitsPerSecond: 2_000_000 } };
    expect(targetBytes(rate, 1000, 60)).toBe(15_000_000);
    // Disk space is reserved for the whole source: the quality may be kept instead of the size.
    const wish = { ...target, size: { kind: 'bytes' as const, bytes: 5000 } };
    expect(promisedBytes(wish, 9000)).toBe(5000);
    expect(promisedBytes({ ...wish, floor: 'good', belowFloor: 'keep-quality' }, 9000)).toBeUndefined();
    expect(targetBytes(rate, 1000)).toBeUndefined();
  });
});
