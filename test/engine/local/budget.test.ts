import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Attempt, type Budget, nextAttempt, videoTables } from '../../../src/engine/local/budget.ts';

const BUDGET: Budget = { capBytes: 1_000_000, fixedBytes: 100_000, durationS: 60 };

/** Plays an encoder that makes `bytesFor(rate)` until nextAttempt has enough. */
function play(budget: Budget, bytesFor: (bitsPerSecond: number) => number) {
  const attempts: Attempt[] = [];
  for (;;) {
    const next = nextAttempt(attempts, budget);
    if (next.kind !== 'encode') return { attempts, next };
    attempts.push({ bitsPerSecond: next.bitsPerSecond, bytes: bytesFor(next.bitsPerSecond) });
    expect(attempts.length).toBeLessThan(10);
  }
}

/** An encoder that misses its rate by a factor, always the same one. */
const missing = (factor: number) => (rate: number) =>
  Math.round(BUDGET.fixedBytes + (rate * BUDGET.durationS * factor) / 8);

describe('what to try next', () => {
  it('the first try aims at 99 % of what the picture may have', () => {
    expect(nextAttempt([], BUDGET)).toEqual({ kind: 'encode', bitsPerSecond: Math.floor((900_000 * 0.99 * 8) / 60) });
  });

  const encoders: [string, number, number][] = [
    ['hits: one try', 1.0, 1],
    ['misses by 0.6 %: one try', 1.006, 1],
    ['2 % short: still full enough', 0.985, 1],
    ['4 % over: a second, scaled from what was measured', 1.04, 2],
    ['56 % over, as a screen recording was: a second', 1.56, 2],
    ['a tenth short: a second, upwards', 0.9, 2],
  ];
  it.each(encoders)('an encoder that %s', (_name, factor, tries) => {
    const { attempts, next } = play(BUDGET, missing(factor));
    expect(attempts.length).toBe(tries);
    expect(next.kind).toBe('done');
    const best = attempts[next.kind === 'done' ? next.best : -1];
    expect(best?.bytes).toBeLessThanOrEqual(BUDGET.capBytes);
    expect(best?.bytes).toBeGreaterThan(BUDGET.capBytes * 0.97);
  });

  it('more bits that made no difference are the last that were tried', () => {
    const { attempts, next } = play(BUDGET, () => 500_000);
    expect(attempts.length).toBe(2);
    expect(next).toEqual({ kind: 'done', best: 0 });
  });

  it('nothing is tried above the rate from which on it cannot be seen', () => {
    const { attempts } = play({ ...BUDGET, ceilingRate: 120_000 }, missing(0.5));
    expect(attempts.map(attempt => attempt.bitsPerSecond)).toEqual([118_800]);
  });

  it('a clip that nothing makes small enough is given up, not tried for ever', () => {
    const { attempts, next } = play(BUDGET, () => 2_000_000);
    expect(next.kind).toBe('give-up');
    expect(attempts.length).toBeLessThanOrEqual(6);
  });

  it('no room for a picture at all: given up before anything is encoded', () => {
    expect(nextAttempt([], { ...BUDGET, fixedBytes: 990_000 })).toEqual({ kind: 'give-up' });
  });

  it('whatever the encoder does: ends after six tries, and never picks a file over the cap', () => {
    const anything = fc.record({
      cap: fc.integer({ min: 20_000, max: 5e9 }),
      fixedShare: fc.double({ min: 0, max: 1.2, noNaN: true }),
      durationS: fc.double({ min: 0.1, max: 40_000, noNaN: true }),
      factors: fc.array(fc.double({ min: 0.01, max: 20, noNaN: true }), { minLength: 6, maxLength: 6 }),
      ceiling: fc.option(fc.integer({ min: 1_000, max: 1e8 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(anything, ({ cap, fixedShare, durationS, factors, ceiling }) => {
        const budget: Budget = {
          capBytes: cap,
          fixedBytes: Math.floor(cap * fixedShare),
          durationS,
          ...(ceiling ? { ceilingRate: ceiling } : {}),
        };
        const attempts: Attempt[] = [];
        for (;;) {
          const next = nextAttempt(attempts, budget);
          if (next.kind === 'encode') {
            expect(next.bitsPerSecond).toBeGreaterThan(0);
            const factor = factors[attempts.length] ?? 1;
            attempts.push({
              bitsPerSecond: next.bitsPerSecond,
              bytes: Math.round(budget.fixedBytes + (next.bitsPerSecond * durationS * factor) / 8),
            });
            expect(attempts.length).toBeLessThanOrEqual(6);
            continue;
          }
          if (next.kind === 'done') {
            const best = attempts[next.best];
            expect(best?.bytes).toBeLessThanOrEqual(cap);
            for (const attempt of attempts) {
              if (attempt.bytes <= cap) expect(best?.bytes).toBeGreaterThanOrEqual(attempt.bytes);
            }
          }
          return;
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('what was once too much is never asked for again', () => {
    const { attempts } = play(BUDGET, rate => (rate > 90_000 ? 1_200_000 : 400_000));
    const over = attempts.filter(attempt => attempt.bytes > BUDGET.capBytes);
    for (const [at, attempt] of attempts.entries()) {
      for (const before of attempts.slice(0, at)) {
        if (over.includes(before)) expect(attempt.bitsPerSecond).toBeLessThan(before.bitsPerSecond);
      }
    }
  });
});

it('tables: 12 bytes a frame, 20 where frames differ in length, as measured on 23 s at 30 frames a second', () => {
  expect(videoTables(690, 23, false)).toBe(690 * 12 + 23 * 32 + 2_000);
  expect(videoTables(690, 23, true)).toBe(690 * 20 + 23 * 32 + 2_000);
});
