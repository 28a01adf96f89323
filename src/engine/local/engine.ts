import { ShrinkError } from '../../core/errors.ts';
import type { Candidate, Json, Order } from '../../core/job.ts';
import type { MediaFacts } from '../../core/media-info.ts';
import type { Clock } from '../../platform/clock.ts';
import { probe } from '../../media/probe/probe.ts';
import type { Tools } from '../../media/ffmpeg/tools.ts';
import type { Engine, EngineContext } from '../engine.ts';
import { type LocalJob, type Effort, recall, remember, threadsFor } from './run/local-job.ts';
import { copyPicture } from './encode/remux.ts';
import { encode } from './encode/encode.ts';
import { describePlan, planEncode } from './plan/encode-plan.ts';
import { createMeter } from './run/progress.ts';
import type { Outcome } from './encode/outcome.ts';
import { type Cutting, CUTTING } from './plan/segments.ts';
import { takeSamples } from './measure/sample.ts';
import { withFixedTimestamps } from './encode/fix-timestamps.ts';
import { type Choice, choose, describeChoice, droppedTracks, withPossibleCodec } from './plan/strategy.ts';

export interface LocalEngineOptions {
  tools: Tools;
  effort: Effort;
  /** Threads of the decoder, the filters and the encoder; as many as there are cores unless given. */
  threads?: number | undefined;
  clock: Clock;
  /** Niceness of the children: a NAS has other things to do. */
  nice?: number;
  /** How long the parts are that it works in; a test has seconds. */
  cutting?: Cutting;
  /** A child that shows no progress for this long is ended. Moving the index of a large file to its front takes a while. */
  stallMs?: number;
}

const NICE = 10;
const STALL_MS = 10 * 60_000;

/**
 * ffmpeg on this machine. What is done is decided from the source's facts (plan.ts), how many bits go where in budget.ts, the
 * command lines are in argv.ts; here and in copy.ts and encode.ts they are carried out, and remembered.
 */
export function createLocalEngine(options: LocalEngineOptions): Engine {
  return {
    name: 'local',

    async run(order, context) {
      const memory = { ...context.resume };
      const meter = createMeter({
        clock: options.clock,
        gate: context.gate,
        report: progress => context.progress(progress),
      });
      try {
        const facts = await factsOf(order, context, memory, options);
        const possible = withPossibleCodec(order, facts, options.tools);
        const job: LocalJob = {
          tools: options.tools,
          order: possible.order,
          context,
          facts,
          memory,
          input: order.source,
          effort: options.effort,
          cutting: options.cutting ?? CUTTING,
          threads: threadsFor(facts, options.threads),
          clock: options.clock,
          nice: options.nice ?? NICE,
          stallMs: options.stallMs ?? STALL_MS,
          meter,
        };
        const { job: straight, notes } = await withFixedTimestamps(job);
        return await carryOut(straight, [...possible.notes, ...notes]);
      } finally {
        meter.stop();
      }
    },

    async describe(order, signal) {
      const facts = await probe(order.source, { tools: options.tools, signal });
      const possible = withPossibleCodec(order, facts, options.tools);
      const choice = choose(facts, possible.order);
      const lines = [...describeChoice(facts, choice, order), ...possible.notes];
      if (choice.kind === 'encode') {
        const { tools, clock } = options;
        const threads = threadsFor(facts, options.threads);
        const nice = options.nice ?? NICE;
        const { target, source } = possible.order;
        const sample = await takeSamples({ tools, facts, target, input: source, threads, clock, nice, signal });
        const plan = planEncode(facts, possible.order, choice, sample, { tools, cutting: options.cutting ?? CUTTING });
        lines.push(...describePlan(facts, choice, plan, sample, options.effort));
      }
      return [...lines, ...droppedTracks(facts)];
    },
  };
}

/** Looking through a long file on a slow share takes minutes: done once per job. */
async function factsOf(
  order: Order,
  context: EngineContext,
  memory: Record<string, Json>,
  options: LocalEngineOptions,
) {
  const checkpoints = { context, order, memory, tools: options.tools };
  const stored = recall<MediaFacts>(checkpoints, 'facts');
  if (stored) return stored;
  await context.step('probe');
  const facts = await probe(order.source, { tools: options.tools, signal: context.signal, gate: context.gate });
  await remember(checkpoints, 'facts', facts);
  return facts;
}

/** Follows the choice; where a way turns out not to be possible, the one named for that case. */
async function carryOut(job: LocalJob, before: readonly string[]): Promise<Candidate> {
  let choice: Choice | undefined = recall<Choice>(job, 'choice') ?? choose(job.facts, job.order);
  const notes = [...before];
  // Each way ends in a candidate or names the next one; there are at most three in a row.
  for (let turn = 0; choice && turn < 4; turn += 1) {
    job.context.log.debug({ plan: choice.kind, why: choice.why }, 'planned');
    const result: Outcome = choice.kind === 'copy' ? await copyPicture(job, choice) : await encode(job, choice);
    if (result.kind === 'candidate') {
      const { candidate } = result;
      return { ...candidate, notes: [...notes, ...candidate.notes] };
    }
    choice = result.instead;
    notes.push(...result.notes);
    await remember(job, 'choice', choice);
  }
  throw new ShrinkError('cannot-fit', 'no way was found to make this file as small as asked', {
    subject: job.order.source,
  });
}
