import { type Budget, MIN_VIDEO_RATE, videoBytes, videoRate } from '../plan/budget.ts';

/**
 * Landing on a size, decided from what was measured; all pure, sizes in bytes.
 *
 * Parts are encoded one after the other. Each is asked for its share of what is left, so what one missed the next ones make
 * up for. Then everything is muxed and measured. In the next round, if there has to be one, only as many parts at the end are
 * made again as are needed to take up the difference without it being seen.
 */
export interface SegmentState {
  durationS: number;
  frames: number;
  /** Frames of different lengths. */
  variable?: boolean;
  /** What the first pass needed at the same quality everywhere: how the bits are shared out. */
  weight: number;
  /** From here on more cannot be seen; not asked for. */
  ceilingBytes?: number;
  /** One per round it was encoded in. */
  tries: Try[];
}

export interface Try {
  round: number;
  askedBytes: number;
  /** Of the encoded picture, without any container. */
  bytes: number;
}

export interface EncodeRound {
  /** The first part that is made in this round. */
  from: number;
  /** Size of the whole muxed file, once it is. */
  bytes?: number;
}

export interface State {
  budget: Budget;
  parts: readonly SegmentState[];
  /** At least the first, `{ from: 0 }`. */
  rounds: readonly EncodeRound[];
  /** x265 takes nothing between two kilobits a second; x264 can be talked into it (pass-log.ts). */
  wholeKilobits?: boolean;
}

export type Move =
  /** `wantBytes` is what should come out, `askedBytes` what the encoder is told, which misses in its own way. */
  | { kind: 'encode'; part: number; round: number; askedBytes: number; wantBytes: number }
  | { kind: 'join'; round: number }
  | { kind: 'round'; from: number }
  | { kind: 'done'; round: number }
  | { kind: 'give-up' };

/**
 * In one piece: aimed so much below the cap. Of two dozen draws of 24 to 190 frames all but two then missed by less than that. At
 * 0.01 most clips end there; at 0.004 those of two hundred frames and less were often made again, by three threads.
 */
const WHOLE_FREE = 0.005;
/**
 * x264 leaves a little of what it is asked for unused, counted in average frames: of 24 to 75 none where the first pass had as many bytes
 * as come out, 0.1 where it had 1.3 times and 0.6 where it had 1.8 times as many (28 of HDR); 0.15 more than asked where it had 0.8
 * (fifteen draws, one thread each; with three it was twice as much, and another 0.4 of frames of different lengths). A screen
 * recording, all whose bits are in its first frame, leaves 2 to 5. Then it becomes less: 0.6 of 255 frames, 0.2 of 362.
 */
const UNUSED_FRAMES = -0.05;
const UNUSED_PER_DOUBLING = 0.6;
const UNUSED_UP_TO = 200;
const ALL_USED_FROM = 290;
const MIN_UNUSED_FRAMES = -0.7;
const UNUSED_VARIABLE = -0.1;
const MAX_UNUSED_FRAMES = 4;
/** x264 takes 1.4 % more than it is asked for on average over seven clips (encoding.md section 4a). */
const FIRST_AIM = 0.99;
/**
 * The last part has nobody behind it to make up for what it misses. So much of the whole file is left free, whatever its share:
 * most files end between 99 % and 100 %, and few are made again.
 */
const LEFT_FREE = 0.004;
const MIN_LAST_AIM = 0.9;
/** Scaled from measured bytes, 10 of 10 landed within 0.12 %. */
const AGAIN_AIM = 0.998;
/** Filled well enough. More than this is vanity: 1 % of the bits is 0.1 to 0.25 VMAF (encoding.md section 7). */
const FULL = 0.9875;
/** Filled well enough where more would mean to make most of it again. */
const NEARLY_FULL = 0.985;
/** Fewer bits by an eighth in the last part do not show; all of it in a smaller part does (encoding.md section 4b). */
const MAX_CHANGE = 1 / 8;
/** Share of the picture that is made again for filling up alone. */
const MAX_REENCODED_SHARE = 0.35;
const MAX_ROUNDS = 6;
/** Rounds that may be spent on filling up; on staying below the cap all of them may. */
const MAX_UPWARD = 2;
/** Of few frames, which follow what is asked in jumps, but cost little: 50 of 4:4:4 were left at 98.1 %, 28 of HDR at 97.2 %. */
const MAX_ROUNDS_OF_FEW = 9;
const MAX_UPWARD_OF_FEW = 5;
/** The ceiling is a prediction: from here on it counts as reached. */
const NEAR_CEILING = 0.8;

/** What to do next. Never picks a round over the cap; ends after six rounds at the latest, nine of few frames. */
export function nextMove(state: State): Move {
  const { parts, rounds, budget } = state;
  const now = rounds.length - 1;
  const round = rounds[now];
  if (!round || videoRate(budget) < MIN_VIDEO_RATE) return { kind: 'give-up' };
  const missing = parts.findIndex((part, at) => at >= round.from && part.tries.at(-1)?.round !== now);
  if (missing !== -1) return { kind: 'encode', part: missing, round: now, ...ask(state, missing, now) };
  if (round.bytes === undefined) return { kind: 'join', round: now };
  return afterJoining(state, round.bytes);
}

/** Everything but the picture's bytes: measured once there is a muxed file, else the estimate. */
function roomForPicture({ parts, rounds, budget }: State): number {
  const at = rounds.findLastIndex(round => round.bytes !== undefined);
  const muxed = rounds[at]?.bytes;
  if (muxed === undefined) return videoBytes(budget);
  const picture = parts.reduce((sum, part) => sum + (part.tries.findLast(one => one.round <= at)?.bytes ?? 0), 0);
  return budget.capBytes - (muxed - picture);
}

function ask(state: State, at: number, now: number): { askedBytes: number; wantBytes: number } {
  const { parts } = state;
  const part = parts[at];
  if (!part) return { askedBytes: 1, wantBytes: 1 };
  const isLast = at === parts.length - 1;
  const before = part.tries.at(-1);
  // In a later round the measured bytes say better than the first pass how much each needs.
  const weight = (one: SegmentState) => (now === 0 ? one.weight : lastBytes(one));
  const taken = parts.slice(0, at).reduce((sum, one) => sum + lastBytes(one), 0);
  const rest = parts.slice(at).reduce((sum, one) => sum + Math.max(1, weight(one)), 0);
  const share = Math.max(1, roomForPicture(state) - taken) * (Math.max(1, weight(part)) / rest);
  const least = (MIN_VIDEO_RATE * part.durationS) / 16;
  if (now === 0 || !before) {
    const last = Math.max(MIN_LAST_AIM, 1 - (LEFT_FREE * roomForPicture(state)) / share);
    const aim = parts.length === 1 ? 1 - WHOLE_FREE : isLast ? last : at === 0 ? FIRST_AIM : 1;
    const want = share * aim;
    const asked =
      parts.length === 1 ? want * (1 + unusedFrames(part, want) / part.frames) : want / bias(parts.slice(0, at));
    return withinReason(want, asked, part, least);
  }
  // Twice over and never below means that the model is wrong for this clip: then lower by 3 % each time.
  const over = state.rounds.filter(one => (one.bytes ?? 0) > state.budget.capBytes).length;
  const want = share * AGAIN_AIM;
  const between = bracketed(part.tries, want);
  if (between !== undefined) return withinReason(want, between, part, least);
  const lower = want * 0.97 ** Math.max(0, over - 1);
  const scaled = (before.askedBytes * lower) / Math.max(1, before.bytes);
  return withinReason(lower, Math.min(scaled, before.askedBytes * 4), part, least);
}

/**
 * What to ask for where one try came out above `want` and another below: on the straight line between the nearest two, of the
 * logarithms. Short clips follow what they are asked in steps; scaling alone went from 4 % over to 4 % under and back.
 */
function bracketed(tries: readonly Try[], want: number): number | undefined {
  const below = tries.filter(one => one.bytes <= want).toSorted((a, b) => b.askedBytes - a.askedBytes)[0];
  const above = tries.filter(one => one.bytes > want).toSorted((a, b) => a.askedBytes - b.askedBytes)[0];
  if (!below || !above || below.bytes < 1 || below.askedBytes >= above.askedBytes) return undefined;
  const at = Math.log(want / below.bytes) / Math.log(above.bytes / below.bytes);
  return below.askedBytes * (above.askedBytes / below.askedBytes) ** at;
}

const FEW_FRAMES = 200;
/** Of fewer, or once two tries answered differently, rate control has nothing to steer with: a narrow tolerance makes it swing. */
const VERY_FEW_FRAMES = 25;
/** Of what is asked, the share that comes out: further apart from one try to the next it swings. */
const SWINGS = 0.01;
/** A tolerance is in seconds: at ten frames a second 0.05 of them is half a frame, and results jumped by a tenth (90.1 % after six tries). */
const TOLERANCE_IN_FRAMES = 1.3;

/**
 * x264's ratetol for one in one piece, after these `tries`. 0.1: behind a first pass twice too good it still lands nearer by half (60
 * frames: -3.7 % instead of -7.2 %), and a miss would cost the whole pass again. Of few frames 0.05 halves the misses once more (28
 * of HDR: +1.7 instead of +3.5 %; 127: +0.1 instead of +0.5 %) at the same SSIM; 0.03 sometimes and 0.01 mostly goes wild (+3.6 % of
 * 60 frames, +22 % of 28). A buffer (VBV) that holds the whole size would end every overshoot, but x264 takes none that fills
 * slower than the bit rate.
 */
export function wholeTolerance(
  { frames, durationS }: Pick<SegmentState, 'frames' | 'durationS'>,
  tries: readonly Try[],
): number {
  const answers = tries.map(one => one.bytes / one.askedBytes);
  const swings = answers.some((answer, at) => Math.abs(answer / (answers[at - 1] ?? answer) - 1) > SWINGS);
  if (frames >= FEW_FRAMES || frames < VERY_FEW_FRAMES || swings) return 0.1;
  return Math.min(0.1, Math.max(0.05, (TOLERANCE_IN_FRAMES * durationS) / frames));
}

function unusedFrames({ weight, frames, variable }: SegmentState, want: number): number {
  const short = Math.min(1, Math.max(0, (ALL_USED_FROM - frames) / (ALL_USED_FROM - UNUSED_UP_TO)));
  const unused =
    UNUSED_FRAMES + (variable ? UNUSED_VARIABLE : 0) + UNUSED_PER_DOUBLING * Math.log2(Math.max(1, weight) / want);
  return Math.min(MAX_UNUSED_FRAMES, Math.max(MIN_UNUSED_FRAMES, unused)) * short;
}

function withinReason(want: number, asked: number, part: SegmentState, least: number) {
  const bounded = (bytes: number) =>
    Math.max(1, Math.floor(Math.max(least, Math.min(bytes, part.ceilingBytes ?? bytes))));
  return { askedBytes: bounded(asked), wantBytes: bounded(want) };
}

/** How far the encoder misses what it is asked for in this clip, half of it taken over: the parts resemble each other a little. */
function bias(done: readonly SegmentState[]): number {
  const asked = done.reduce((sum, part) => sum + (part.tries.at(-1)?.askedBytes ?? 0), 0);
  if (asked === 0) return 1;
  const got = done.reduce((sum, part) => sum + lastBytes(part), 0);
  return Math.sqrt(Math.min(1.2, Math.max(0.9, got / asked)));
}

function lastBytes(part: SegmentState): number {
  return part.tries.at(-1)?.bytes ?? 0;
}

function afterJoining(state: State, bytes: number): Move {
  const { parts, rounds, budget } = state;
  const best = bestRound(state);
  const done: Move = best === undefined ? { kind: 'give-up' } : { kind: 'done', round: best };
  const bestBytes = best === undefined ? 0 : (rounds[best]?.bytes ?? 0);
  const few = parts.length === 1 && parts.every(part => part.frames < FEW_FRAMES);
  const mostUpward = few ? MAX_UPWARD_OF_FEW : MAX_UPWARD;
  if (rounds.length >= (few ? MAX_ROUNDS_OF_FEW : MAX_ROUNDS) || bestBytes >= budget.capBytes * FULL) return done;

  const over = bytes > budget.capBytes;
  if (over && bestBytes >= budget.capBytes * NEARLY_FULL) return done;
  const difference = Math.abs(budget.capBytes - bytes);
  const tail = tailFor(parts, difference * 1.1);
  // A last part that can be no smaller is no help: the one before it gives up what is too much.
  const from = over && tail > 0 && wouldRepeat(state, tail) ? tail - 1 : tail;
  if (!over) {
    const again = parts.slice(from).reduce((sum, part) => sum + lastBytes(part), 0);
    const all = parts.reduce((sum, part) => sum + lastBytes(part), 0);
    if (bytes >= budget.capBytes * NEARLY_FULL && again > all * MAX_REENCODED_SHARE) return done;
    if (upwardRounds(state) >= mostUpward || noUse(state) || atCeiling(parts.slice(from))) return done;
  } else if (best !== undefined && upwardRounds(state) >= mostUpward) {
    return done;
  }
  return best !== undefined && wouldRepeat(state, from) ? done : { kind: 'round', from };
}

/** So near each other two rates are the same one. */
const ALIKE = 0.0002;

/** Nothing else would come out. x265 takes whole kilobits a second: at 22 of them there is nothing between two sizes 4.5 % apart. */
function wouldRepeat(state: State, from: number): boolean {
  const { parts, rounds, wholeKilobits } = state;
  const part = parts[from];
  if (!part || from < parts.length - 1) return false;
  const steps = (askedBytes: number) =>
    wholeKilobits ? Math.floor((askedBytes * 8) / part.durationS / 1000) : Math.round(Math.log(askedBytes) / ALIKE);
  const next = ask({ ...state, rounds: [...rounds, { from }] }, from, rounds.length);
  return part.tries.some(one => steps(one.askedBytes) === steps(next.askedBytes));
}

/** The shortest tail that takes up so many bytes without its picture changing. */
function tailFor(parts: readonly SegmentState[], difference: number): number {
  let tail = 0;
  for (let at = parts.length - 1; at > 0; at -= 1) {
    tail += lastBytes(parts[at] as SegmentState);
    if (difference <= tail * MAX_CHANGE) return at;
  }
  return 0;
}

function bestRound({ rounds, budget }: State): number | undefined {
  let best: number | undefined;
  for (const [at, round] of rounds.entries()) {
    if (round.bytes === undefined || round.bytes > budget.capBytes) continue;
    if (best === undefined || round.bytes > (rounds[best]?.bytes ?? 0)) best = at;
  }
  return best;
}

/** Rounds that followed one that fitted. */
function upwardRounds({ rounds, budget }: State): number {
  return rounds.slice(0, -1).filter(round => (round.bytes ?? 0) <= budget.capBytes).length;
}

/** More bits were asked for and the parts hardly grew: the picture has no use for them. */
function noUse({ parts, rounds }: State): boolean {
  const now = rounds.length - 1;
  if (now === 0) return false;
  let more = 0;
  let grown = 0;
  for (const { tries } of parts) {
    const [before, last] = tries.slice(-2);
    if (!before || !last || last.round !== now) continue;
    more += last.askedBytes - before.askedBytes;
    grown += last.bytes - before.bytes;
  }
  return more > 0 && grown < more * 0.1;
}

/** More than these were asked for would not be seen. */
export function atCeiling(parts: readonly SegmentState[]): boolean {
  return parts.every(
    part => part.ceilingBytes !== undefined && (part.tries.at(-1)?.askedBytes ?? 0) >= part.ceilingBytes * NEAR_CEILING,
  );
}
