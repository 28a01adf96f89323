import type { Order } from '../../../core/job.ts';
import type { Floor } from '../../../core/target.ts';
import type { MediaFacts } from '../../../core/media-info.ts';
import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import type { Tools } from '../../../media/ffmpeg/tools.ts';
import {
  DECENT_MARGIN,
  DECENT_SOUND_RATE,
  MAX_SEGMENT_AV1_S,
  LOOKS,
  MIN_FRAME_BYTES,
  MIN_VIDEO_RATE,
  NEED_MARGIN,
  NEEDED_WITHIN,
  ONE_PASS_TIME,
  SURELY_BELOW_CEILING,
  TIMES,
} from '../tuning.ts';
import { describeSound, lengthOf, planSound, type SoundPlan } from './audio.ts';
import { type Budget, joinedTables, longTags, videoBytes, videoRate, videoTables } from './budget.ts';
import { type Codec, SCALES } from './crf.ts';
import { keyframesIn } from './keyframes.ts';
import { type Effort, PRESETS } from './presets.ts';
import {
  chooseRung,
  decentRate,
  predictedCrf,
  looksLike,
  predictedRate,
  type Rung,
  type SampledRate,
  sampleDoubt,
  timeAt,
  WORSE_THAN,
} from './scale.ts';
import { type Cutting, evenLengths, planSegments, type Segment, wholeSegment } from './segments.ts';
import type { EncodeChoice } from './strategy.ts';
import { type PicturePlan, planPicture } from './video.ts';

/** How one source is encoded, from its facts, the order and the samples. Pure; the engine carries it out and `explain` shows it. */
export interface EncodePlan {
  /** At constant quality; at constant quality because the size has more room than is visible; into the size. */
  way: 'quality' | 'ceiling' | 'size';
  picture: PicturePlan;
  /** The picture at the requested size, before the rung made it smaller. */
  full: PicturePlan;
  /** Of the asked size, 0 to 1. */
  scale: number;
  sound: SoundPlan;
  /** Includes an estimate of the sound. */
  budget: Budget;
  segments: Segment[];
  /** How many segments are worked on at once; 1 if the film is not cut for that. */
  atOnce: number;
  /** The x264 quality the picture will roughly match: at this rung, and at full size. */
  crf: number;
  fullCrf: number;
  /** About what comes out. */
  bytes: number;
  /** It would look worse than is accepted for the size's sake. */
  belowFloor: boolean;
  /** Nobody would recognise it, or no encoder can make it. */
  hopeless: boolean;
}

export interface PlanOptions {
  tools: Pick<Tools, 'filters'>;
  cutting: Cutting | undefined;
  /** How many segments of such a picture can be worked on at once. */
  atOnce(picture: PicturePlan, codec: Codec): number;
}

/** The inputs of a plan. */
export interface EncodeBasis {
  facts: MediaFacts;
  order: Order;
  choice: EncodeChoice;
  sample: SampledRate;
}

export function planEncode(
  { facts, order, choice, sample }: EncodeBasis,
  { tools, cutting, atOnce }: PlanOptions,
): EncodePlan {
  const { target } = order;
  const full = planPicture(facts, target, 1, tools);
  const cut = (picture: PicturePlan) =>
    segmentsFor(facts, choice, full.fps ?? facts.video.fps, { cutting, atOnce: atOnce(picture, choice.codec) });
  if (choice.mode === 'quality') {
    const sound = planSound(facts, target, undefined);
    const crf = SCALES.h264.losslessLook;
    const bytes = (predictedRate(sample, crf, 1) * facts.durationS) / 8 + sound.estimateBytes;
    const budget = budgetOf(facts, choice, sound.estimateBytes);
    const common = { picture: full, full, scale: 1, sound, budget, ...cut(full), crf, fullCrf: crf, bytes };
    return { way: 'quality', ...common, belowFloor: false, hopeless: false };
  }
  const sound = planSound(facts, target, {
    capBytes: choice.capBytes,
    spareBytes: spareBytes(facts, order, choice, sample),
  });
  const budget = budgetOf(facts, choice, sound.estimateBytes);
  const rate = Math.max(1, videoRate(budget));
  const rung = chooseRung(sample, rate, full, choice.codec);
  const picture = rung.scale < 1 ? planPicture(facts, target, rung.scale, tools) : full;
  const { ceiling } = SCALES.h264;
  // A pass that turns out too large at its end is thrown away; two passes are safe, because the first shows where the ceiling is.
  const surely = Math.max(SURELY_BELOW_CEILING, sampleDoubt(sample));
  const generous = target.quality === 'auto' && rung.crf < ceiling - surely;
  const likely = target.quality === 'auto' && rung.crf < ceiling;
  const hopeless = videoRate(budget) < MIN_VIDEO_RATE || rung.hopeless;
  const needed = (predictedRate(sample, ceiling, rung.scale) * facts.durationS) / 8 + budget.fixedBytes;
  return {
    way: generous ? 'ceiling' : 'size',
    picture,
    full,
    scale: rung.scale,
    sound,
    budget,
    ...cut(picture),
    crf: likely ? ceiling : rung.crf,
    fullCrf: predictedCrf(sample, rate, 1),
    bytes: likely ? Math.min(needed, choice.capBytes) : choice.capBytes,
    belowFloor: videoRate(budget) < MIN_VIDEO_RATE || isBelow(choice, sample, rung),
    hopeless,
  };
}

/** A doubtful sample holds no job; where the quality can be kept instead, nothing is lost by believing it. */
function isBelow({ codec, floor, otherwise }: EncodeChoice, sample: SampledRate, rung: Rung): boolean {
  if (floor === undefined) return rung.hopeless;
  // Samples of x264 say little about AV1, so there the first pass decides.
  if (codec === 'av1') return false;
  return looksLike(sample, rung) >= WORSE_THAN[floor] + (otherwise ? 0 : sampleDoubt(sample));
}

/** What the picture has no use for: it stops at the ceiling. Nothing where it may take all there is. */
function spareBytes(facts: MediaFacts, { target }: Order, { capBytes }: EncodeChoice, sample: SampledRate): number {
  if (target.quality !== 'auto') return 0;
  const { frames, variableFrameRate } = facts.video;
  const picture = (predictedRate(sample, SCALES.h264.ceiling, 1) * facts.durationS) / 8;
  const tables = videoTables(frames, facts.durationS, variableFrameRate);
  return Math.max(0, capBytes - picture * NEED_MARGIN - tables - longTags(facts));
}

export function budgetOf(facts: MediaFacts, choice: EncodeChoice, soundBytes: number): Budget {
  const { frames, variableFrameRate } = facts.video;
  const { durationS } = facts;
  return {
    capBytes: choice.capBytes,
    fixedBytes: Math.ceil(soundBytes) + videoTables(frames, durationS, variableFrameRate) + longTags(facts),
    durationS,
  };
}

/** The same plan once a first pass in one piece has shown how large the tables of the picture are. */
export function budgetWith(pictureTables: number, budget: Budget, facts: MediaFacts): Budget {
  const { frames, variableFrameRate } = facts.video;
  const soundBytes = budget.fixedBytes - videoTables(frames, facts.durationS, variableFrameRate) - longTags(facts);
  return { ...budget, fixedBytes: soundBytes + joinedTables(pictureTables, { ...facts, hasSound: soundBytes > 0 }) };
}

function segmentsFor(
  facts: MediaFacts,
  { codec }: EncodeChoice,
  fps: number,
  { cutting, atOnce }: { cutting: Cutting | undefined; atOnce: number },
): Pick<EncodePlan, 'segments' | 'atOnce'> {
  if (!cutting) return { segments: wholeSegment(facts), atOnce: 1 };
  const longestS = codec === 'av1' ? Math.min(cutting.longestS, MAX_SEGMENT_AV1_S) : cutting.longestS;
  const isLong = facts.durationS > longestS;
  if (atOnce > 1 && isLong) {
    const lengths = evenLengths(facts.durationS, { longestS }, atOnce);
    return { segments: planSegments(facts, { longestS }, lengths), atOnce };
  }
  const short = codec === 'av1' && !isLong ? atKeyframes(facts, fps) : undefined;
  return { segments: planSegments(facts, { longestS }, short), atOnce: 1 };
}

/**
 * Lengths of all segments but the last of a short clip in AV1: cut where its own keyframes fall anyway, so that a cut costs nothing.
 * The first segment shows how far off the quick pass was, the last one absorbs what the others missed.
 */
function atKeyframes({ durationS, video }: MediaFacts, fps: number): number[] {
  const count = keyframesIn(video.frames * Math.min(1, fps / Math.max(1, video.fps)), fps, 'av1');
  const each = durationS / count;
  if (count === 1) return [];
  return count === 2 ? [each] : [each, each * (count - 2)];
}

/** The smallest size that would do: in which it looks as its floor asks, or decent where it has none. Never more than the source has. */
export function neededBytes(basis: EncodeBasis, plan: EncodePlan, tools: Pick<Tools, 'filters'>): number {
  const { facts, order, choice } = basis;
  const { floor, capBytes } = choice;
  if (floor === undefined || floor === 'any') return decentBytes(basis, plan);
  const isEnough = (bytes: number) =>
    !planEncode({ ...basis, choice: { ...choice, capBytes: bytes } }, { tools, cutting: undefined, atOnce: () => 1 })
      .belowFloor;
  const most = facts.window?.bytes ?? order.sourceBytes;
  let [less, enough] = [capBytes, most];
  // From the size of the source on it is not made smaller, so no floor counts.
  while (enough - less > enough * NEEDED_WITHIN) {
    const middle = Math.sqrt(less * enough);
    if (isEnough(middle)) enough = middle;
    else less = middle;
  }
  return Math.min(most, enough * DECENT_MARGIN);
}

/** The smallest size in which this would look decent. */
function decentBytes({ facts, sample }: EncodeBasis, plan: EncodePlan): number {
  const [first] = plan.sound.tracks;
  const heard = facts.audio.find(({ index }) => index === first?.index);
  const leastSound = heard ? (DECENT_SOUND_RATE * lengthOf(heard, facts)) / 8 : 0;
  const tables = videoTables(facts.video.frames, facts.durationS, facts.video.variableFrameRate);
  const rate = Math.max(decentRate(sample, plan.full), MIN_VIDEO_RATE);
  return ((rate * facts.durationS) / 8 + leastSound + tables) * DECENT_MARGIN;
}

/** What is said of a size in which it would look worse than is accepted. */
export interface Below {
  /** It looks as asked from so many bytes on. */
  needed: number;
  looks: Sentence;
  picture: Pick<PicturePlan, 'width' | 'height'>;
  isSmaller: boolean;
  isHopeless: boolean;
  /** The words that accept any look would get the size. */
  isPossible: boolean;
  /** Its frames, if they have no room however they look. */
  crowded?: number;
}

export function whatIsBelow(basis: EncodeBasis, plan: EncodePlan, tools: Pick<Tools, 'filters'>): Below {
  const { facts, choice } = basis;
  const { frames: all, fps } = facts.video;
  const frames = all * Math.min(1, (plan.full.fps ?? fps) / fps);
  const isCrowded = choice.codec !== 'av1' && videoBytes(plan.budget) < frames * MIN_FRAME_BYTES;
  return {
    needed: neededBytes(basis, plan, tools),
    looks: looks(looksLike(basis.sample, plan)),
    picture: plan.picture,
    isSmaller: plan.scale < 1,
    isHopeless: plan.hopeless,
    isPossible: videoRate(plan.budget) >= MIN_VIDEO_RATE && !isCrowded,
    ...(isCrowded && { crowded: Math.round(frames) }),
  };
}

/** Why a size is given up for the quality. */
export function whyGivenUp({ capBytes, floor }: EncodeChoice, below: Below): Sentence {
  const { needed, looks, picture, isSmaller, isPossible } = below;
  const how = isSmaller ? say('local.looks-at', { looks, width: picture.width, height: picture.height }) : looks;
  const gaveUp = say('local.gave-up-size', { cap: capBytes, looks: how, needed, floor: floorWord(floor) });
  return isPossible ? say('local.gave-up-unless', { gaveUp, cap: capBytes }) : gaveUp;
}

/** Why it is held, as `explain` says it. */
export function describeHeld({ capBytes: cap, floor }: EncodeChoice, below: Below): Sentence {
  const { needed, looks, isHopeless } = below;
  if (below.crowded !== undefined) return say('local.plan-crowded', { cap, frames: below.crowded, needed });
  if (isHopeless && floor !== 'good') return say('local.plan-held', { cap, decent: needed });
  return say('local.plan-below-floor', { cap, looks, needed, floor: floorWord(floor) });
}

/** The look that a size is named for. */
export function floorWord(floor: Floor | undefined): 'decent' | 'good' {
  return floor === 'good' ? 'good' : 'decent';
}

/** Lines for `explain` and the log. */
export function describeEncode(basis: EncodeBasis, plan: EncodePlan, effort: Effort): Sentence[] {
  const { sample } = basis;
  const { picture, full, budget, sound } = plan;
  const look = looks(looksLike(sample, plan));
  const { width, height } = picture;
  const video =
    plan.way === 'size'
      ? say('local.plan-video-rate', { bytes: videoBytes(budget), bitsPerSecond: videoRate(budget) })
      : say('local.plan-video-enough', { bytes: Math.max(0, plan.bytes - budget.fixedBytes) });
  const size =
    plan.scale < 1
      ? say('local.plan-scaled', {
          ...{ width, height, fullWidth: full.width, fullHeight: full.height },
          ...{ fullCrf: plan.fullCrf, looks: looks(looksLike(sample, { scale: 1, crf: plan.fullCrf })), crf: plan.crf },
        })
      : say('local.plan-full-size', { width, height, crf: plan.crf });
  const frames =
    picture.fps === undefined ? say('local.plan-every-frame') : say('local.plan-fewer-frames', { fps: picture.fps });
  return [
    say('local.plan-budget', {
      sound: describeSound(sound.tracks),
      soundBytes: sound.estimateBytes,
      tableBytes: budget.fixedBytes - sound.estimateBytes,
      video,
    }),
    say('local.plan-picture', { size, frames }),
    say('local.plan-looks', { looks: look, bytes: plan.bytes }),
    describePasses(basis, plan, effort),
  ];
}

function describePasses(basis: EncodeBasis, plan: EncodePlan, effort: Effort): Sentence {
  const { codec } = basis.choice;
  const twoPass = codec === 'av1' ? say('local.plan-passes-av1') : say('local.plan-two-passes');
  const passes = plan.way === 'size' ? twoPass : say('local.plan-one-pass');
  const { atOnce } = plan;
  const segments = plan.segments.length;
  const preset = PRESETS[codec][effort];
  const encoder = say('local.plan-encoder', { codec, preset, effort, passes, segments, atOnce });
  const seconds = expectedSeconds(basis, plan, effort);
  return seconds === undefined ? encoder : say('local.plan-time', { encoder, seconds });
}

/** What a CRF on x264's scale looks like. */
function looks(crf: number): Sentence {
  if (crf < LOOKS.likeSource) return say('local.looks-like-source');
  if (crf < LOOKS.nearlyLikeSource) return say('local.looks-nearly-like-source');
  if (crf < LOOKS.good) return say('local.looks-good');
  if (crf < LOOKS.decent) return say('local.looks-decent');
  return crf < LOOKS.soft ? say('local.looks-soft') : say('local.looks-bad');
}

export function expectedSeconds(
  { facts, choice, sample }: EncodeBasis,
  plan: EncodePlan,
  effort: Effort,
): number | undefined {
  if (sample.secondsPerFrame === undefined) return undefined;
  const passes = plan.way === 'size' ? 1 : ONE_PASS_TIME;
  return (
    (facts.video.frames * sample.secondsPerFrame * TIMES[choice.codec][effort] * passes * timeAt(plan.scale)) /
    plan.atOnce
  );
}
