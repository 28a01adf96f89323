/**
 * Hitting a size, decided from what was measured; all pure, sizes in bytes. docs/encoding.md, Second pass to Parts
 *
 * Segments are encoded one after another, or several at once. Each is asked for its share of the remaining bytes, so later ones make up
 * for earlier misses. Then everything is muxed and measured. If another round is needed, it encodes only as many segments again as can
 * take up the difference invisibly: the ones at the end; where several are made at once, those with the most bytes per frame.
 */
import {
  AGAIN_AIM,
  ALL_USED_FROM,
  DIFFERENCE_MARGIN,
  FEW_FRAMES,
  FIRST_AIM,
  FULL,
  HARDWARE_AGAIN_AIM,
  HARDWARE_FIRST_AIM,
  HARDWARE_ROUNDS,
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
  TOLERANCE_OF_LAST,
  TOLERANCE_OF_SEGMENTS,
  TOLERANCE_OF_SEVERAL,
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
  /** It is being encoded now, into so many bytes. */
  running?: { wantBytes: number };
}

export interface Try {
  round: number;
  askedBytes: number;
  /** Of the encoded picture, without any container. */
  bytes: number;
}

export interface EncodeRound {
  /** The first segment encoded in this round, and the others up to the end unless `parts` names all that are. */
  from: number;
  parts?: number[];
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
  /** Segments that may be encoded at once; 1 if absent. */
  width?: number;
  /** Nothing is known about this encoder and film until the first segment is done, so the others wait for it. */
  firstAlone?: boolean;
  /** A hardware encoder, in one pass and with few attempts. docs/hardware.md */
  onePass?: boolean;
}

export type Move =
  | EncodeMove
  | { kind: 'join'; round: number }
  | { kind: 'round'; from: number; parts?: number[] }
  | { kind: 'done'; round: number }
  | { kind: 'give-up' };

/** `wantBytes` is what should come out, `askedBytes` what the encoder is asked for, since it misses in a way of its own. */
export interface EncodeMove extends Request {
  kind: 'encode';
  segment: number;
  round: number;
}

interface Request {
  askedBytes: number;
  wantBytes: number;
  /** x264's ratetol. docs/encoding.md, Tolerance */
  tolerance: number;
}

/**
 * What to do next: segments to start with, as many as may be under way, or one of the other moves. None while those under way decide
 * what follows. Never picks a round over the cap; ends after six rounds at the latest, or nine if there are few frames.
 */
export function nextMoves(state: State): Move[] {
  const { segments, rounds, budget } = state;
  const now = rounds.length - 1;
  const round = rounds[now];
  const running = segments.filter(one => one.running).length;
  if (!round || videoRate(budget) < MIN_VIDEO_RATE) return [{ kind: 'give-up' }];
  if (waiting(state, now).length > 0) return starts(state, now, widthOf(state) - running);
  if (running > 0) return [];
  if (round.bytes === undefined) return [{ kind: 'join', round: now }];
  return [afterJoining(state, round.bytes)];
}

const widthOf = ({ width = 1 }: State): number => width;

/** Segments that this round encodes and has not begun with. */
function waiting({ segments, rounds }: State, now: number): number[] {
  const { from = 0, parts } = rounds[now] ?? {};
  const isIn = (at: number) => (parts ? parts.includes(at) : at >= from);
  return segments.flatMap((one, at) => (isIn(at) && !one.running && one.tries.at(-1)?.round !== now ? [at] : []));
}

/** Each knows what those before it were asked for. */
function starts(state: State, now: number, most: number): EncodeMove[] {
  const isFirst = state.firstAlone === true && state.segments.every(one => one.tries.length === 0);
  const [at] = waiting(state, now);
  if (at === undefined || most < 1 || (isFirst && state.segments.some(one => one.running))) return [];
  const move: EncodeMove = { kind: 'encode', segment: at, round: now, ...ask(state, at, now) };
  if (isFirst) return [move];
  const segments = state.segments.map((one, index) =>
    index === at ? { ...one, running: { wantBytes: move.wantBytes } } : one,
  );
  return [move, ...starts({ ...state, segments }, now, most - 1)];
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

function ask(state: State, at: number, now: number): Request {
  const { segments } = state;
  const segment = segments[at];
  if (!segment) return { askedBytes: 1, wantBytes: 1, tolerance: TOLERANCE_OF_WHOLE };
  const tolerance = toleranceOf(state, at, now);
  const least = (MIN_VIDEO_RATE * segment.durationS) / 16;
  const before = segment.tries.at(-1);
  const share = shareOf(state, at, now);
  if (now === 0 || !before) return { ...firstAsk(state, at, share), tolerance };
  // Twice over and never below: the model is wrong for this clip, so the aim drops each time.
  const over = state.rounds.filter(one => (one.bytes ?? 0) > state.budget.capBytes).length;
  const want = share * (state.onePass ? HARDWARE_AGAIN_AIM : AGAIN_AIM);
  const between = bracketed(segment.tries, want);
  if (between !== undefined) return { ...withinReason(want, between, segment, least), tolerance };
  const lower = want * LOWER_AIM ** Math.max(0, over - 1);
  const scaled = (before.askedBytes * lower) / Math.max(1, before.bytes);
  const asked = Math.min(scaled, before.askedBytes * MAX_REQUEST_GROWTH);
  return { ...withinReason(lower, asked, segment, least), tolerance };
}

/** The segment's part of what is left for all that wait in this round. */
function shareOf(state: State, at: number, now: number): number {
  const { segments } = state;
  const rest = new Set(waiting(state, now));
  // In a later round the bytes that came out tell more than the first pass about how much each segment needs.
  const weight = (one: SegmentState) => Math.max(1, now === 0 ? one.weight : lastBytes(one));
  let taken = 0;
  let all = 0;
  for (const [index, one] of segments.entries()) {
    if (rest.has(index)) all += weight(one);
    else taken += one.running?.wantBytes ?? lastBytes(one);
  }
  const room = roomForPicture(state) - (now === 0 && widthOf(state) > 1 ? LAST_MARGIN * roomForPicture(state) : 0);
  const share = Math.max(1, room - taken) * (weight(segments[at] as SegmentState) / all);
  if (now > 0 || widthOf(state) === 1) return share;
  // What others missed by is made up for only as far as it does not show.
  const fair = (room * weight(segments[at] as SegmentState)) / segments.reduce((sum, one) => sum + weight(one), 0);
  return Math.min(fair * (1 + MAX_CHANGE), Math.max(fair * (1 - MAX_CHANGE), share));
}

/** In the first round. Of several at once, none comes after the others to make up for their misses. */
function firstAsk(state: State, at: number, share: number): Pick<Request, 'askedBytes' | 'wantBytes'> {
  const { segments } = state;
  const segment = segments[at] as SegmentState;
  const least = (MIN_VIDEO_RATE * segment.durationS) / 16;
  if (segments.length === 1 && state.onePass)
    return withinReason(share * HARDWARE_FIRST_AIM, share * HARDWARE_FIRST_AIM, segment, least);
  if (segments.length === 1) {
    const want = share * (1 - WHOLE_MARGIN);
    return withinReason(want, want * (1 + unusedFrames(segment, want) / segment.frames), segment, least);
  }
  const done = segments.filter(one => !one.running && one.tries.length > 0);
  if (widthOf(state) > 1) return withinReason(share, share / bias(done), segment, least);
  const isLast = waiting(state, state.rounds.length - 1).length === 1;
  const last = Math.max(MIN_LAST_AIM, 1 - (LAST_MARGIN * roomForPicture(state)) / share);
  const want = share * (isLast ? last : at === 0 ? FIRST_AIM : 1);
  return withinReason(want, want / bias(done), segment, least);
}

function toleranceOf({ segments, rounds, ...state }: State, at: number, now: number): number {
  const segment = segments[at] as SegmentState;
  if (segments.length === 1) return wholeTolerance(segment, segment.tries);
  if (rounds[now]?.parts) return TOLERANCE_OF_LAST;
  if ((state.width ?? 1) > 1) return TOLERANCE_OF_SEVERAL;
  return at === segments.length - 1 ? TOLERANCE_OF_LAST : TOLERANCE_OF_SEGMENTS;
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
  if (frames >= FEW_FRAMES) return TOLERANCE_OF_WHOLE;
  const { least, most } = TOLERANCE_OF_FEW;
  if (frames < VERY_FEW_FRAMES || swings) return most;
  return Math.min(most, Math.max(least, (TOLERANCE_IN_FRAMES * durationS) / frames));
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
  const mostRounds = state.onePass ? HARDWARE_ROUNDS : few ? MAX_ROUNDS_OF_FEW : MAX_ROUNDS;
  if (rounds.length >= mostRounds || bestBytes >= budget.capBytes * FULL) return done;

  const over = bytes > budget.capBytes;
  // What is there besides the picture turned out to fill the size: no encoder takes what is left.
  if (over && roomForPicture(state) * 8 < MIN_VIDEO_RATE * budget.durationS) return done;
  if (over && bestBytes >= budget.capBytes * NEARLY_FULL) return done;
  const difference = Math.abs(budget.capBytes - bytes) * DIFFERENCE_MARGIN;
  const next =
    widthOf(state) > 1 && segments.length > 1 ? setFor(state, difference, over) : endFor(state, difference, over);
  const members = membersOf(next, segments);
  if (!over) {
    const again = members.reduce((sum, segment) => sum + lastBytes(segment), 0);
    const all = segments.reduce((sum, segment) => sum + lastBytes(segment), 0);
    if (bytes >= budget.capBytes * NEARLY_FULL && again > all * MAX_REENCODED_SHARE) return done;
    if (upwardRounds(state) >= mostUpward || noUse(state) || atCeiling(members)) return done;
  } else if (best !== undefined && upwardRounds(state) >= mostUpward) {
    return done;
  }
  return best !== undefined && wouldRepeat(state, next) ? done : { kind: 'round', ...next };
}

type Again = Pick<EncodeRound, 'from' | 'parts'>;

function membersOf({ from, parts }: Again, segments: readonly SegmentState[]): SegmentState[] {
  return segments.filter((_, at) => (parts ? parts.includes(at) : at >= from));
}

/** The same request again would give the same result. */
function wouldRepeat(state: State, next: Again): boolean {
  const { segments, rounds, wholeKilobits } = state;
  const [segment, ...others] = membersOf(next, segments);
  if (!segment || others.length > 0) return false;
  const steps = (askedBytes: number) =>
    wholeKilobits
      ? Math.floor((askedBytes * 8) / segment.durationS / 1000)
      : Math.round(Math.log(askedBytes) / SAME_REQUEST);
  const request = ask({ ...state, rounds: [...rounds, next] }, segments.indexOf(segment), rounds.length);
  return segment.tries.some(one => steps(one.askedBytes) === steps(request.askedBytes));
}

/** The shortest end that can absorb so much; if the last segment cannot become smaller, the one before it gives up the excess. */
function endFor(state: State, difference: number, over: boolean): Again {
  const from = tailFor(state.segments, difference);
  return { from: over && from > 0 && wouldRepeat(state, { from }) ? from - 1 : from };
}

/** The fewest segments that can absorb so much without a visible change: most bytes per frame first, which cost the least work. */
function setFor(state: State, difference: number, over: boolean): Again {
  const { segments } = state;
  const density = (at: number) => lastBytes(segments[at] as SegmentState) / Math.max(1, segments[at]?.frames ?? 1);
  const canChange = (at: number) =>
    !wouldRepeat(state, { from: at, parts: [at] }) && (over || !atCeiling([segments[at] as SegmentState]));
  const all = [...segments.keys()];
  const able = all.filter(canChange).toSorted((a, b) => density(b) - density(a));
  const absorbed = (parts: readonly number[]) =>
    parts.reduce((sum, at) => sum + lastBytes(segments[at] as SegmentState) * MAX_CHANGE, 0);
  const enough = able.findIndex((_, last) => absorbed(able.slice(0, last + 1)) >= difference);
  let parts = enough === -1 ? all : able.slice(0, enough + 1);
  for (const at of [...parts].reverse()) {
    const without = parts.filter(one => one !== at);
    if (enough !== -1 && absorbed(without) >= difference) parts = without;
  }
  parts.sort((a, b) => a - b);
  return { from: parts[0] ?? 0, parts };
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
