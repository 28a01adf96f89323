/**
 * Room: the engine that works on this machine, with ffmpeg. plan/ decides purely from the source's facts; run/ is one job and its
 * command lines; measure/ samples and compares; encode/ carries out a plan; tuning.ts holds every constant. May import core, messages,
 * platform, media and the engines' contract.
 */
import { availableParallelism, totalmem } from 'node:os';
import { ShrinkError } from '../../core/errors.ts';
import type { Candidate, EngineName, Order } from '../../core/job.ts';
import type { MediaFacts } from '../../core/media-info.ts';
import type { Planned } from '../../core/inventory.ts';
import type { Sentence } from '../../core/message.ts';
import { cannotWrite, type Tools } from '../../media/ffmpeg/tools.ts';
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
  type Below,
  describeEncode,
  describeHeld,
  type EncodeBasis,
  type EncodePlan,
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
import {
  type Choice,
  choose,
  describeChoice,
  describePart,
  describePlan,
  type EncodeChoice,
  withPossibleCodec,
} from './plan/strategy.ts';
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
    const choice = choose(facts, possible.order);
    const lines = [...describeChoice(facts, choice, order), ...possible.notes];
    const { target } = possible.order;
    if (choice.kind === 'copy') {
      if (order.inPlace) throw leaves(order, choice.why);
      return [...lines, ...describeInventory(planInventory({ way: 'copy', facts, target, tools, copy: choice }))];
    }
    const cannot = this.#cannotEncode(choice);
    if (cannot && order.inPlace) throw leaves(order, cannot);
    const threads = threadsFor(facts, this.#options.threads);
    const sample = await takeSamples({ tools, facts, target, input: source, threads, clock, nice, signal });
    const foreseen = this.#foresee({ facts, order: possible.order, choice, sample });
    const { basis, plan, inventory, below, gaveUp, kept } = foreseen;
    if (kept) throw leaves(order, kept.why);
    if (gaveUp) lines.push(whyGivenUp(choice, gaveUp), describePlan(basis.choice));
    if (below) return [...lines, describeHeld(choice, below), ...describeInventory(inventory)];
    const planned = describeEncode(basis, plan, effort);
    return [...lines, ...planned, ...this.#onHardware({ ...basis, plan, cutting }), ...describeInventory(inventory)];
  }

  /** What would be done with a sampled source. */
  #foresee(asked: EncodeBasis): Foreseen {
    const { tools, cutting = CUTTING } = this.#options;
    const { facts, order, choice } = asked;
    const atOnce: PlanOptions['atOnce'] = (picture, codec) => this.#hands.atOnce({ facts, picture, codec });
    const planOf = (basis: EncodeBasis) => planEncode(basis, { tools, cutting, atOnce });
    let [basis, plan] = [asked, planOf(asked)];
    let below = plan.belowFloor ? whatIsBelow(basis, plan, tools) : undefined;
    let gaveUp: Below | undefined;
    if (below && choice.otherwise?.kind === 'encode') {
      basis = { ...asked, choice: choice.otherwise };
      [plan, gaveUp, below] = [planOf(basis), below, undefined];
    }
    const { picture, sound } = plan;
    const { codec } = basis.choice;
    const inventory = planInventory({ way: 'encode', facts, target: order.target, tools, codec, picture, sound });
    const foreseen = { basis, plan, inventory, ...(below && { below }), ...(gaveUp && { gaveUp }) };
    const kept = order.inPlace ? whyLeft(foreseen) : undefined;
    return { ...foreseen, ...(kept && { kept }) };
  }

  #cannotEncode({ codec }: EncodeChoice): Sentence | undefined {
    const why = cannotWrite(codec, this.#options.tools);
    return why && say('local.cannot-encode', { codec, why });
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
    const { tools, clock, effort, nice = NICE } = this.#options;
    const facts = await probe(source, { tools, signal });
    const inPlace = { ...order, inPlace: true };
    const choice = choose(facts, inPlace);
    if (choice.kind === 'copy') return { kind: 'leave', code: 'saves-too-little', why: choice.why };
    const cannot = this.#cannotEncode(choice);
    if (cannot) return { kind: 'leave', code: 'no-encoder', why: cannot };
    const { target } = order;
    const film = filmOf(facts);
    const threads = threadsFor(facts, this.#options.threads);
    const before = like(film);
    const sample = before
      ? sampleLike(before, facts)
      : await takeSamples({ tools, facts, target, input: source, threads, clock, nice, signal });
    const { basis, plan, kept } = this.#foresee({ facts, order: inPlace, choice, sample });
    if (kept) return { kind: 'leave', ...kept };
    const seconds = expectedSeconds(basis, plan, effort) ?? facts.durationS;
    const sampled = before ? {} : { sampled: sampledFrom(sample, facts) };
    return { kind: 'encode', bytes: expectedBytes(basis, plan), seconds, film, ...sampled };
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

interface Foreseen {
  /** Of what is done in the end. */
  basis: EncodeBasis;
  plan: EncodePlan;
  inventory: Planned[];
  /** It looks worse than its floor, and is held for that. */
  below?: Below;
  /** The same of the size that was given up for the quality. */
  gaveUp?: Below;
  /** In place of its source: why that stays. */
  kept?: Kept;
}

type Kept = Omit<Extract<Forecast, { kind: 'leave' }>, 'kind'>;

/** Why a film of a library keeps its place, whatever a person would say to one in an inbox. */
function whyLeft({
  basis,
  plan,
  inventory,
  below,
}: Pick<Foreseen, 'basis' | 'plan' | 'inventory' | 'below'>): Kept | undefined {
  const { facts, choice } = basis;
  const kept = whyKept({ source: facts.video.codec, codec: choice.codec, plan: inventory });
  if (kept) return kept;
  if (below) return { code: 'below-floor', why: describeHeld(choice, below) };
  if (expectedBytes(basis, plan) <= choice.capBytes) return undefined;
  return { code: 'saves-too-little', why: say('local.cannot-shrink-unseen') };
}

function leaves(order: Order, why: Sentence): ShrinkError {
  return new ShrinkError('cannot-fit', why, { subject: order.source });
}

function expectedBytes({ choice }: EncodeBasis, { bytes }: EncodePlan): number {
  return Math.round(choice.mode === 'quality' ? bytes * BYTES_OF[choice.codec] : bytes);
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
