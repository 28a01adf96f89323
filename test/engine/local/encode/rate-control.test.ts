import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Budget } from '../../../../src/engine/local/plan/budget.ts';
import {
  type EncodeMove,
  nextMoves,
  type SegmentState,
  type EncodeRound,
  wholeTolerance,
} from '../../../../src/engine/local/encode/rate-control.ts';

const BUDGET: Budget = { capBytes: 1_000_000, fixedBytes: 100_000, durationS: 60 };
/** 35 s, 15 s, 5 s and 5 s, equally hard. */
const PARTS = [35, 15, 5, 5];

interface Encoder {
  /** Bytes that come out when so many were asked of this part. */
  (askedBytes: number, part: number, round: number): number;
}

/** Plays an encoder and a muxer until there is nothing left to do. */
function play(
  encoder: Encoder,
  options: {
    budget?: Budget;
    parts?: readonly number[];
    overhead?: number;
    ceilingBytes?: number;
    /** What the first pass took of the size. */
    first?: number;
    wholeKilobits?: boolean;
    /** How many parts at once. */
    width?: number;
  } = {},
) {
  const { budget = BUDGET, parts: lengths = PARTS, overhead = budget.fixedBytes, first = 1.2, width = 1 } = options;
  const parts: SegmentState[] = lengths.map(durationS => ({
    durationS,
    frames: Math.max(1, Math.round(durationS * 30)),
    weight: (budget.capBytes * first * durationS) / lengths.reduce((sum, one) => sum + one, 0),
    tries: [],
    ...(options.ceilingBytes === undefined ? {} : { ceilingBytes: options.ceilingBytes }),
  }));
  const rounds: EncodeRound[] = [{ from: 0 }];
  const picture = () => parts.reduce((sum, part) => sum + (part.tries.at(-1)?.bytes ?? 0), 0);
  const running: EncodeMove[] = [];
  let encodedS = 0;
  let mostAtOnce = 0;
  const finish = (at: number) => {
    const [move] = running.splice(at, 1);
    const part = move && parts[move.segment];
    if (!part) return;
    const { round, askedBytes, segment } = move;
    delete part.running;
    part.tries.push({ round, askedBytes, bytes: Math.round(encoder(askedBytes, segment, round)) });
    encodedS += part.durationS;
  };
  for (let turns = 0; ; turns += 1) {
    expect(turns).toBeLessThan(200);
    const state = { budget, segments: parts, rounds, wholeKilobits: options.wholeKilobits ?? false, width };
    const moves = nextMoves(state);
    // None of its own while something is under way; one at a time if only one fits.
    if (moves.length === 0) expect(running.length).toBeGreaterThan(0);
    for (const move of moves) {
      switch (move.kind) {
        case 'encode': {
          expect(move.askedBytes).toBeGreaterThan(0);
          const part = parts[move.segment];
          if (part) part.running = { wantBytes: move.wantBytes };
          running.push(move);
          break;
        }
        case 'join':
          rounds[move.round] = { from: 0, ...rounds[move.round], bytes: picture() + overhead };
          break;
        case 'round':
          rounds.push({ from: move.from, ...(move.parts && { parts: move.parts }) });
          break;
        default: {
          const bytes = move.kind === 'done' ? (rounds[move.round]?.bytes ?? Number.NaN) : undefined;
          const whole = lengths.reduce((sum, one) => sum + one, 0);
          expect(running).toEqual([]);
          return { parts, rounds, move, bytes, passes: encodedS / whole, mostAtOnce };
        }
      }
    }
    mostAtOnce = Math.max(mostAtOnce, running.length);
    if (running.length > 0) finish((turns * 7) % running.length);
  }
}

const missing =
  (factor: number): Encoder =>
  asked =>
    asked * factor;

describe('landing on a size', () => {
  it('the parts get what they need, and all but a little of what there is', () => {
    const { parts } = play(missing(1));
    expect(parts.map(part => part.tries[0]?.askedBytes)).toEqual([519_750, 228_150, 76_050, 72_450]);
  });

  const encoders: [string, number, number][] = [
    ['hits', 1.0, 1],
    ['misses by 0.6 %', 1.006, 1],
    ['misses by 4 %', 1.04, 1.09],
    ['is short by 4 %', 0.96, 1.09],
    ['misses by a tenth', 1.1, 1.34],
  ];
  it.each(encoders)('an encoder that %s: filled, with hardly any work done twice', (_name, factor, passes) => {
    const { bytes, passes: needed } = play(missing(factor));
    expect(bytes).toBeLessThanOrEqual(BUDGET.capBytes);
    expect(bytes).toBeGreaterThanOrEqual(BUDGET.capBytes * 0.99);
    expect(needed).toBeLessThanOrEqual(passes);
  });

  it('56 % over, as a screen recording was in one piece: made again, scaled from what was measured', () => {
    const { bytes, rounds } = play(missing(1.56), { parts: [60] });
    expect(rounds.length).toBe(2);
    expect(bytes).toBeGreaterThanOrEqual(BUDGET.capBytes * 0.99);
    expect(bytes).toBeLessThanOrEqual(BUDGET.capBytes);
  });

  it('all but nothing is left beside chapters and tags: given up after one round, not asked of an encoder that refuses', () => {
    const { move, rounds } = play(missing(1), { overhead: BUDGET.capBytes - 1_000 });
    expect([move.kind, rounds.length]).toEqual(['give-up', 1]);
  });

  it('very short clips fell to 95.5 % of the size: scaled they jumped over it, then were lowered blindly; now in between', () => {
    // Forty frames that answer in steps: over, over, and four percent under, whatever is asked for by scaling alone.
    const steps: Encoder = asked => (asked > 885_000 ? asked * 1.03 : asked > 865_000 ? asked * 1.008 : asked * 0.97);
    const { bytes, rounds } = play(steps, { parts: [1.3] });
    expect(bytes).toBeGreaterThanOrEqual(BUDGET.capBytes * 0.985);
    expect(bytes).toBeLessThanOrEqual(BUDGET.capBytes);
    expect(rounds.length).toBeLessThanOrEqual(5);
  });

  it('a minute of a street at 22 kb/s was made six times at the same whole kilobit: it is not asked for what was tried', () => {
    const whole: Encoder = asked => Math.floor((asked * 8) / 60 / 1000) * 1000 * (60 / 8) * 1.001;
    const budget = { capBytes: 171_143, fixedBytes: 2_000, durationS: 60 };
    const { rounds, bytes } = play(whole, { parts: [60], budget, wholeKilobits: true });
    expect(rounds.length).toBeLessThanOrEqual(3);
    expect(bytes).toBeLessThanOrEqual(budget.capBytes);
  });

  it('what x264 leaves unused of a short clip is asked for on top: 28 frames of HDR came out at 97 % and were made three times', () => {
    const { rounds, bytes } = play(asked => asked * (1 - 0.62 / 28), { parts: [28 / 30], first: 1.62 });
    expect(rounds.length).toBe(1);
    expect(bytes).toBeGreaterThanOrEqual(BUDGET.capBytes * 0.985);
  });

  it('what it takes more than it is asked for is not asked for: few frames were made twice', () => {
    for (const frames of [24, 56]) {
      const { rounds, bytes } = play(asked => asked * (1 + 0.15 / frames), { parts: [frames / 30], first: 0.73 });
      expect(rounds.length, `${frames} frames`).toBe(1);
      expect(bytes).toBeGreaterThanOrEqual(BUDGET.capBytes * 0.99);
    }
  });

  it('eleven frames of a street were made six times and filled 90 %: narrow only where there are frames to steer with', () => {
    const tolerance = (frames: number, fps: number, answers: number[] = []) =>
      wholeTolerance(
        { frames, durationS: frames / fps },
        answers.map((answer, round) => ({ round, askedBytes: 100_000, bytes: 100_000 * answer })),
      );
    expect(tolerance(28, 27.5)).toBe(0.05);
    expect(tolerance(127, 30)).toBe(0.05);
    expect(tolerance(11, 10)).toBe(0.1);
    expect(tolerance(40, 10)).toBe(0.1);
    expect(tolerance(127, 30, [0.94, 0.976])).toBe(0.1);
    // 28 frames of HDR took 3.5 % less each time; then the wide tolerance took 6.6 % less of what had been 0.03 % too much.
    expect(tolerance(28, 27.5, [0.963, 0.966])).toBe(0.05);
    expect(tolerance(600, 30)).toBe(0.3);
  });

  it('50 frames that follow in jumps were left at 98.1 % after four tries: of few frames more are made', () => {
    const answers = [0.94, 1.05, 0.93, 0.94, 0.95, 0.999];
    const { bytes, rounds } = play((asked, _, round) => asked * (answers[round] ?? 1), { parts: [50 / 30] });
    expect(rounds.length).toBeGreaterThan(4);
    expect(bytes).toBeGreaterThanOrEqual(BUDGET.capBytes * 0.985);
    expect(bytes).toBeLessThanOrEqual(BUDGET.capBytes);
  });

  it('what was asked for once is not asked for again: 28 frames got the same 124,762 bytes twice', () => {
    const answers = [0.9634, 0.9656, 0.934];
    const { parts } = play((bytes, _, round) => bytes * (answers[round] ?? 0.934), { parts: [28 / 27.5] });
    const asked = parts[0]?.tries.map(one => one.askedBytes) ?? [];
    expect(asked.length).toBeGreaterThan(3);
    expect(new Set(asked).size).toBe(asked.length);
  });

  it('tables that turn out larger than thought cost the last part a little, not the file its size', () => {
    const { bytes, rounds } = play(missing(1), { overhead: 105_000 });
    expect(rounds.map(round => round.from)).toEqual([0, 3]);
    expect(bytes).toBeLessThanOrEqual(BUDGET.capBytes);
    expect(bytes).toBeGreaterThanOrEqual(BUDGET.capBytes * 0.99);
  });

  it('a tiny last part that can be no smaller was made five times in vain: the one before it gives up what is too much', () => {
    // As it was (sync-edit in parts): the last frames take 891 bytes, whatever is asked for them, and 100 are too much.
    const budget = { capBytes: 65_160, fixedBytes: 8_029, durationS: 4 };
    const first = { durationS: 2, frames: 50, weight: 60_000 };
    const last = { durationS: 2, frames: 1, weight: 900 };
    const of = (...made: [number, number][]) =>
      made.map(([askedBytes, bytes], round) => ({ round, askedBytes, bytes }));
    const parts: SegmentState[] = [
      { ...first, tries: of([17_628, 78_764], [12_618, 56_340]) },
      { ...last, tries: of([1_250, 891], [1_250, 891]) },
    ];
    const rounds = [
      { from: 0, bytes: 87_684 },
      { from: 0, bytes: 65_260 },
    ];
    expect(nextMoves({ budget, segments: parts, rounds, wholeKilobits: false })).toEqual([{ kind: 'round', from: 0 }]);
  });

  it('the part made again changes by an eighth at most, so that nobody sees where', () => {
    const { parts, rounds } = play((asked, part) => asked * (part === 3 ? 1.3 : 1));
    const from = rounds[1]?.from ?? 0;
    for (const part of parts.slice(from)) {
      const [before, after] = part.tries;
      if (before && after && part !== parts[3])
        expect(Math.abs(after.bytes - before.bytes)).toBeLessThan(before.bytes / 8);
    }
  });

  it('more bits that made no difference are the last that were asked for', () => {
    const { bytes, rounds } = play(asked => Math.min(asked, 50_000));
    expect(bytes).toBeLessThan(400_000);
    expect(rounds.length).toBe(2);
  });

  it('nothing is asked for above what can be seen, and no round is spent on it', () => {
    const { parts, rounds } = play(missing(1), { ceilingBytes: 60_000 });
    for (const part of parts) expect(part.tries[0]?.askedBytes).toBeLessThanOrEqual(60_000);
    expect(rounds.length).toBe(1);
  });

  it('a clip that nothing makes small enough is given up, not tried for ever', () => {
    const { move, rounds } = play(() => 500_000);
    expect(move.kind).toBe('give-up');
    expect(rounds.length).toBeLessThanOrEqual(6);
  });

  it('no room for a picture at all: given up before anything is encoded', () => {
    expect(play(missing(1), { budget: { ...BUDGET, fixedBytes: 990_000 } }).passes).toBe(0);
  });

  it('several at once share the room, all but 0.4 % of it, as the first pass says', () => {
    const { parts, mostAtOnce } = play(missing(1), { width: 4 });
    expect(mostAtOnce).toBe(4);
    const room = BUDGET.capBytes - BUDGET.fixedBytes;
    PARTS.forEach((lengthS, at) => {
      const want = (room * 0.996 * lengthS) / 60;
      expect(Math.abs((parts[at]?.tries[0]?.askedBytes ?? 0) / want - 1)).toBeLessThan(0.001);
    });
  });

  it('of several at once, those that begin later make up for misses, by an eighth at most', () => {
    const six = [10, 10, 10, 10, 10, 10];
    const { parts, bytes } = play((asked, part) => asked * (part < 2 ? 1.04 : 1), { width: 2, parts: six });
    const asked = parts.map(part => part.tries[0]?.askedBytes ?? 0);
    expect(asked[5]).toBeLessThan((asked[0] ?? 0) * 0.99);
    expect(Math.min(...asked)).toBeGreaterThan((asked[0] ?? 0) * 0.8);
    expect(bytes).toBeGreaterThanOrEqual(BUDGET.capBytes * 0.9875);
  });

  it('a set takes up the difference instead of the end: the part with the most bytes per frame, if it is enough', () => {
    const dense: Encoder = (asked, _part, round) => asked * (round === 0 ? 1.008 : 1);
    const { rounds, parts, bytes } = play(dense, { width: 4, parts: [10, 20, 20, 10], overhead: BUDGET.fixedBytes });
    expect(rounds.slice(1).every(round => round.parts && round.parts.length === 1)).toBe(true);
    expect(rounds.length).toBe(2);
    const again = parts.filter(part => part.tries.length > 1);
    for (const { tries } of again)
      expect(Math.abs((tries[1]?.bytes ?? 0) / (tries[0]?.bytes ?? 1) - 1)).toBeLessThan(1 / 8);
    expect(bytes).toBeGreaterThanOrEqual(BUDGET.capBytes * 0.9875);
  });

  it('of AV1, the first part is made alone: it shows how wrong the quick pass was', () => {
    const part = { durationS: 60, frames: 1_500, weight: 100_000, tries: [] };
    const state = { budget: BUDGET, segments: [part, part, part], rounds: [{ from: 0 }], width: 3, firstAlone: true };
    expect(nextMoves(state)).toHaveLength(1);
    const running = { ...part, running: { wantBytes: 100_000 } };
    expect(nextMoves({ ...state, segments: [running, part, part] })).toEqual([]);
    const made = { ...part, tries: [{ round: 0, askedBytes: 100_000, bytes: 100_000 }] };
    expect(nextMoves({ ...state, segments: [made, part, part] })).toHaveLength(2);
  });

  it('whatever the encoder does: ends after six rounds, nine of few frames, and never picks a file over the cap', () => {
    const anything = fc.record({
      cap: fc.integer({ min: 20_000, max: 5e9 }),
      fixedShare: fc.double({ min: 0, max: 1.2, noNaN: true }),
      overheadShare: fc.double({ min: 0, max: 1.2, noNaN: true }),
      lengths: fc.array(fc.double({ min: 0.1, max: 4_000, noNaN: true }), { minLength: 1, maxLength: 8 }),
      factors: fc.array(fc.double({ min: 0.01, max: 20, noNaN: true }), { minLength: 7, maxLength: 7 }),
      ceiling: fc.option(fc.integer({ min: 1_000, max: 1e8 }), { nil: undefined }),
      width: fc.integer({ min: 1, max: 10 }),
    });
    fc.assert(
      fc.property(anything, ({ cap, fixedShare, overheadShare, lengths, factors, ceiling, width }) => {
        const durationS = lengths.reduce((sum, one) => sum + one, 0);
        const budget: Budget = { capBytes: cap, fixedBytes: Math.floor(cap * fixedShare), durationS };
        const { bytes, rounds, move, mostAtOnce } = play(
          (asked, part, round) => asked * (factors[(part + 3 * round) % 7] ?? 1),
          {
            budget,
            parts: lengths,
            overhead: Math.floor(cap * overheadShare),
            width,
            ...(ceiling === undefined ? {} : { ceilingBytes: ceiling }),
          },
        );
        expect(mostAtOnce).toBeLessThanOrEqual(width);
        const isFew = lengths.length === 1 && durationS * 30 < 200;
        expect(rounds.length).toBeLessThanOrEqual(isFew ? 9 : 6);
        if (move.kind !== 'done') return;
        expect(bytes).toBeLessThanOrEqual(cap);
        for (const round of rounds) {
          if ((round.bytes ?? 0) <= cap) expect(bytes).toBeGreaterThanOrEqual(round.bytes ?? 0);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
