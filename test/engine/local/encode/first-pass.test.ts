import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type FirstPass, nextFirstPass } from '../../../../src/engine/local/encode/first-pass.ts';

const FINEST = 18;

/** First passes over a clip whose bytes are halved every `perHalf` steps, beginning at `crf`: what each took, per byte wanted. */
function play(clip: { at30: number; perHalf: number }, crf: number): number[] {
  const tries: FirstPass[] = [];
  for (let next: number | undefined = crf; next !== undefined; next = nextFirstPass(tries, 100_000, FINEST)) {
    tries.push({ crf: next, bytes: 100_000 * clip.at30 * 2 ** ((30 - next) / clip.perHalf) });
  }
  return tries.map(one => one.bytes / 100_000);
}

it('a bedroom whose first pass took 0.64 of the bytes was best where it began: it is made again', () => {
  expect(play({ at30: 0.64, perHalf: 6.5 }, 30)).toHaveLength(2);
  expect(play({ at30: 0.64, perHalf: 6.5 }, 30).at(-1)).toBeGreaterThan(0.85);
  expect(play({ at30: 3, perHalf: 6.5 }, 30).at(-1)).toBeLessThan(2);
});

it('one that is near enough is the only one', () => {
  for (const at30 of [0.9, 1.25, 1.6, 2.4]) expect(play({ at30, perHalf: 5 }, 30)).toHaveLength(1);
});

it('a recording with a still background halves every 2.8 steps: by the usual steps it went back and forth', () => {
  for (const at30 of [0.3, 0.6, 2, 6]) {
    const took = play({ at30, perHalf: 2.8 }, 30);
    expect(took.length).toBeLessThanOrEqual(3);
    expect(took.at(-1)).toBeGreaterThan(0.85);
    expect(took.at(-1)).toBeLessThan(2.6);
  }
});

it('where nothing more can be seen, no finer one is made', () => {
  expect(play({ at30: 0.01, perHalf: 6 }, FINEST)).toHaveLength(1);
  expect(play({ at30: 0.01, perHalf: 6 }, FINEST + 2)).toHaveLength(2);
});

it('whatever they take: three at most, within the scale, and none twice', () => {
  const took = fc.array(fc.integer({ min: 0, max: 1e9 }), { minLength: 5, maxLength: 5 });
  fc.assert(
    fc.property(
      took,
      fc.double({ min: 10, max: 45, noNaN: true }),
      fc.integer({ min: 0, max: 1e9 }),
      (bytes, crf, want) => {
        const tries: FirstPass[] = [];
        for (let next: number | undefined = crf; next !== undefined; next = nextFirstPass(tries, want, FINEST)) {
          expect(next).toBeLessThanOrEqual(45);
          if (tries.length > 0) expect(next).toBeGreaterThanOrEqual(FINEST);
          expect(tries.map(one => one.crf)).not.toContain(next);
          tries.push({ crf: next, bytes: bytes[tries.length] ?? 0 });
        }
        expect(tries.length).toBeLessThanOrEqual(3);
      },
    ),
  );
});
