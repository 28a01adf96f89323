/**
 * Hitting a size, decided from what was measured; all pure, sizes in bytes. docs/encoding.md, Second pass to Parts
 *
 * Segments are encoded one after another. Each is asked for its share of the remaining bytes, so later ones make up for earlier misses.
 * Then everything is muxed and measured. If another round is needed, it encodes only as many segments at the end again as can take up
 * the difference invisibly.
 */
import {
  AGAIN_AIM,
  ALL_USED_FROM,
  DIFFERENCE_MARGIN,
  FEW_FRAMES,
  FIRST_AIM,
  FULL,
  LAST_MARGIN,
  LOWER_AIM,
  MAX_BIAS,
  MAX_CHANGE,
  MAX_REENCODED_SHARE,
  MAX_REQUEST_GROWTH,
  MAX_ROUNDS,
  MAX_ROUNDS_OF_FEW,
  MAX_UNUSED_FRAMES,
  MAX_UPWARD,
  MAX_UPWARD_OF_FEW,
  MIN_BIAS,
  MIN_LAST_AIM,
  MIN_UNUSED_FRAMES,
  MIN_VIDEO_RATE,
  NEAR_CEILING,
  NEARLY_FULL,
  NO_USE_SHARE,
  SAME_REQUEST,
  SWINGS,
  TOLERANCE_IN_FRAMES,
  TOLERANCE_OF_FEW,
  TOLERANCE_OF_WHOLE,
  UNUSED_FRAMES,
  UNUSED_PER_DOUBLING,
  UNUSED_UP_TO,
  UNUSED_VARIABLE,
  VERY_FEW_FRAMES,
  WHOLE_MARGIN,
} from '../tuning.ts';
import { type Budget, videoBytes, videoRate } from '../plan/budget.ts';

export interface SegmentState {
  durationS: number;
  frames: number;
  /** Frames of different lengths. */
  variable?: boolean;
  /** What the first pass needed at uniform quality: determines how the bits are distributed. */
  weight: number;
  /** Anything above this cannot be seen and is not requested. */
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
  /** The first segment encoded in this round. */
  from: number;
  /** Size of the whole muxed file, once there is one. */
  bytes?: number;
}

export interface State {
  budget: Budget;
  segments: readonly SegmentState[];
  /** Never empty: the first is `{ from: 0 }`. */
  rounds: readonly EncodeRound[];
  /** x265 accepts only whole kilobits per second; x264 can be made to accept fractions (x264-stats.ts). */
  wholeKilobits?: boolean;
}

export type Move =
  /** `wantBytes` is what should come out, `askedBytes` what the encoder is asked for, since it misses in a way of its own. */
  | { kind: 'encode'; segment: number; round: number; askedBytes: number; wantBytes: number }
  | { kind: 'join'; round: number }
  | { kind: 'round'; from: number }
  | { kind: 'done'; round: number }
  | { kind: 'give-up' };

/** What to do next. Never picks a round over the cap; ends after six rounds at the latest, or nine if there are few frames. */
export function nextMove(state: State): Move {
  const { segments, rounds, budget } = state;
  const now = rounds.length - 1;
  const round = rounds[now];
  if (!round || videoRate(budget) < MIN_VIDEO_RATE) return { kind: 'give-up' };
  const missing = segments.findIndex((segment, at) => at >= round.from && segment.tries.at(-1)?.round !== now);
  if (missing !== -1) return { kind: 'encode', segment: missing, round: now, ...ask(state, missing, now) };
  if (round.bytes === undefined) return { kind: 'join', round: now };
  return afterJoining(state, round.bytes);
}

/** Everything except the picture's bytes: measured once there is a muxed file, estimated before. */
function roomForPicture({ segments, rounds, budget }: State): number {
  const at = rounds.findLastIndex(round => round.bytes !== undefined);
  const muxed = rounds[at]?.bytes;
  if (muxed === undefined) return videoBytes(budget);
  const picture = segments.reduce(
    (sum, segment) => sum + (segment.tries.findLast(one => one.round <= at)?.bytes ?? 0),
    0,
  );
  return budget.capBytes - (muxed - picture);
}

function ask(state: State, at: number, now: number): { askedBytes: number; wantBytes: number } {
  const { segments } = state;
  const segment = segments[at];
  if (!segment) return { askedBytes: 1, wantBytes: 1 };
  const isLast = at === segments.length - 1;
  const before = segment.tries.at(-1);
  // In a later round the bytes that came out tell more than the first pass about how much each segment needs.
  const weight = (one: SegmentState) => (now === 0 ? one.weight : lastBytes(one));
  const taken = segments.slice(0, at).reduce((sum, one) => sum + lastBytes(one), 0);
  const rest = segments.slice(at).reduce((sum, one) => sum + Math.max(1, weight(one)), 0);
  const share = Math.max(1, roomForPicture(state) - taken) * (Math.max(1, weight(segment)) / rest);
  const least = (MIN_VIDEO_RATE * segment.durationS) / 16;
  if (now === 0 || !before) {
    const last = Math.max(MIN_LAST_AIM, 1 - (LAST_MARGIN * roomForPicture(state)) / share);
    const aim = segments.length === 1 ? 1 - WHOLE_MARGIN : isLast ? last : at === 0 ? FIRST_AIM : 1;
    const want = share * aim;
    const asked =
      segments.length === 1
        ? want * (1 + unusedFrames(segment, want) / segment.frames)
        : want / bias(segments.slice(0, at));
    return withinReason(want, asked, segment, least);
  }
  // Twice over and never below: the model is wrong for this clip, so the aim drops each time.
  const over = state.rounds.filter(one => (one.bytes ?? 0) > state.budget.capBytes).length;
  const want = share * AGAIN_AIM;
  const between = bracketed(segment.tries, want);
  if (between !== undefined) return withinReason(want, between, segment, least);
  const lower = want * LOWER_AIM ** Math.max(0, over - 1);
  const scaled = (before.askedBytes * lower) / Math.max(1, before.bytes);
  return withinReason(lower, Math.min(scaled, before.askedBytes * MAX_REQUEST_GROWTH), segment, least);
}

/**
 * What to ask for after one try above `want` and another below: on a logarithmic line between the nearest two. Short clips
 * follow requests in steps; scaling alone would swing back and forth between over and under.
 */
function bracketed(tries: readonly Try[], want: number): number | undefined {
  const below = tries.filter(one => one.bytes <= want).toSorted((a, b) => b.askedBytes - a.askedBytes)[0];
  const above = tries.filter(one => one.bytes > want).toSorted((a, b) => a.askedBytes - b.askedBytes)[0];
  if (!below || !above || below.bytes < 1 || below.askedBytes >= above.askedBytes) return undefined;
  const at = Math.log(want / below.bytes) / Math.log(above.bytes / below.bytes);
  return below.askedBytes * (above.askedBytes / below.askedBytes) ** at;
}

/** x264's ratetol for a film in one piece, after these tries. docs/encoding.md, Tolerance */
export function wholeTolerance(
  { frames, durationS }: Pick<SegmentState, 'frames' | 'durationS'>,
  tries: readonly Try[],
): number {
  const answers = tries.map(one => one.bytes / one.askedBytes);
  const swings = answers.some((answer, at) => Math.abs(answer / (answers[at - 1] ?? answer) - 1) > SWINGS);
  if (frames >= FEW_FRAMES || frames < VERY_FEW_FRAMES || swings) return TOLERANCE_OF_WHOLE;
  return Math.min(TOLERANCE_OF_WHOLE, Math.max(TOLERANCE_OF_FEW, (TOLERANCE_IN_FRAMES * durationS) / frames));
}

function unusedFrames({ weight, frames, variable }: SegmentState, want: number): number {
  const short = Math.min(1, Math.max(0, (ALL_USED_FROM - frames) / (ALL_USED_FROM - UNUSED_UP_TO)));
  const unused =
    UNUSED_FRAMES + (variable ? UNUSED_VARIABLE : 0) + UNUSED_PER_DOUBLING * Math.log2(Math.max(1, weight) / want);
  return Math.min(MAX_UNUSED_FRAMES, Math.max(MIN_UNUSED_FRAMES, unused)) * short;
}

function withinReason(want: number, asked: number, segment: SegmentState, least: number) {
  const bounded = (bytes: number) =>
    Math.max(1, Math.floor(Math.max(least, Math.min(bytes, segment.ceilingBytes ?? bytes))));
  return { askedBytes: bounded(asked), wantBytes: bounded(want) };
}

/** How far the encoder misses requests in this clip, damped: segments are only a little alike. */
function bias(done: readonly SegmentState[]): number {
  const asked = done.reduce((sum, segment) => sum + (segment.tries.at(-1)?.askedBytes ?? 0), 0);
  if (asked === 0) return 1;
  const got = done.reduce((sum, segment) => sum + lastBytes(segment), 0);
  return Math.sqrt(Math.min(MAX_BIAS, Math.max(MIN_BIAS, got / asked)));
}

function lastBytes(segment: SegmentState): number {
  return segment.tries.at(-1)?.bytes ?? 0;
}

function afterJoining(state: State, bytes: number): Move {
  const { segments, rounds, budget } = state;
  const best = bestRound(state);
  const done: Move = best === undefined ? { kind: 'give-up' } : { kind: 'done', round: best };
  const bestBytes = best === undefined ? 0 : (rounds[best]?.bytes ?? 0);
  const few = segments.length === 1 && segments.every(segment => segment.frames < FEW_FRAMES);
  const mostUpward = few ? MAX_UPWARD_OF_FEW : MAX_UPWARD;
  if (rounds.length >= (few ? MAX_ROUNDS_OF_FEW : MAX_ROUNDS) || bestBytes >= budget.capBytes * FULL) return done;

  const over = bytes > budget.capBytes;
  // What is there besides the picture turned out to fill the size: no encoder takes what is left.
  if (over && roomForPicture(state) * 8 < MIN_VIDEO_RATE * budget.durationS) return done;
  if (over && bestBytes >= budget.capBytes * NEARLY_FULL) return done;
  const difference = Math.abs(budget.capBytes - bytes);
  const tail = tailFor(segments, difference * DIFFERENCE_MARGIN);
  // If the last segment cannot become smaller, the one before it gives up the excess.
  const from = over && tail > 0 && wouldRepeat(state, tail) ? tail - 1 : tail;
  if (!over) {
    const again = segments.slice(from).reduce((sum, segment) => sum + lastBytes(segment), 0);
    const all = segments.reduce((sum, segment) => sum + lastBytes(segment), 0);
    if (bytes >= budget.capBytes * NEARLY_FULL && again > all * MAX_REENCODED_SHARE) return done;
    if (upwardRounds(state) >= mostUpward || noUse(state) || atCeiling(segments.slice(from))) return done;
  } else if (best !== undefined && upwardRounds(state) >= mostUpward) {
    return done;
  }
  return best !== undefined && wouldRepeat(state, from) ? done : { kind: 'round', from };
}

/** The same request again would give the same result. */
function wouldRepeat(state: State, from: number): boolean {
  const { segments, rounds, wholeKilobits } = state;
  const segment = segments[from];
  if (!segment || from < segments.length - 1) return false;
  const steps = (askedBytes: number) =>
    wholeKilobits
      ? Math.floor((askedBytes * 8) / segment.durationS / 1000)
      : Math.round(Math.log(askedBytes) / SAME_REQUEST);
  const next = ask({ ...state, rounds: [...rounds, { from }] }, from, rounds.length);
  return segment.tries.some(one => steps(one.askedBytes) === steps(next.askedBytes));
}

/** First segment of the shortest end that can absorb this many bytes without a visible change. */
function tailFor(segments: readonly SegmentState[], difference: number): number {
  let tail = 0;
  for (let at = segments.length - 1; at > 0; at -= 1) {
    tail += lastBytes(segments[at] as SegmentState);
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

/** Rounds after one that already fitted. */
function upwardRounds({ rounds, budget }: State): number {
  return rounds.slice(0, -1).filter(round => (round.bytes ?? 0) <= budget.capBytes).length;
}

/** More bits were requested and the segments hardly grew: the picture cannot use them. */
function noUse({ segments, rounds }: State): boolean {
  const now = rounds.length - 1;
  if (now === 0) return false;
  let more = 0;
  let grown = 0;
  for (const { tries } of segments) {
    const [before, last] = tries.slice(-2);
    if (!before || !last || last.round !== now) continue;
    more += last.askedBytes - before.askedBytes;
    grown += last.bytes - before.bytes;
  }
  return more > 0 && grown < more * NO_USE_SHARE;
}

/** Requesting more than this would not be visible. */
export function atCeiling(segments: readonly SegmentState[]): boolean {
  return segments.every(
    segment =>
      segment.ceilingBytes !== undefined &&
      (segment.tries.at(-1)?.askedBytes ?? 0) >= segment.ceilingBytes * NEAR_CEILING,
  );
}
