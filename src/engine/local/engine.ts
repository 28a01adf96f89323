/**
 * Room: the engine that works on this machine, with ffmpeg. plan/ decides purely from the source's facts; run/ is one job and its
 * command lines; measure/ samples and compares; encode/ carries out a plan; tuning.ts holds every constant. May import core, messages,
 * platform, media and the engines' contract.
 */
import { ShrinkError } from '../../core/errors.ts';
import type { Candidate, Order } from '../../core/job.ts';
import type { MediaFacts } from '../../core/media-info.ts';
import type { Sentence } from '../../core/message.ts';
import type { Tools } from '../../media/ffmpeg/tools.ts';
import { probe } from '../../media/probe/probe.ts';
import { say } from '../../messages/say.ts';
import type { InputFile } from '../../platform/files/files.ts';
import type { Clock } from '../../platform/clock.ts';
import { type Engine, type EngineContext, wordsOf } from '../engine.ts';
import { encode, type Outcome } from './encode/encode.ts';
import { withFixedTimestamps } from './encode/fix-timestamps.ts';
import { copyPicture } from './encode/remux.ts';
import { takeSamples } from './measure/sample.ts';
import { describeEncode, planEncode } from './plan/encode-plan.ts';
import { type Effort, threadsFor } from './plan/presets.ts';
import { type Cutting, CUTTING } from './plan/segments.ts';
import { describeInventory, planInventory } from './plan/fates.ts';
import { type Choice, choose, describeChoice, withPossibleCodec } from './plan/strategy.ts';
import { LocalCheckpoints } from './run/checkpoints.ts';
import { LocalJob } from './run/local-job.ts';
import { Meter } from './run/progress.ts';

export interface LocalEngineOptions {
  tools: Tools;
  effort: Effort;
  /** Threads of the decoder, the filters and the encoder; by default one per core. */
  threads?: number;
  clock: Clock;
  /** Niceness of the children: a NAS has other things to do. */
  nice?: number;
  /** Length of the segments it works in; tests use seconds. */
  cutting?: Cutting;
  /** A child without progress for this long is killed. Moving the index of a large file to its front takes a while. */
  stallMs?: number;
}

const NICE = 10;
const STALL_MS = 10 * 60_000;
/** The most ways to try in a row: encoded as good as the source, copied, encoded into its size. */
const MAX_WAYS = 4;

export function createLocalEngine(options: LocalEngineOptions): Engine {
  return new LocalEngine(options);
}

class LocalEngine implements Engine {
  readonly name = 'local';
  readonly #options: LocalEngineOptions;

  constructor(options: LocalEngineOptions) {
    this.#options = options;
  }

  async run(order: Order, context: EngineContext): Promise<Candidate> {
    const { tools, effort, clock, cutting = CUTTING, nice = NICE, stallMs = STALL_MS } = this.#options;
    const checkpoints = LocalCheckpoints.of(context, order, tools);
    const meter = new Meter({ clock, gate: context.gate, report: progress => context.progress(progress) });
    try {
      const facts = await this.#facts(context, checkpoints);
      const possible = withPossibleCodec(order, facts, tools);
      const job = new LocalJob({
        ...{ tools, context, facts, checkpoints, meter, effort, cutting, clock, nice, stallMs },
        order: possible.order,
        input: context.source,
        threads: threadsFor(facts, this.#options.threads),
      });
      const fixed = await withFixedTimestamps(job);
      return await carryOut(fixed.job, [...possible.notes, ...fixed.notes]);
    } finally {
      meter.stop();
    }
  }

  async describe(order: Order, source: InputFile, signal: AbortSignal): Promise<Sentence[]> {
    const { tools, clock, effort, cutting = CUTTING, nice = NICE } = this.#options;
    const facts = await probe(source, { tools, signal });
    const possible = withPossibleCodec(order, facts, tools);
    const choice = choose(facts, possible.order);
    const lines = [...describeChoice(facts, choice, order), ...possible.notes];
    const { target } = possible.order;
    if (choice.kind === 'copy') {
      return [...lines, ...describeInventory(planInventory({ way: 'copy', facts, target, tools, copy: choice }))];
    }
    const threads = threadsFor(facts, this.#options.threads);
    const sample = await takeSamples({ tools, facts, target, input: source, threads, clock, nice, signal });
    const basis = { facts, order: possible.order, choice, sample };
    const plan = planEncode(basis, { tools, cutting });
    const { picture, sound } = plan;
    const inventory = planInventory({ way: 'encode', facts, target, tools, codec: choice.codec, picture, sound });
    return [...lines, ...describeEncode(basis, plan, effort), ...describeInventory(inventory)];
  }

  /** Reading through a long file on a slow share takes minutes, so it is done once per job. */
  async #facts(context: EngineContext, checkpoints: LocalCheckpoints): Promise<MediaFacts> {
    const before = checkpoints.facts.get();
    if (before) return before;
    await context.step('probe');
    const { tools } = this.#options;
    const facts = await probe(context.source, { tools, signal: context.signal, gate: context.gate });
    await checkpoints.facts.set(facts);
    return facts;
  }
}

/** Carries out the choice; if that turns out to be impossible, the alternative it names. */
async function carryOut(job: LocalJob, before: readonly Sentence[]): Promise<Candidate> {
  const { checkpoints, context, order } = job;
  let choice: Choice = checkpoints.choice.get() ?? choose(job.facts, order);
  const notes = [...before];
  for (let way = 0; way < MAX_WAYS; way += 1) {
    context.log.debug({ plan: choice.kind, why: choice.why.text }, 'planned');
    const result: Outcome = choice.kind === 'copy' ? await copyPicture(job, choice) : await encode(job, choice);
    if (result.kind === 'candidate')
      return { ...result.candidate, ...wordsOf(result.how, [...notes, ...result.notes]) };
    choice = result.instead;
    notes.push(...result.notes);
    await checkpoints.choice.set(choice);
  }
  throw new ShrinkError('cannot-fit', say('local.no-way'), { subject: order.source });
}
