/**
 * Room: the engine that works on this machine, with ffmpeg. plan/ decides purely from the source's facts; run/ is one job and its
 * command lines; measure/ samples and compares; encode/ carries out a plan; tuning.ts holds every constant. May import core, messages,
 * platform, media and the engines' contract.
 */
import { availableParallelism, totalmem } from 'node:os';
import { ShrinkError } from '../../core/errors.ts';
import type { Candidate, EngineName, Order } from '../../core/job.ts';
import type { MediaFacts } from '../../core/media-info.ts';
import type { Sentence } from '../../core/message.ts';
import type { Tools } from '../../media/ffmpeg/tools.ts';
import { probe } from '../../media/probe/probe.ts';
import { say } from '../../messages/say.ts';
import type { InputFile } from '../../platform/files/files.ts';
import type { Clock } from '../../platform/clock.ts';
import {
  type Engine,
  type EngineContext,
  type FilmFacts,
  type Forecast,
  type ForecastOptions,
  type SampledFilm,
  wordsOf,
} from '../engine.ts';
import { encode, type Outcome } from './encode/encode.ts';
import { describeHardware, HardwareDesk } from './encode/hardware.ts';
import { type HardwareBasis, whyNotHardware } from './plan/hardware.ts';
import { localHands } from './encode/local-hands.ts';
import { withFixedTimestamps } from './encode/fix-timestamps.ts';
import { copyPicture } from './encode/remux.ts';
import type { HandsFactory } from './hands.ts';
import { takeSamples } from './measure/sample.ts';
import {
  describeEncode,
  describeHeld,
  expectedSeconds,
  planEncode,
  type PlanOptions,
  whatIsBelow,
  whyGivenUp,
} from './plan/encode-plan.ts';
import type { Machine } from './plan/capacity.ts';
import { type Effort, threadsFor } from './plan/presets.ts';
import { whyKept } from './plan/in-place.ts';
import type { SampledRate } from './plan/scale.ts';
import { type Cutting, CUTTING } from './plan/segments.ts';
import { describeInventory, planInventory } from './plan/fates.ts';
import { type Choice, choose, describeChoice, describePart, describePlan, withPossibleCodec } from './plan/strategy.ts';
import { LocalCheckpoints } from './run/checkpoints.ts';
import { LocalJob } from './run/local-job.ts';
import { Meter } from './run/progress.ts';

export interface LocalEngineOptions {
  /** Another one where others encode the picture. */
  name?: EngineName;
  tools: Tools;
  effort: Effort;
  /** Threads of the decoder, the filters and the encoder, of all parts encoded at once together; by default one per core. */
  threads?: number;
  clock: Clock;
  /** Niceness of the children: a NAS has other things to do. */
  nice?: number;
  /** Length of the segments it works in; tests use seconds. */
  cutting?: Cutting;
  /** What a job may use of this machine; by default all of it. */
  machine?: Machine;
  /** Who encodes the picture; by default this machine. */
  hands?: HandsFactory;
  /** A child without progress for this long is killed. Moving the index of a large file to its front takes a while. */
  stallMs?: number;
}

const NICE = 10;
const STALL_MS = 10 * 60_000;
/** The most ways to try in a row: into a size that looks bad, encoded as good as the source, copied, encoded into its size. */
const MAX_WAYS = 5;

export function createLocalEngine(options: LocalEngineOptions): Engine {
  return new LocalEngine(options);
}

class LocalEngine implements Engine {
  readonly name: EngineName;
  readonly #options: LocalEngineOptions;
  readonly #hands: HandsFactory;
  readonly #hardware: HardwareDesk | undefined;

  constructor(options: LocalEngineOptions) {
    this.name = options.name ?? 'local';
    this.#options = options;
    this.#hands = options.hands ?? localHands(options.machine ?? thisMachine(), options.threads);
    // Others have the hardware that they have.
    const encoders = options.hands ? [] : (options.tools.hardware?.encoders ?? []);
    this.#hardware = encoders.length > 0 ? new HardwareDesk(encoders, options.clock) : undefined;
  }

  async run(order: Order, context: EngineContext): Promise<Candidate> {
    const { tools, effort, clock, cutting = CUTTING, nice = NICE, stallMs = STALL_MS } = this.#options;
    const checkpoints = LocalCheckpoints.of(context, order, tools);
    const meter = new Meter({ clock, gate: context.gate, report: progress => context.progress(progress) });
    try {
      const facts = await this.#facts(order, context, checkpoints);
      const possible = withPossibleCodec(order, facts, tools);
      const job = new LocalJob({
        ...{ tools, context, facts, checkpoints, meter, effort, cutting, clock, nice, stallMs },
        order: possible.order,
        input: context.source,
        threads: threadsFor(facts, this.#options.threads),
        ...{ hands: this.#hands, hardware: this.#hardware },
      });
      const fixed = await withFixedTimestamps(job);
      const part = describePart(fixed.job.facts, order);
      return await carryOut(fixed.job, [...part, ...possible.notes, ...fixed.notes]);
    } finally {
      meter.stop();
    }
  }

  async describe(order: Order, source: InputFile, signal: AbortSignal): Promise<Sentence[]> {
    const { tools, clock, effort, cutting = CUTTING, nice = NICE } = this.#options;
    const facts = await probe(source, { tools, signal, trim: order.target.trim });
    const possible = withPossibleCodec(order, facts, tools);
    let choice = choose(facts, possible.order);
    const lines = [...describeChoice(facts, choice, order), ...possible.notes];
    const { target } = possible.order;
    if (choice.kind === 'copy') {
      return [...lines, ...describeInventory(planInventory({ way: 'copy', facts, target, tools, copy: choice }))];
    }
    const threads = threadsFor(facts, this.#options.threads);
    const sample = await takeSamples({ tools, facts, target, input: source, threads, clock, nice, signal });
    let basis = { facts, order: possible.order, choice, sample };
    const atOnce: PlanOptions['atOnce'] = (picture, codec) => this.#hands.atOnce({ facts, picture, codec });
    let plan = planEncode(basis, { tools, cutting, atOnce });
    const below = plan.belowFloor ? whatIsBelow(basis, plan, tools) : undefined;
    if (below && choice.otherwise?.kind === 'encode') {
      lines.push(whyGivenUp(choice, below), describePlan(choice.otherwise));
      choice = choice.otherwise;
      basis = { ...basis, choice };
      plan = planEncode(basis, { tools, cutting, atOnce });
    }
    const { picture, sound } = plan;
    const inventory = planInventory({ way: 'encode', facts, target, tools, codec: choice.codec, picture, sound });
    if (plan.belowFloor && below) return [...lines, describeHeld(choice, below), ...describeInventory(inventory)];
    const planned = describeEncode(basis, plan, effort);
    return [...lines, ...planned, ...this.#onHardware({ ...basis, plan, cutting }), ...describeInventory(inventory)];
  }

  /** What `explain` says of the graphics card. */
  #onHardware(basis: Omit<HardwareBasis, 'encoder'>): Sentence[] {
    const encoder = this.#hardware?.encoderFor(basis.choice.codec);
    if (!encoder) return [];
    const why = 'code' in encoder ? encoder : whyNotHardware({ ...basis, encoder });
    if (why) return [say('local.by-processor', { why })];
    return 'code' in encoder ? [] : describeHardware(encoder, basis.plan);
  }

  async forecast(order: Order, source: InputFile, { signal, like }: ForecastOptions): Promise<Forecast> {
    const { tools, clock, effort, cutting = CUTTING, nice = NICE } = this.#options;
    const facts = await probe(source, { tools, signal });
    const possible = withPossibleCodec({ ...order, inPlace: true }, facts, tools);
    const choice = choose(facts, possible.order);
    if (choice.kind === 'copy') return { kind: 'leave', code: 'saves-too-little', why: choice.why };
    const { target } = possible.order;
    const { video } = facts;
    const film = filmOf(facts);
    const threads = threadsFor(facts, this.#options.threads);
    const before = like(film);
    const sample = before
      ? sampleLike(before, facts)
      : await takeSamples({ tools, facts, target, input: source, threads, clock, nice, signal });
    const basis = { facts, order: possible.order, choice, sample };
    const plan = planEncode(basis, {
      tools,
      cutting,
      atOnce: (way, codec) => this.#hands.atOnce({ facts, picture: way, codec }),
    });
    const { picture, sound } = plan;
    const inventory = planInventory({ way: 'encode', facts, target, tools, codec: choice.codec, picture, sound });
    const kept = whyKept(possible.order, { source: video.codec, codec: choice.codec, plan: inventory });
    if (kept) return { kind: 'leave', ...kept };
    const bytes = Math.round(choice.mode === 'quality' ? plan.bytes * BYTES_OF[choice.codec] : plan.bytes);
    if (bytes > choice.capBytes)
      return { kind: 'leave', code: 'saves-too-little', why: say('local.cannot-shrink-unseen') };
    const seconds = expectedSeconds(basis, plan, effort) ?? facts.durationS;
    return { kind: 'encode', bytes, seconds, film, ...(before ? {} : { sampled: sampledFrom(sample, facts) }) };
  }

  /** Reading through a long file on a slow share takes minutes, so it is done once per job. */
  async #facts(order: Order, context: EngineContext, checkpoints: LocalCheckpoints): Promise<MediaFacts> {
    const before = checkpoints.facts.get();
    if (before) return before;
    await context.step('probe');
    const { tools } = this.#options;
    const { signal, gate } = context;
    const facts = await probe(context.source, { tools, signal, gate, trim: order.target.trim });
    await checkpoints.facts.set(facts);
    return facts;
  }
}

/** The share of one of so many jobs. Containers and units may have less than the machine has. */
export function thisMachine(jobs = 1): Machine {
  const limit = process.constrainedMemory();
  const memoryBytes = Math.min(totalmem(), limit > 0 ? limit : Infinity);
  return { cores: Math.max(1, Math.floor(availableParallelism() / jobs)), memoryBytes: memoryBytes / jobs };
}

/** What the picture of a later codec takes where none looks worse, by what x264 takes: docs/encoding.md, Codecs. */
const BYTES_OF = { h264: 1, h265: 0.8, av1: 0.7 };

function megapixels({ displayWidth, displayHeight }: MediaFacts['video']): number {
  return (displayWidth * displayHeight) / 1e6;
}

function filmOf({ video, durationS }: MediaFacts): FilmFacts {
  const { codec, displayWidth: width, displayHeight: height, bytes, frames } = video;
  return { codec, width, height, durationS, bitsPerPixel: (bytes * 8) / Math.max(1, frames * width * height) };
}

function pictureRate({ video, durationS }: MediaFacts): number {
  return Math.max(1, (video.bytes * 8) / durationS);
}

function sampledFrom({ bitsPerSecond, secondsPerFrame }: SampledRate, facts: MediaFacts): SampledFilm {
  const perMegapixel = secondsPerFrame === undefined ? undefined : secondsPerFrame / megapixels(facts.video);
  return { share: bitsPerSecond / pictureRate(facts), secondsPerMegapixel: perMegapixel };
}

function sampleLike({ share, secondsPerMegapixel }: SampledFilm, facts: MediaFacts): SampledRate {
  const perFrame =
    secondsPerMegapixel === undefined ? {} : { secondsPerFrame: secondsPerMegapixel * megapixels(facts.video) };
  return { bitsPerSecond: Math.round(share * pictureRate(facts)), ...perFrame };
}

function gaveUpOf({ gaveUp }: Choice): Sentence[] {
  return gaveUp ? [gaveUp] : [];
}

/** Carries out the choice; if that turns out to be impossible, the alternative it names. */
async function carryOut(job: LocalJob, before: readonly Sentence[]): Promise<Candidate> {
  const { checkpoints, context, order } = job;
  let choice: Choice = checkpoints.choice.get() ?? choose(job.facts, order);
  const notes = [...before];
  for (let way = 0; way < MAX_WAYS; way += 1) {
    context.log.debug({ plan: choice.kind, why: choice.why.text }, 'planned');
    const result: Outcome = choice.kind === 'copy' ? await copyPicture(job, choice) : await encode(job, choice);
    if (result.kind === 'candidate') {
      const { candidate, how } = result;
      const isPartial = !candidate.isSource && job.facts.inventory.some(({ kind }) => kind === 'unread');
      const words = wordsOf(how, [...notes, ...gaveUpOf(choice), ...result.notes]);
      return { ...candidate, ...words, ...(isPartial && { damagedSource: true }) };
    }
    choice = { ...result.instead, gaveUp: result.instead.gaveUp ?? choice.gaveUp };
    notes.push(...result.notes);
    await checkpoints.choice.set(choice);
  }
  throw new ShrinkError('cannot-fit', say('local.no-way'), { subject: order.source });
}
