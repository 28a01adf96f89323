import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  alreadyQuiet,
  DOUBT_FACTOR,
  firstSample,
  isQuiet,
  MAX_WINDOW_MS,
  MIN_SAMPLES,
  nextSample,
  classifyDelay,
  restartWindow,
  resumedSample,
  type Sample,
  type Settling,
  samplePeriodMs,
  windowMs,
  discountLostTime,
} from '../../src/inbox/stability.ts';

const SETTLE_MS = 5_000;

function sample(key: number, overrides: Partial<Sample> = {}): Sample {
  return { key, blocks: 8, ino: 1, sizeBytes: key * 1000, ...overrides };
}

/** Samples once a second: each entry is what the file is in that second. */
function watch(states: readonly Sample[], periodMs = 1_000): { state: Settling; quietAt: number[] } {
  let state: Settling | undefined;
  const quietAt: number[] = [];
  for (const [no, each] of states.entries()) {
    const round = { no, at: no * periodMs };
    state = state ? nextSample(state, each, round) : firstSample(each, round);
    if (isQuiet(state, round, SETTLE_MS)) quietAt.push(no);
  }
  if (!state) throw new Error('no samples');
  return { state, quietAt };
}

const times = (count: number, each: Sample) => Array.from({ length: count }, () => each);

describe('a file is quiet', () => {
  it.each<[string, Sample[], number | undefined]>([
    ['after a whole window without a change', times(8, sample(1)), 5],
    ['not while it grows', Array.from({ length: 20 }, (_, n) => sample(n)), undefined],
    ['a window after the last change', [sample(1), sample(2), sample(3), ...times(8, sample(3))], 7],
    [
      'not before, after a pause of four seconds: sixteen are waited for',
      [...times(4, sample(1)), ...times(16, sample(2))],
      undefined,
    ],
    ['sixteen seconds after a pause of four', [...times(4, sample(1)), ...times(17, sample(2))], 20],
    [
      'a plain window after another file took its place',
      [...times(4, sample(1)), ...times(6, sample(2, { ino: 2 }))],
      9,
    ],
    ['a plain window after it was cut short and begun anew', [...times(4, sample(9)), ...times(6, sample(1))], 9],
    ['later when only its blocks moved', [...times(3, sample(1)), ...times(5, sample(1, { blocks: 16 }))], undefined],
  ])('%s', (_, states, at) => {
    expect(watch(states).quietAt[0]).toBe(at);
  });

  it('only after three samples, however long two of them lie apart', () => {
    const first = firstSample(sample(1), { no: 0, at: 0 });
    const second = nextSample(first, sample(1), { no: 1, at: 60_000 });
    expect(isQuiet(second, { no: 1, at: 60_000 }, SETTLE_MS)).toBe(false);
    expect(isQuiet(second, { no: 2, at: 60_001 }, SETTLE_MS)).toBe(true);
  });

  it('only after four windows where there is a doubt', () => {
    const state = firstSample(sample(1), { no: 0, at: 0 });
    expect(isQuiet(state, { no: 15, at: 15_000 }, SETTLE_MS, DOUBT_FACTOR)).toBe(false);
    expect(isQuiet(state, { no: 20, at: 20_000 }, SETTLE_MS, DOUBT_FACTOR)).toBe(true);
  });

  it('a window after the process was suspended, whatever was known before', () => {
    const before = firstSample(sample(1), { no: 0, at: 0 });
    const after = restartWindow(before, { no: 4, at: 64_000 });
    expect(isQuiet(after, { no: 5, at: 65_000 }, SETTLE_MS)).toBe(false);
    expect(isQuiet(after, { no: 9, at: 69_000 }, SETTLE_MS)).toBe(true);
  });

  it('at once, when it was quiet before and is the same', () => {
    const state = alreadyQuiet(1, { no: 7, at: 7_000 });
    const same = nextSample(state, sample(1), { no: 8, at: 8_000 });
    expect(isQuiet(same, { no: 8, at: 8_000 }, SETTLE_MS)).toBe(true);
    const other = nextSample(state, sample(2), { no: 8, at: 8_000 });
    expect(isQuiet(other, { no: 8, at: 8_000 }, SETTLE_MS)).toBe(false);
    expect(other.longestGapMs).toBe(0);
  });
});

describe('a file that changes after it was reported', () => {
  const reported = firstSample(sample(1), { no: 0, at: 0 });

  it('had a pausing writer when that is soon after', () => {
    expect(resumedSample(reported, sample(2), { no: 20, at: 20_000 }, SETTLE_MS).longestGapMs).toBe(20_000);
  });

  it.each([
    [5_000, 60_000],
    [15_000, 60_000],
    [30_000, 120_000],
  ])('had one for four quiet times, but at least a minute (%d ms: %d ms)', (settleMs, soonMs) => {
    expect(resumedSample(reported, sample(2), { no: 99, at: soonMs }, settleMs).longestGapMs).toBe(soonMs);
    expect(resumedSample(reported, sample(2), { no: 99, at: soonMs + 1 }, settleMs).longestGapMs).toBe(0);
  });

  it('is another file when that is much later', () => {
    expect(resumedSample(reported, sample(2), { no: 99, at: 3_600_000 }, SETTLE_MS).longestGapMs).toBe(0);
  });
});

describe('the window', () => {
  const gap = (longestGapMs: number): Settling => ({ ...firstSample(sample(1), { no: 0, at: 0 }), longestGapMs });

  it.each<[string, number, number, number, number]>([
    ['is the quiet time', 0, 5_000, 1, 5_000],
    ['is four times the longest pause', 3_000, 5_000, 1, 12_000],
    ['ends at ten minutes', 1_000_000, 5_000, 1, 600_000],
    ['is never shorter than the quiet time asked for', 0, 3_600_000, 1, 3_600_000],
    ['is four times as long in doubt', 0, 30_000, 4, 120_000],
  ])('%s', (_, longestGapMs, settleMs, factor, expected) => {
    expect(windowMs(gap(longestGapMs), settleMs, factor)).toBe(expected);
  });

  it.each([
    [5_000, false, 1_000],
    [30_000, true, 5_000],
    [30_000, false, 1_000],
    [200, false, 40],
    [1, false, 10],
  ])('of %d ms is sampled (polled: %s) every %d ms', (settleMs, polled, period) => {
    expect(samplePeriodMs(settleMs, polled)).toBe(period);
  });

  it('is not restarted by a busy machine, but by a suspended one', () => {
    expect(classifyDelay(1_000, 40)).toBe('noise');
    expect(classifyDelay(1_001, 40)).toBe('busy');
    expect(classifyDelay(2_000, 1_000)).toBe('noise');
    expect(classifyDelay(2_001, 1_000)).toBe('busy');
    expect(classifyDelay(15_000, 40)).toBe('busy');
    expect(classifyDelay(15_001, 40)).toBe('suspended');
    expect(classifyDelay(50_000, 5_000)).toBe('busy');
    expect(classifyDelay(50_001, 5_000)).toBe('suspended');
  });

  it('ends on a machine that wakes every timer seconds late: only the lost time does not count', () => {
    let state = firstSample(sample(1), { no: 0, at: 0 });
    let at = 0;
    let no = 0;
    // Due after a second, and three seconds late each time.
    while (!isQuiet(state, { no, at }, SETTLE_MS)) {
      [no, at] = [no + 1, at + 4_000];
      state = nextSample(discountLostTime(state, 3_000, at), sample(1), { no, at });
      expect(no).toBeLessThan(20);
    }
    expect(at - no * 3_000).toBe(SETTLE_MS);
    // Nor is the lost time taken for a pause of the writer.
    state = nextSample(discountLostTime(state, 3_000, at + 4_000), sample(2), { no: no + 1, at: at + 4_000 });
    expect(state.longestGapMs).toBe(SETTLE_MS + 1_000);
  });
});

describe('for every way a file can be written', () => {
  /** What was seen and when; two equal keys next to each other mean the file stayed the same. */
  const history = fc
    .array(fc.record({ key: fc.nat(3), stepMs: fc.integer({ min: 1, max: 20_000 }) }), { minLength: 1, maxLength: 60 })
    .map(steps => {
      let at = 0;
      return steps.map(({ key, stepMs }, no) => {
        at += stepMs;
        return { round: { no, at }, sample: sample(key, { ino: key >> 1, sizeBytes: key }) };
      });
    });

  const settleMs = fc.integer({ min: 1, max: 60_000 });

  it('quiet means: the same in three samples, over the whole quiet time', () => {
    fc.assert(
      fc.property(history, settleMs, (seen, quietTime) => {
        let state: Settling | undefined;
        for (const [i, { round, sample: each }] of seen.entries()) {
          state = state ? nextSample(state, each, round) : firstSample(each, round);
          if (!isQuiet(state, round, quietTime)) continue;
          const same = seen.slice(0, i + 1).filter(({ round: r }) => r.at >= round.at - quietTime);
          expect(same.every(({ sample: s }) => s.key === each.key)).toBe(true);
          const run = seen.slice(0, i + 1).findLastIndex(({ sample: s }) => s.key !== each.key);
          expect(i - run).toBeGreaterThanOrEqual(MIN_SAMPLES);
        }
      }),
    );
  });

  it('a file that stays the same becomes quiet within ten minutes or its quiet time', () => {
    fc.assert(
      fc.property(history, settleMs, (seen, quietTime) => {
        const last = seen.at(-1);
        if (!last) return;
        let state: Settling | undefined;
        for (const { round, sample: each } of seen) {
          state = state ? nextSample(state, each, round) : firstSample(each, round);
        }
        const round = { no: last.round.no + MIN_SAMPLES, at: last.round.at + Math.max(MAX_WINDOW_MS, quietTime) };
        expect(state && isQuiet(state, round, quietTime)).toBe(true);
      }),
    );
  });

  it('a change is never forgotten: the window begins with it', () => {
    fc.assert(
      fc.property(history, seen => {
        let state: Settling | undefined;
        for (const { round, sample: each } of seen) {
          const before = state;
          state = state ? nextSample(state, each, round) : firstSample(each, round);
          if (before && before.key === each.key && before.blocks === each.blocks) expect(state).toBe(before);
          else expect(state.changedAt).toBe(round.at);
        }
      }),
    );
  });
});
