import type { Order } from '../../../core/job.ts';
import type { MediaFacts } from '../../../core/media-info.ts';
import { formatBytes } from '../../../core/units.ts';
import type { Tools } from '../../../media/ffmpeg/tools.ts';
import { PRESETS } from '../run/ffmpeg-args.ts';
import type { Effort } from '../run/local-job.ts';
import { type Budget, formatRate, joinedTables, MIN_VIDEO_RATE, videoBytes, videoRate, videoTables } from './budget.ts';
import { keyframesIn } from './keyframes.ts';
import { type Cutting, type Segment, planSegments, wholeSegment } from './segments.ts';
import { type PicturePlan, planPicture } from './video.ts';
import type { EncodeChoice } from './strategy.ts';
import { SCALES } from './crf.ts';
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
import { describeSound, planSound, type SoundPlan } from './audio.ts';

/** How one source is encoded, from its facts, the order and the samples. Pure; what the engine does and what `explain` says. */
export interface EncodePlan {
  /** At constant quality; at constant quality because the size has more room than can be seen; into the size. */
  way: 'quality' | 'ceiling' | 'size';
  picture: PicturePlan;
  /** The picture at the size asked for, before the rung made it smaller. */
  full: PicturePlan;
  /** Of the asked size, 0 to 1. */
  scale: number;
  sound: SoundPlan;
  /** With an estimate of the sound. */
  budget: Budget;
  segments: Segment[];
  /** What the picture will be about as good as, on x264's scale: at this rung, and at full size. */
  crf: number;
  fullCrf: number;
  /** About what comes out. */
  bytes: number;
  hopeless: boolean;
}

/**
 * A ceiling this many steps of CRF below the budget is met in one pass; nearer to it the prediction may be wrong, and a pass that turns
 * out too large at its end is thrown away (clip 02 generous: one place of 0.7 s said 9, it was 17; 2.2 times the work). Two passes
 * are safe: the first shows where the ceiling lies.
 */
const SURELY_BELOW_CEILING = 2.5;

export function planEncode(
  facts: MediaFacts,
  order: Order,
  choice: EncodeChoice,
  sample: SampledRate,
  options: { tools: Pick<Tools, 'filters'>; cutting: Cutting | undefined },
): EncodePlan {
  const { target } = order;
  const { tools, cutting } = options;
  const full = planPicture(facts, target, 1, tools);
  const segments = partsFor(facts, choice, full.fps ?? facts.video.fps, cutting);
  if (choice.mode === 'quality') {
    const sound = planSound(facts, target, undefined);
    const crf = SCALES.h264.losslessLook;
    const bytes = (predictedRate(sample, crf, 1) * facts.durationS) / 8 + sound.estimateBytes;
    const budget = budgetOf(facts, choice, sound.estimateBytes);
    const common = { picture: full, full, scale: 1, sound, budget, segments, crf, fullCrf: crf, bytes };
    return { way: 'quality', ...common, hopeless: false };
  }
  const sound = planSound(facts, target, choice.capBytes);
  const budget = budgetOf(facts, choice, sound.estimateBytes);
  const rate = Math.max(1, videoRate(budget));
  const rung = chooseRung(sample, rate, full, choice.codec);
  const picture = rung.scale < 1 ? planPicture(facts, target, rung.scale, tools) : full;
  const { ceiling } = SCALES.h264;
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

export function budgetOf(facts: MediaFacts, choice: EncodeChoice, soundBytes: number): Budget {
  const { frames, variableFrameRate } = facts.video;
  const { durationS } = facts;
  return {
    capBytes: choice.capBytes,
    fixedBytes: Math.ceil(soundBytes) + videoTables(frames, durationS, variableFrameRate),
    durationS,
  };
}

/** The same once a first pass in one piece has shown how large the tables of the picture are. */
export function budgetWith(pictureTables: number, budget: Budget, facts: MediaFacts): Budget {
  const { frames, variableFrameRate } = facts.video;
  const soundBytes = budget.fixedBytes - videoTables(frames, facts.durationS, variableFrameRate);
  return { ...budget, fixedBytes: soundBytes + joinedTables(pictureTables, { ...facts, hasSound: soundBytes > 0 }) };
}

/** A pass of AV1 takes as long as both of x264: of a long film no more than this is lost by a restart. */
const AV1_LONGEST_S = 60;

function partsFor(facts: MediaFacts, { codec }: EncodeChoice, fps: number, cutting: Cutting | undefined): Segment[] {
  if (!cutting) return wholeSegment(facts);
  if (codec !== 'av1') return planSegments(facts, cutting);
  const longestS = Math.min(cutting.longestS, AV1_LONGEST_S);
  return planSegments(facts, { longestS }, facts.durationS > longestS ? undefined : atKeyframes(facts, fps));
}

/**
 * Lengths of all parts but the last of a short clip in AV1: cut where its own keyframes come anyway, so that a cut costs nothing. The first part shows how
 * much more or less than the quick pass said is needed, the last one takes up what the others missed: 0.6 encodes less than making all of it again.
 */
function atKeyframes({ durationS, video }: MediaFacts, fps: number): number[] {
  const count = keyframesIn(video.frames * Math.min(1, fps / Math.max(1, video.fps)), fps, 'av1');
  const each = durationS / count;
  if (count === 1) return [];
  return count === 2 ? [each] : [each, each * (count - 2)];
}

/** The smallest size in which this would look decent. */
export function decentBytes(facts: MediaFacts, plan: EncodePlan, sample: SampledRate): number {
  const leastSound = plan.sound.tracks.length === 0 ? 0 : (32_000 * facts.durationS) / 8;
  const tables = videoTables(facts.video.frames, facts.durationS, facts.video.variableFrameRate);
  const rate = Math.max(decentRate(sample, plan.full), MIN_VIDEO_RATE);
  return ((rate * facts.durationS) / 8 + leastSound + tables) * 1.05;
}

/** Lines for `explain` and the log. */
export function describePlan(
  facts: MediaFacts,
  choice: EncodeChoice,
  plan: EncodePlan,
  sample: SampledRate,
  effort: Effort,
): string[] {
  const { picture, full, budget, sound, segments } = plan;
  if (plan.hopeless) {
    return [
      `it would be held: unrecognisable in ${formatBytes(choice.capBytes)}; from about ${formatBytes(decentBytes(facts, plan, sample))} on it would look decent`,
    ];
  }
  const tables = budget.fixedBytes - sound.estimateBytes;
  const size = `${picture.width}x${picture.height}`;
  const still = stillness(sample);
  const rate =
    plan.way === 'size'
      ? `${formatBytes(videoBytes(budget))} for the picture, ${formatRate(videoRate(budget))}`
      : `about ${formatBytes(Math.max(0, plan.bytes - budget.fixedBytes))} for the picture, as much as can be seen`;
  const rung =
    plan.scale < 1
      ? `picture: ${size} instead of ${full.width}x${full.height}, because at full size it would be CRF ${Math.round(plan.fullCrf)}, ${looks(plan.fullCrf - still)}; like this it is CRF ${Math.round(plan.crf)}`
      : `picture: ${size}, about CRF ${Math.round(plan.crf)}`;
  const fps =
    picture.fps === undefined ? 'every frame is kept' : `frames dropped to ${picture.fps.toFixed(2)} a second`;
  const passes =
    plan.way !== 'size'
      ? 'one pass'
      : choice.codec === 'av1'
        ? 'a quick pass that looks, and may choose another picture size, then one or two'
        : 'two passes';
  const inParts = segments.length > 1 ? ` in ${segments.length} parts, each a place to go on from` : '';
  const seconds = expectedSeconds(facts, choice, plan, sample, effort);
  return [
    `${describeSound(sound.tracks)}: about ${formatBytes(sound.estimateBytes)}; tables of the MP4: about ${formatBytes(tables)}; ${rate}`,
    ...sound.notes,
    `${rung}; ${fps}`,
    `expected to look ${looks(plan.crf - still)}, in about ${formatBytes(plan.bytes)}`,
    `${choice.codec} ${PRESETS[choice.codec][effort]} (effort ${effort}), ${passes}${inParts}${seconds === undefined ? '' : `; about ${duration(seconds)} on this machine, as busy as it is now`}`,
  ];
}

/** What a CRF on x264's scale looks like. VMAF of two clips in encoding.md section 4f: 18 is 98 to 99, 22 is 97, 26 is 91 to 94. */
function looks(crf: number): string {
  if (crf < 20.5) return 'like the source';
  if (crf < 23.5) return 'nearly like the source';
  if (crf < 27) return 'good';
  if (crf < 31.5) return 'decent: fine detail goes';
  if (crf < 36) return 'soft and blocky where it moves';
  return 'bad';
}

/**
 * Times of one pass with `veryfast` at full size, which the samples took: measured on the corpus, within a half of the truth; AV1's from
 * its processor time against x264's two passes.
 */
const TIMES: Readonly<Record<EncodeChoice['codec'], Readonly<Record<Effort, number>>>> = {
  h264: { fast: 1.4, balanced: 2.2, best: 4 },
  h265: { fast: 4, balanced: 9, best: 30 },
  av1: { fast: 3.5, balanced: 6, best: 11 },
};
function expectedSeconds(
  facts: MediaFacts,
  choice: EncodeChoice,
  plan: EncodePlan,
  sample: SampledRate,
  effort: Effort,
): number | undefined {
  if (sample.secondsPerFrame === undefined) return undefined;
  const passes = plan.way === 'size' ? 1 : 0.7;
  return facts.video.frames * sample.secondsPerFrame * TIMES[choice.codec][effort] * passes * timeAt(plan.scale);
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
