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
  HARDWARE_MIN_SSIM,
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
import {
  type Below,
  describeEncode,
  type EncodeBasis,
  type EncodePlan,
  floorWord,
  planEncode,
  type PlanOptions,
  whatIsBelow,
  whyGivenUp,
} from '../plan/encode-plan.ts';
import { mustBeWorthIt } from '../plan/in-place.ts';
import { CODEC_NAMES } from '../plan/presets.ts';
import { predictedCrf, type SampledRate } from '../plan/scale.ts';
import { planInventory, planNotes } from '../plan/fates.ts';
import type { Choice, EncodeChoice } from '../plan/strategy.ts';
import { lostAtEnd } from '../plan/timeline.ts';
import type { Muxed, Ssim } from '../run/checkpoints.ts';
import type { LocalJob } from '../run/local-job.ts';
import { countArgs } from '../run/picture-args.ts';
import { encodeSound } from './audio.ts';
import { av1IntoSize } from './av1.ts';
import { encodeAtQuality } from './one-pass.ts';
import { CutMissed } from './cut-check.ts';
import { BelowFloor, intoSizeAboveFloor } from './floor.ts';
import type { HardwareEncoder } from '../../../media/ffmpeg/hardware-args.ts';
import { hardwareSegments, whyNotHardware } from '../plan/hardware.ts';
import { blamedOnHardware, HardwareGaveUp } from './hardware.ts';
import { LocalHands } from './local-hands.ts';
import type { Encode } from './segment.ts';
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
    throw new ShrinkError(
      order.inPlace ? 'cannot-fit' : 'cannot-do',
      say('local.cannot-encode', { codec: choice.codec, why }),
      {
        subject: order.source,
        hint: say('local.cannot-encode-hint'),
      },
    );
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
    const { facts, order, tools, cutting, hands } = job;
    const before = this.#atOnceBefore();
    const atOnce: PlanOptions['atOnce'] = (picture, codec) => before ?? hands.atOnce({ facts, picture, codec });
    this.#plan = planEncode({ facts, order, choice, sample }, { tools, cutting, atOnce });
  }

  async run(): Promise<Outcome> {
    const inventory = this.#inventory(this.#plan);
    const { codec } = this.#choice;
    mustBeWorthIt(this.#job.order, { source: this.#job.facts.video.codec, codec, plan: inventory });
    const refusal = refusalOf(inventory);
    if (refusal) return this.#refused(refusal);
    const { context, effort } = this.#job;
    if (this.#plan.belowFloor) return this.#belowFloor(whatIsBelow(this.#basis, this.#plan, this.#job.tools));
    const lines = describeEncode(this.#basis, this.#plan, effort).map(line => line.text);
    context.log.info({ plan: lines }, `planned: ${this.#choice.why.text}`);
    const encoder = await this.#encoder();
    const made = encoder && (await this.#onHardware(encoder));
    if (made) return made;
    if (this.#plan.way === 'quality') return await this.#byQuality();
    try {
      return await this.#bySize();
    } catch (error) {
      if (!(error instanceof BelowFloor)) throw error;
      return this.#belowFloor(error.below);
    }
  }

  get #basis(): EncodeBasis {
    const { facts, order } = this.#job;
    return { facts, order, choice: this.#choice, sample: this.#sample };
  }

  /** The hardware encoder for this film; why there is none, where one works, is a note of the result. */
  async #encoder(): Promise<HardwareEncoder | undefined> {
    const { hardware, checkpoints, order, facts, cutting } = this.#job;
    const before = checkpoints.hardware.get();
    if (!hardware || before?.gaveUp) return undefined;
    const rejected = before ? undefined : hardware.rejectedOf(order);
    if (rejected !== undefined)
      return await this.#byProcessor(rejected, say('local.hardware-rejected', { encoder: rejected }));
    const encoder = hardware.encoderFor(this.#choice.codec);
    if (!encoder) return undefined;
    if ('code' in encoder) return await this.#byProcessor('', encoder);
    const basis = { facts, choice: this.#choice, sample: this.#sample, plan: this.#plan, encoder, cutting };
    const why = before ? undefined : whyNotHardware(basis);
    if (why) return await this.#byProcessor(encoder.name, why);
    if (before?.encoder !== encoder.name) await checkpoints.hardware.set({ encoder: encoder.name });
    return encoder;
  }

  async #byProcessor(encoder: string, gaveUp: Sentence): Promise<undefined> {
    this.#job.context.log.info({ encoder }, gaveUp.text);
    await this.#job.checkpoints.hardware.set({ encoder, gaveUp });
  }

  /** The film on a hardware encoder; `undefined` once that gave up. */
  async #onHardware(encoder: HardwareEncoder): Promise<Outcome | undefined> {
    const { hardware, order, context } = this.#job;
    try {
      const outcome = await this.#madeOn(encoder);
      hardware?.made(order, encoder.name);
      return outcome;
    } catch (thrown) {
      const error = blamedOnHardware(thrown, encoder);
      if (!(error instanceof HardwareGaveUp)) throw error;
      context.log.warn({ encoder: encoder.name, cause: error.cause }, error.why.text);
      if (error.isFault) hardware?.failed(encoder.name);
      await this.#byProcessor(encoder.name, error.why);
      return undefined;
    }
  }

  async #madeOn(encoder: HardwareEncoder): Promise<Outcome> {
    const { facts, cutting } = this.#job;
    const { capBytes, codec } = this.#choice;
    const basis = { facts, choice: this.#choice, sample: this.#sample, plan: this.#plan, encoder, cutting };
    const segments = hardwareSegments(basis);
    const hands = new LocalHands({
      space: this.#job,
      input: this.#job.input,
      width: 1,
      threads: this.#job.threads,
      encoder,
    });
    const soundAndBudget = await encodeSound(this.#job, this.#choice, this.#plan.sound);
    const work = {
      choice: this.#choice,
      picture: this.#plan.picture,
      segments,
      hands,
      atOnce: 1,
      encoder,
      ...soundAndBudget,
    };
    const { way } = this.#plan;
    if (way === 'size') {
      const crf = ownCrf('h264', predictedCrf(this.#sample, Math.max(1, videoRate(work.budget)), 1));
      const landed = await intoSize(this.#job, work, { crf, ceilingCrf: undefined });
      await this.#isThePicture(work, landed.output, encoder);
      return this.#candidate(landed.work, landed.output, landed.how);
    }
    const { ceiling, losslessLook } = SCALES.h264;
    // Without looking ahead, the same number looks a little worse.
    const qualities = way === 'ceiling' ? [ceiling] : [losslessLook, losslessLook - BETTER_BY];
    for (const crf of qualities) {
      const output = await encodeAtQuality(this.#job, work, crf);
      const tooLarge = say('local.hardware-too-large', { encoder: encoder.name, cap: capBytes });
      if (!output || output.bytes > capBytes) throw new HardwareGaveUp(tooLarge, { isFault: false });
      const ssim = await this.#isThePicture(work, output, encoder);
      if (ssim && way === 'quality' && !isCloseEnough(ssim)) continue;
      const how = say('local.how-hardware-quality', { encoder: encoder.name, codec });
      return this.#candidate(work, output, ssim ? say('local.how-compared', { how, ssim: describeSsim(ssim) }) : how);
    }
    throw new HardwareGaveUp(say('local.hardware-visible', { encoder: encoder.name }), { isFault: false });
  }

  /** Drivers are known to paint everything green, complete and without a complaint. @throws HardwareGaveUp */
  async #isThePicture(work: Encode, output: Muxed, { name }: HardwareEncoder): Promise<Ssim | undefined> {
    const ssim = await measureSsim(this.#job, work.picture, output.file);
    if (ssim && ssim.mean < HARDWARE_MIN_SSIM)
      throw new HardwareGaveUp(say('local.hardware-wrong-picture', { encoder: name }), { isFault: true });
    return ssim;
  }

  /** What has begun stays cut as it is. */
  #atOnceBefore(): number | undefined {
    const { checkpoints, context } = this.#job;
    const hasBegun = context.resume['pass-1/0'] !== undefined || context.resume['one-pass/0'] !== undefined;
    return checkpoints.atOnce.get() ?? (hasBegun ? 1 : undefined);
  }

  async #byQuality(): Promise<Outcome> {
    const { codec, capBytes } = this.#choice;
    const { betterCrf } = this.#job.checkpoints;
    // AV1 needs far fewer bits than the x264 sample suggests: only trying will tell.
    const surelyTooLarge = codec === 'h264' && this.#plan.bytes > capBytes * SURELY_TOO_LARGE;
    const hasOther = this.#choice.otherwise !== undefined || this.#job.order.inPlace === true;
    if (hasOther && surelyTooLarge) return this.#instead();
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
        ? await av1IntoSize(this.#job, work, { plan, expected })
        : await intoSizeAboveFloor(this.#job, work, { basis: this.#basis, plan, expected });
    return this.#candidate(landed.work, landed.output, landed.how);
  }

  async #prepare(): Promise<Encode> {
    const { picture, segments, sound, atOnce } = this.#plan;
    const { facts, hands: factory, checkpoints } = this.#job;
    if (atOnce > 1 && checkpoints.atOnce.get() !== atOnce) await checkpoints.atOnce.set(atOnce);
    const hands = factory.for(this.#job, { facts, picture, codec: this.#choice.codec }, atOnce);
    const soundAndBudget = await encodeSound(this.#job, this.#choice, sound);
    return { choice: this.#choice, picture, segments, hands, atOnce, ...soundAndBudget };
  }

  async #candidate(work: Encode, output: Muxed, what: Sentence, doubts: readonly Sentence[] = []): Promise<Outcome> {
    const { facts, order } = this.#job;
    const { capBytes, codec } = this.#choice;
    const { picture, sound } = work;
    const { width, height } = picture;
    const lost = await this.#lostFrames(work, output);
    const inventory = this.#inventory(work);
    const { gaveUp } = this.#job.checkpoints.hardware.get() ?? {};
    const notes = [...doubts, ...(gaveUp ? [say('local.by-processor', { why: gaveUp })] : []), ...planNotes(inventory)];
    if (output.complaints > 0 && lost === 0) notes.push(say('local.damaged-spots'));
    const isDamage = lost > heldBack(facts.video);
    if (isDamage) notes.push(say('local.frames-lost', { frames: lost }));
    else if (lost > 0) notes.push(say('local.frames-lost-at-shapes', { frames: lost }));
    const { displayWidth, displayHeight } = facts.video;
    if (height < displayHeight - 1 || width < displayWidth - 1)
      notes.push(
        say('local.picture-smaller', { width: displayWidth, height: displayHeight, toWidth: width, toHeight: height }),
      );
    // A dropped frame at the end shortens the result by that frame's length, a lost one by as much.
    const droppedS = lost / facts.video.fps + (picture.fps === undefined ? 0 : 1 / picture.fps);
    const missingS = lostAtEnd(facts, this.#job.tools).seconds + droppedS;
    const candidate = {
      path: this.#job.path(output.file),
      isSource: false,
      ...(output.complaints > 0 || isDamage || sound.damaged ? { damagedSource: true } : {}),
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
  async #lostFrames({ picture }: Encode, output: Muxed): Promise<number> {
    const { facts, order } = this.#job;
    const of = facts.video.frames;
    const frames = picture.fps === undefined ? output.frames : await this.#decodable(output);
    const lost = of - frames;
    if (lost <= mayBeMissing(facts.video) + heldBack(facts.video)) return lost;
    const file = displayName(order.source);
    throw new ShrinkError('incomplete-media', say('local.few-frames', { file, frames, of }), {
      subject: order.source,
      hint: say('media.copy-again-hint'),
    });
  }

  /** Where frames were left out to reach a rate, those of the result do not say how many could be decoded; complaints ask. */
  async #decodable({ complaints }: Muxed): Promise<number> {
    const { facts, tools, input } = this.#job;
    if (complaints === 0) return facts.video.frames;
    const { frames } = await this.#job.run({
      doing: say('local.doing-count'),
      args: countArgs({ tools, facts, input }),
      share: 0,
    });
    return Math.min(frames, facts.video.frames);
  }

  /** A copy may still do, where it was the alternative. */
  #refused({ why, hint }: NonNullable<ReturnType<typeof refusalOf>>): Outcome {
    const { otherwise } = this.#choice;
    if (otherwise?.kind === 'copy') return { kind: 'instead', instead: otherwise, notes: [] };
    const { source } = this.#job.order;
    const message = say('local.refused', { file: displayName(source), why });
    throw new ShrinkError('cannot-do', message, { subject: source, hint });
  }

  /** Before hours are spent: the quality instead of the size, where the target says so; else held, with the size that would do. */
  #belowFloor(below: Below): Outcome {
    const { facts, order, context } = this.#job;
    const { capBytes, floor, otherwise, why } = this.#choice;
    const { needed, looks, isHopeless, isPossible, crowded } = below;
    if (otherwise) {
      const gaveUp = whyGivenUp(this.#choice, below);
      context.log.info(gaveUp.text);
      return { kind: 'instead', instead: { ...otherwise, gaveUp }, notes: [] };
    }
    const soundSeconds = Math.max(0, ...facts.audio.map(({ lengthS = 0 }) => lengthS));
    // Sound that goes on for long may be what needs the room.
    const isSoundLong = order.target.audio.kind !== 'mute' && soundSeconds > 2 * facts.durationS;
    const all = {
      ...{ file: displayName(order.source), cap: capBytes, seconds: facts.durationS },
      ...(isSoundLong && { soundSeconds }),
    };
    const tooSmall =
      crowded !== undefined && !isSoundLong
        ? say('local.crowded', { ...all, frames: crowded, needed })
        : isHopeless && floor !== 'good'
          ? say('local.hopeless', { ...all, decent: needed })
          : say('local.below-floor', { ...all, looks, needed, floor: floorWord(floor) });
    // The cap may be the source's own size, if no smaller one was requested.
    const message =
      capBytes < order.sourceBytes ? tooSmall : say('local.hopeless-because', { hopeless: tooSmall, why });
    const hint =
      floor !== undefined && isPossible
        ? say('local.below-floor-hint', { needed })
        : say('local.hopeless-hint', { decent: needed });
    throw new ShrinkError('cannot-fit', message, { subject: order.source, hint });
  }
}

/**
 * A stretch cut out by copying begins with frames that refer to what was cut away: no decoder shows them, and every player
 * plays the rest. docs/encoding.md, Verifying
 */
function mayBeMissing({ frames, fps }: { frames: number; fps: number }): number {
  return Math.max(frames * MAX_LOST_SHARE, Math.min(fps * MAX_LEADING_S, frames * MAX_LEADING_SHARE));
}

/** Decoder and deinterlacer each hold a frame back, and ffmpeg begins anew with every size: these are lost, and a note says so. */
function heldBack({ shapeChanges, interlaced }: { shapeChanges: number; interlaced: boolean }): number {
  return shapeChanges * (interlaced ? 2 : 1);
}
