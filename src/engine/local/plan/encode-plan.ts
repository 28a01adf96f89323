import type { Order } from '../../../core/job.ts';
import type { MediaFacts } from '../../../core/media-info.ts';
import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import type { Tools } from '../../../media/ffmpeg/tools.ts';
import {
  DECENT_MARGIN,
  DECENT_SOUND_RATE,
  MAX_SEGMENT_AV1_S,
  LOOKS,
  MIN_VIDEO_RATE,
  NEED_MARGIN,
  ONE_PASS_TIME,
  SURELY_BELOW_CEILING,
  TIMES,
} from '../tuning.ts';
import { describeSound, lengthOf, planSound, type SoundPlan } from './audio.ts';
import { type Budget, joinedTables, longTags, videoBytes, videoRate, videoTables } from './budget.ts';
import { SCALES } from './crf.ts';
import { keyframesIn } from './keyframes.ts';
import { type Effort, PRESETS } from './presets.ts';
import {
  chooseRung,
  decentRate,
  predictedCrf,
  predictedRate,
  type SampledRate,
  sampleDoubt,
  stillness,
  timeAt,
} from './scale.ts';
import { type Cutting, planSegments, type Segment, wholeSegment } from './segments.ts';
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
  /** The x264 quality the picture will roughly match: at this rung, and at full size. */
  crf: number;
  fullCrf: number;
  /** About what comes out. */
  bytes: number;
  hopeless: boolean;
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
  { tools, cutting }: { tools: Pick<Tools, 'filters'>; cutting: Cutting | undefined },
): EncodePlan {
  const { target } = order;
  const full = planPicture(facts, target, 1, tools);
  const segments = segmentsFor(facts, choice, full.fps ?? facts.video.fps, cutting);
  if (choice.mode === 'quality') {
    const sound = planSound(facts, target, undefined);
    const crf = SCALES.h264.losslessLook;
    const bytes = (predictedRate(sample, crf, 1) * facts.durationS) / 8 + sound.estimateBytes;
    const budget = budgetOf(facts, choice, sound.estimateBytes);
    const common = { picture: full, full, scale: 1, sound, budget, segments, crf, fullCrf: crf, bytes };
    return { way: 'quality', ...common, hopeless: false };
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
  const needed = (predictedRate(sample, ceiling, rung.scale) * facts.durationS) / 8 + budget.fixedBytes;
  return {
    way: generous ? 'ceiling' : 'size',
    picture,
    full,
    scale: rung.scale,
    sound,
    budget,
    segments,
    crf: likely ? ceiling : rung.crf,
    fullCrf: predictedCrf(sample, rate, 1),
    bytes: likely ? Math.min(needed, choice.capBytes) : choice.capBytes,
    hopeless: videoRate(budget) < MIN_VIDEO_RATE || rung.hopeless,
  };
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

function segmentsFor(facts: MediaFacts, { codec }: EncodeChoice, fps: number, cutting: Cutting | undefined): Segment[] {
  if (!cutting) return wholeSegment(facts);
  if (codec !== 'av1') return planSegments(facts, cutting);
  const longestS = Math.min(cutting.longestS, MAX_SEGMENT_AV1_S);
  return planSegments(facts, { longestS }, facts.durationS > longestS ? undefined : atKeyframes(facts, fps));
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

/** The smallest size in which this would look decent. */
export function decentBytes({ facts, sample }: EncodeBasis, plan: EncodePlan): number {
  const [first] = plan.sound.tracks;
  const heard = facts.audio.find(({ index }) => index === first?.index);
  const leastSound = heard ? (DECENT_SOUND_RATE * lengthOf(heard, facts)) / 8 : 0;
  const tables = videoTables(facts.video.frames, facts.durationS, facts.video.variableFrameRate);
  const rate = Math.max(decentRate(sample, plan.full), MIN_VIDEO_RATE);
  return ((rate * facts.durationS) / 8 + leastSound + tables) * DECENT_MARGIN;
}

/** Lines for `explain` and the log. */
export function describeEncode(basis: EncodeBasis, plan: EncodePlan, effort: Effort): Sentence[] {
  const { choice, sample } = basis;
  const { picture, full, budget, sound } = plan;
  const { capBytes } = choice;
  if (plan.hopeless) return [say('local.plan-held', { cap: capBytes, decent: decentBytes(basis, plan) })];
  const still = stillness(sample);
  const { width, height } = picture;
  const video =
    plan.way === 'size'
      ? say('local.plan-video-rate', { bytes: videoBytes(budget), bitsPerSecond: videoRate(budget) })
      : say('local.plan-video-enough', { bytes: Math.max(0, plan.bytes - budget.fixedBytes) });
  const size =
    plan.scale < 1
      ? say('local.plan-scaled', {
          ...{ width, height, fullWidth: full.width, fullHeight: full.height },
          ...{ fullCrf: plan.fullCrf, looks: looks(plan.fullCrf - still), crf: plan.crf },
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
    say('local.plan-looks', { looks: looks(plan.crf - still), bytes: plan.bytes }),
    describePasses(basis, plan, effort),
  ];
}

function describePasses(basis: EncodeBasis, plan: EncodePlan, effort: Effort): Sentence {
  const { codec } = basis.choice;
  const twoPass = codec === 'av1' ? say('local.plan-passes-av1') : say('local.plan-two-passes');
  const passes = plan.way === 'size' ? twoPass : say('local.plan-one-pass');
  const segments = plan.segments.length;
  const encoder = say('local.plan-encoder', { codec, preset: PRESETS[codec][effort], effort, passes, segments });
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

function expectedSeconds({ facts, choice, sample }: EncodeBasis, plan: EncodePlan, effort: Effort): number | undefined {
  if (sample.secondsPerFrame === undefined) return undefined;
  const passes = plan.way === 'size' ? 1 : ONE_PASS_TIME;
  return facts.video.frames * sample.secondsPerFrame * TIMES[choice.codec][effort] * passes * timeAt(plan.scale);
}
