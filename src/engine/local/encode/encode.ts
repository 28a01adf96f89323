import { ShrinkError } from '../../../core/errors.ts';
import { holdingsOf, type Planned, refusalOf } from '../../../core/inventory.ts';
import type { Candidate } from '../../../core/job.ts';
import type { Sentence } from '../../../core/message.ts';
import { displayName } from '../../../media/ffmpeg/input-errors.ts';
import { cannotWrite } from '../../../media/ffmpeg/tools.ts';
import { say } from '../../../messages/say.ts';
import {
  BETTER_BY,
  DURATION_SLACK_S,
  MAX_BETTER,
  MAX_LEADING_S,
  MAX_LEADING_SHARE,
  MAX_LOST_SHARE,
  SURELY_TOO_LARGE,
  UNUSED_WORTH_SAYING_ONE_PASS,
} from '../tuning.ts';
import { sampleRate } from '../measure/sample.ts';
import { describeSsim, isCloseEnough, measureSsim } from '../measure/ssim.ts';
import { describeSound } from '../plan/audio.ts';
import { videoRate } from '../plan/budget.ts';
import { ownCrf, SCALES } from '../plan/crf.ts';
import { decentBytes, describeEncode, type EncodePlan, planEncode } from '../plan/encode-plan.ts';
import { CODEC_NAMES } from '../plan/presets.ts';
import { predictedCrf, type SampledRate } from '../plan/scale.ts';
import { planInventory, planNotes } from '../plan/fates.ts';
import type { Choice, EncodeChoice } from '../plan/strategy.ts';
import type { Muxed, Ssim } from '../run/checkpoints.ts';
import type { LocalJob } from '../run/local-job.ts';
import { encodeSound } from './audio.ts';
import { av1IntoSize } from './av1.ts';
import { encodeAtQuality } from './one-pass.ts';
import { CutMissed, type Encode } from './segment.ts';
import { intoSize } from './two-pass.ts';

/** The outcome of one way to do it: a candidate, or another way to try instead. */
export type Outcome =
  | { kind: 'candidate'; candidate: Omit<Candidate, 'how' | 'notes' | 'messages'>; how: Sentence; notes: Sentence[] }
  | { kind: 'instead'; instead: Choice; notes: Sentence[] };

/** Encodes into a size or a quality. */
export async function encode(job: LocalJob, choice: EncodeChoice): Promise<Outcome> {
  const { checkpoints, context, order } = job;
  const why = cannotWrite(choice.codec, job.tools);
  if (why) {
    throw new ShrinkError('cannot-do', say('local.cannot-encode', { codec: choice.codec, why }), {
      subject: order.source,
      hint: say('local.cannot-encode-hint'),
    });
  }
  const sample = await sampleRate(job);
  if (checkpoints.whole.get()) return await new Encoding(job.with({ cutting: undefined }), choice, sample).run();
  try {
    return await new Encoding(job, choice, sample).run();
  } catch (error) {
    if (!(error instanceof CutMissed)) throw error;
    context.log.debug({ why: error.message }, 'not in segments');
    await checkpoints.whole.set(true);
    return await new Encoding(job.with({ cutting: undefined }), choice, sample).run();
  }
}

/** One encode, from plan to candidate. */
class Encoding {
  readonly #job: LocalJob;
  readonly #choice: EncodeChoice;
  readonly #sample: SampledRate;
  readonly #plan: EncodePlan;

  constructor(job: LocalJob, choice: EncodeChoice, sample: SampledRate) {
    this.#job = job;
    this.#choice = choice;
    this.#sample = sample;
    this.#plan = planEncode({ facts: job.facts, order: job.order, choice, sample }, job);
  }

  async run(): Promise<Outcome> {
    const refusal = refusalOf(this.#inventory(this.#plan));
    if (refusal) return this.#refused(refusal);
    const { context, facts, order, effort } = this.#job;
    const basis = { facts, order, choice: this.#choice, sample: this.#sample };
    const lines = describeEncode(basis, this.#plan, effort).map(line => line.text);
    context.log.info({ plan: lines }, `planned: ${this.#choice.why.text}`);
    if (this.#plan.hopeless) throw this.#hopeless(decentBytes(basis, this.#plan));
    return this.#plan.way === 'quality' ? await this.#byQuality() : await this.#bySize();
  }

  async #byQuality(): Promise<Outcome> {
    const { codec, capBytes } = this.#choice;
    const { betterCrf } = this.#job.checkpoints;
    // AV1 needs far fewer bits than the x264 sample suggests: only trying will tell.
    const surelyTooLarge = codec === 'h264' && this.#plan.bytes > capBytes * SURELY_TOO_LARGE;
    if (this.#choice.otherwise && surelyTooLarge) return this.#instead();
    const work = await this.#prepare();
    const best = SCALES[codec].losslessLook;
    let crf = betterCrf.get() ?? best;
    for (;;) {
      const output = await encodeAtQuality(this.#job, work, crf);
      if (!output || output.bytes > capBytes) return this.#instead();
      const ssim = await this.#compare(work, output, crf);
      const how = say('local.how-one-pass', { crf });
      if (!ssim) return this.#candidate(work, output, how);
      const measured = say('local.how-compared', { how, ssim: describeSsim(ssim) });
      if (isCloseEnough(ssim)) return this.#candidate(work, output, measured);
      if (crf <= best - MAX_BETTER) return this.#candidate(work, output, measured, [say('local.differences-visible')]);
      crf -= BETTER_BY;
      await betterCrf.set(crf);
    }
  }

  #instead(): Outcome {
    const { otherwise } = this.#choice;
    if (otherwise) return { kind: 'instead', instead: otherwise, notes: [] };
    throw new ShrinkError('cannot-fit', say('local.cannot-shrink-unseen'), { subject: this.#job.order.source });
  }

  async #compare(work: Encode, output: Muxed, crf: number): Promise<Ssim | undefined> {
    const { comparison } = this.#job.checkpoints;
    const before = comparison.get();
    if (before?.crf === crf) return before.ssim;
    const ssim = await measureSsim(this.#job, work.picture, output.file);
    await comparison.set({ crf, ssim });
    return ssim;
  }

  async #bySize(): Promise<Outcome> {
    const { checkpoints, order } = this.#job;
    const { codec, capBytes } = this.#choice;
    const plan = this.#plan;
    const work = await this.#prepare();
    const { ceiling } = SCALES[codec];
    if (plan.way === 'ceiling' && checkpoints.ceilingMissed.get() !== true) {
      const output = await encodeAtQuality(this.#job, work, ceiling);
      if (output && output.bytes <= capBytes) {
        const how = say('local.how-ceiling', { crf: ceiling });
        const unused = capBytes - output.bytes;
        const isWorthSaying = unused > capBytes * UNUSED_WORTH_SAYING_ONE_PASS;
        return this.#candidate(work, output, isWorthSaying ? say('local.how-unused', { how, bytes: unused }) : how);
      }
      await checkpoints.ceilingMissed.set(true);
    }
    const isAuto = order.target.quality === 'auto';
    const x264Crf = predictedCrf(this.#sample, Math.max(1, videoRate(work.budget)), plan.scale);
    const expected = {
      // Nothing above the ceiling is requested, and the first pass is as good as the request.
      crf: ownCrf(codec, isAuto ? Math.max(x264Crf, SCALES.h264.ceiling) : x264Crf),
      ceilingCrf: isAuto ? ceiling : undefined,
    };
    const landed =
      codec === 'av1'
        ? await av1IntoSize(this.#job, work, { plan, expected, hopeless: decent => this.#hopeless(decent) })
        : await intoSize(this.#job, work, expected);
    return this.#candidate(landed.work, landed.output, landed.how);
  }

  async #prepare(): Promise<Encode> {
    const { picture, segments, sound } = this.#plan;
    return { choice: this.#choice, picture, segments, ...(await encodeSound(this.#job, this.#choice, sound)) };
  }

  #candidate(work: Encode, output: Muxed, what: Sentence, doubts: readonly Sentence[] = []): Outcome {
    const { facts, order } = this.#job;
    const { capBytes, codec } = this.#choice;
    const { picture, sound } = work;
    const { width, height } = picture;
    const lost = this.#lostFrames(work, output);
    const inventory = this.#inventory(work);
    const notes = [...doubts, ...planNotes(inventory)];
    if (output.complaints > 0 && lost === 0) notes.push(say('local.damaged-spots'));
    if (lost > 0) notes.push(say('local.frames-lost', { frames: lost }));
    const { displayWidth, displayHeight } = facts.video;
    if (height < displayHeight - 1 || width < displayWidth - 1)
      notes.push(
        say('local.picture-smaller', { width: displayWidth, height: displayHeight, toWidth: width, toHeight: height }),
      );
    // A dropped frame at the end shortens the result by that frame's length, a lost one by as much.
    const missingS = picture.fps === undefined ? lost / facts.video.fps : 1 / picture.fps;
    const candidate = {
      path: this.#job.path(output.file),
      isSource: false,
      ...(output.complaints > 0 || lost > 0 || sound.damaged ? { damagedSource: true } : {}),
      bytes: output.bytes,
      expect: {
        maxBytes: Math.min(capBytes, order.sourceBytes),
        durationS: facts.durationS,
        durationToleranceS: missingS > 0 ? missingS + DURATION_SLACK_S : 0,
        width,
        height,
        frames: output.frames,
        audioTracks: sound.tracks.length,
        subtitleTracks: sound.subtitles.length,
        maxFps: order.target.fps,
        videoCodecs: [CODEC_NAMES[codec]],
        holds: holdingsOf(inventory),
      },
    };
    const how = say('local.how-encoded', { what, width, height, sound: describeSound(sound.tracks) });
    return { kind: 'candidate', candidate, how, notes };
  }

  /** What becomes of everything in the source. */
  #inventory({ picture, sound }: Pick<Encode, 'picture' | 'sound'>): Planned[] {
    const { facts, order, tools } = this.#job;
    const { codec } = this.#choice;
    return planInventory({ way: 'encode', facts, target: order.target, tools, codec, picture, sound });
  }

  /** Frames of the source that are missing from the result; more than `mayBeMissing` mean a damaged source. */
  #lostFrames({ picture }: Encode, output: Muxed): number {
    const { facts, order } = this.#job;
    const { frames } = facts.video;
    const lost = picture.fps === undefined ? frames - output.frames : 0;
    if (lost <= mayBeMissing(facts.video)) return lost;
    const file = displayName(order.source);
    throw new ShrinkError('incomplete-media', say('local.few-frames', { file, frames: output.frames, of: frames }), {
      subject: order.source,
      hint: say('media.copy-again-hint'),
    });
  }

  /** A copy may still do, where it was the alternative. */
  #refused({ why, hint }: NonNullable<ReturnType<typeof refusalOf>>): Outcome {
    const { otherwise } = this.#choice;
    if (otherwise?.kind === 'copy') return { kind: 'instead', instead: otherwise, notes: [] };
    const { source } = this.#job.order;
    const message = say('local.refused', { file: displayName(source), why });
    throw new ShrinkError('cannot-do', message, { subject: source, hint });
  }

  /** Reported before hours are spent, with the size from which on it would look decent. */
  #hopeless(decent: number): ShrinkError {
    const { facts, order } = this.#job;
    const { capBytes, why } = this.#choice;
    const hopeless = say('local.hopeless', {
      file: displayName(order.source),
      cap: capBytes,
      seconds: facts.durationS,
      decent,
    });
    // The cap may be the source's own size, if no smaller one was requested.
    const message = capBytes < order.sourceBytes ? hopeless : say('local.hopeless-because', { hopeless, why });
    return new ShrinkError('cannot-fit', message, {
      subject: order.source,
      hint: say('local.hopeless-hint', { decent }),
    });
  }
}

/**
 * A stretch cut out by copying begins with frames that refer to what was cut away: no decoder shows them, and every player
 * plays the rest. docs/encoding.md, Verifying
 */
function mayBeMissing({ frames, fps }: { frames: number; fps: number }): number {
  return Math.max(frames * MAX_LOST_SHARE, Math.min(fps * MAX_LEADING_S, frames * MAX_LEADING_SHARE));
}
