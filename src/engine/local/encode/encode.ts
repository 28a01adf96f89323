import { join } from 'node:path';
import { ShrinkError } from '../../../core/errors.ts';
import type { Candidate } from '../../../core/job.ts';
import { cannotWrite } from '../../../media/ffmpeg/tools.ts';
import { displayName } from '../../../media/ffmpeg/input-errors.ts';
import { formatBytes } from '../../../core/units.ts';
import { atQuality } from './one-pass.ts';
import { av1IntoSize } from './av1.ts';
import { type LocalJob, recall, remember } from '../run/local-job.ts';
import { videoRate } from '../plan/budget.ts';
import { decentBytes, describePlan, type EncodePlan, planEncode } from '../plan/encode-plan.ts';
import { intoSize } from './two-pass.ts';
import { makeSound } from './audio.ts';
import type { Outcome } from './outcome.ts';
import { droppedTracks, type EncodeChoice } from '../plan/strategy.ts';
import { isCloseEnough, type Ssim, describeSsim, measureSsim } from '../measure/ssim.ts';
import { ownCrf, SCALES } from '../plan/crf.ts';
import { predictedCrf, type SampledRate } from '../plan/scale.ts';
import { sampleRate } from '../measure/sample.ts';
import { describeSound } from '../plan/audio.ts';
import { CutMissed, type Encode, type Muxed } from './segment.ts';

/** A prediction this far over the cap is believed without encoding. */
const SURELY_TOO_LARGE = 1.6;

/** Encodes into a size or a quality. */
export async function encode(job: LocalJob, choice: EncodeChoice): Promise<Outcome> {
  const why = cannotWrite(choice.codec, job.tools);
  if (why) {
    throw new ShrinkError('cannot-do', `${choice.codec} cannot be made: ${why}`, {
      subject: job.order.source,
      hint: 'Set `codec: h264` in the rule, or install an ffmpeg that has it.',
    });
  }
  const sample = await sampleRate(job);
  const carryOut = async (of: LocalJob) => {
    const plan = planEncode(of.facts, of.order, choice, sample, of);
    const lines = describePlan(of.facts, choice, plan, sample, of.effort);
    of.context.log.info({ plan: lines }, `planned: ${choice.why}`);
    if (plan.hopeless) throw hopeless(of, choice, decentBytes(of.facts, plan, sample));
    return plan.way === 'quality' ? await byQuality(of, choice, plan) : await bySize(of, choice, plan, sample);
  };
  if (recall<boolean>(job, 'whole')) return await carryOut({ ...job, cutting: undefined });
  try {
    return await carryOut(job);
  } catch (error) {
    if (!(error instanceof CutMissed)) throw error;
    job.context.log.debug({ why: error.message }, 'not in parts');
    await remember(job, 'whole', true);
    return await carryOut({ ...job, cutting: undefined });
  }
}

async function byQuality(job: LocalJob, choice: EncodeChoice, plan: EncodePlan): Promise<Outcome> {
  const otherwise = choice.otherwise;
  const instead = (): Outcome => {
    if (otherwise) return { kind: 'instead', instead: otherwise, notes: [] };
    throw new ShrinkError('cannot-fit', 'it cannot become smaller and look the same', { subject: job.order.source });
  };
  // AV1 needs far fewer bits than the x264 sample says: there only trying tells.
  if (otherwise && choice.codec === 'h264' && plan.bytes > choice.capBytes * SURELY_TOO_LARGE) return instead();
  const { picture, segments } = plan;
  const work: Encode = { choice, picture, segments, ...(await makeSound(job, choice, plan.sound)) };
  const best = SCALES[choice.codec].losslessLook;
  let crf = recall<number>(job, 'better-crf') ?? best;
  for (;;) {
    const output = await atQuality(job, work, crf);
    if (!output || output.bytes > choice.capBytes) return instead();
    const what = `one pass at visually lossless quality (CRF ${crf})`;
    const ssim = await ssimOnce(job, work, output, crf);
    if (!ssim) return candidateOf(job, work, output, what);
    const said = `${what}, ${describeSsim(ssim)}`;
    if (isCloseEnough(ssim)) return candidateOf(job, work, output, said);
    if (crf <= best - MAX_BETTER) return candidateOf(job, work, output, said, [DOUBT]);
    crf -= BETTER_BY;
    await remember(job, 'better-crf', crf);
  }
}

/** Where the comparison fails, so many steps better is tried, twice. */
const BETTER_BY = 2;
const MAX_BETTER = 4;
const DOUBT = 'comparing it with the source found differences that someone may see, even at this quality';

async function ssimOnce(job: LocalJob, work: Encode, output: Muxed, crf: number): Promise<Ssim | undefined> {
  const stored = recall<{ crf: number; proof: Ssim | undefined }>(job, 'proof');
  if (stored?.crf === crf) return stored.proof;
  const ssim = await measureSsim(job, work.picture, output.file);
  await remember(job, 'proof', { crf, ...(ssim ? { proof: ssim } : {}) });
  return ssim;
}

async function bySize(job: LocalJob, choice: EncodeChoice, plan: EncodePlan, sample: SampledRate): Promise<Outcome> {
  const { picture, segments } = plan;
  const work: Encode = { choice, picture, segments, ...(await makeSound(job, choice, plan.sound)) };
  const { ceiling } = SCALES[choice.codec];
  if (plan.way === 'ceiling' && recall<boolean>(job, 'ceiling-missed') !== true) {
    const output = await atQuality(job, work, ceiling);
    if (output && output.bytes <= choice.capBytes) {
      const unused = choice.capBytes - output.bytes;
      const saved = unused > choice.capBytes * 0.03 ? `; the other ${formatBytes(unused)} would not be seen` : '';
      return candidateOf(job, work, output, `one pass, visually lossless (CRF ${ceiling})${saved}`);
    }
    await remember(job, 'ceiling-missed', true);
  }
  const x264Crf = predictedCrf(sample, Math.max(1, videoRate(work.budget)), plan.scale);
  const expected = {
    // Nothing is asked for above the ceiling, and the first pass is as good as what is.
    crf: ownCrf(choice.codec, job.order.target.quality === 'auto' ? Math.max(x264Crf, SCALES.h264.ceiling) : x264Crf),
    ceilingCrf: job.order.target.quality === 'auto' ? ceiling : undefined,
  };
  const held = (decent: number) => hopeless(job, choice, decent);
  const landed =
    choice.codec === 'av1'
      ? await av1IntoSize(job, plan, work, { expected, held })
      : await intoSize(job, work, expected);
  return candidateOf(job, landed.work, landed.output, landed.how);
}

/** Of a source with more frames missing than this, nobody would say that it "came out smaller". */
const MAX_LOST = 0.02;
/**
 * A stretch cut out by copying begins with pictures that lean on what was cut away (RASL in HEVC, leading B-frames in H.264): no
 * decoder shows them, and every player plays the rest. So much of a short one may be missing, seconds and as a share.
 */
const MAX_LEADING_S = 0.2;
const MAX_LEADING_SHARE = 1 / 8;

function mayBeMissing({ frames, fps }: { frames: number; fps: number }): number {
  return Math.max(frames * MAX_LOST, Math.min(fps * MAX_LEADING_S, frames * MAX_LEADING_SHARE));
}

function candidateOf(
  job: LocalJob,
  work: Encode,
  output: Muxed,
  what: string,
  doubts: readonly string[] = [],
): Outcome {
  const { facts, order, context } = job;
  const { picture, sound, choice } = work;
  const lost = picture.fps === undefined ? facts.video.frames - output.frames : 0;
  if (lost > mayBeMissing(facts.video)) {
    throw new ShrinkError(
      'incomplete-media',
      `${displayName(order.source)} is damaged: only ${output.frames} of its ${facts.video.frames} frames can be decoded`,
      {
        subject: order.source,
        hint: 'Copy or export it again.',
      },
    );
  }
  const notes = [...doubts, ...picture.notes, ...sound.notes, ...droppedTracks(facts)];
  if (output.complaints > 0 && lost === 0)
    notes.push('the source has damaged spots; they are concealed as well as the decoder can');
  if (lost > 0) notes.push(`${lost} frames of the source could not be decoded and are missing`);
  const wanted = { width: facts.video.displayWidth, height: facts.video.displayHeight };
  if (picture.height < wanted.height - 1 || picture.width < wanted.width - 1) {
    notes.push(`picture made smaller, from ${wanted.width}x${wanted.height} to ${picture.width}x${picture.height}`);
  }
  const candidate: Candidate = {
    path: join(context.workDir, output.file),
    isSource: false,
    ...(output.complaints > 0 || lost > 0 || sound.damaged ? { damagedSource: true } : {}),
    bytes: output.bytes,
    expect: {
      maxBytes: Math.min(choice.capBytes, order.sourceBytes),
      durationS: facts.durationS,
      // A dropped frame at the end shortens it by its own length, a lost one by as much.
      durationToleranceS:
        picture.fps === undefined ? (lost > 0 ? lost / facts.video.fps + 0.05 : 0) : 1 / picture.fps + 0.05,
      width: picture.width,
      height: picture.height,
      frames: output.frames,
      audioTracks: sound.tracks.length,
      subtitleTracks: sound.subtitles.length,
      ...(order.target.fps === undefined ? {} : { maxFps: order.target.fps }),
      videoCodecs: [{ h264: 'h264', h265: 'hevc', av1: 'av1' }[choice.codec]],
    },
    how: `${what}, ${picture.width}x${picture.height}, ${describeSound(sound.tracks)}`,
    notes,
  };
  return { kind: 'candidate', candidate };
}

/** Said before hours are spent, with the size from which on it would look decent. */
function hopeless({ facts, order }: LocalJob, choice: EncodeChoice, decent: number): ShrinkError {
  const inWords = formatBytes(decent);
  // The cap may be the source's own size, when nothing smaller was asked for.
  const asked = choice.capBytes < order.sourceBytes ? '' : ` (${choice.why})`;
  return new ShrinkError(
    'cannot-fit',
    `${displayName(order.source)} would be unrecognisable in ${formatBytes(choice.capBytes)}${asked}: ${Math.round(facts.durationS)} s of this picture need about ${inWords} to look decent`,
    { subject: order.source, hint: `Ask for at least ${inWords}, or cut it shorter first.` },
  );
}
