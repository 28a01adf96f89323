/** The only file that knows both engines: builds them from the configuration, and lends the cloud engine what this machine can do. */
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/load.ts';
import type { Secrets } from '../config/secrets.ts';
import type { Order } from '../core/job.ts';
import type { CloudMeter, Engine, EngineContext, LocalHelp, LocalRequest } from '../engine/engine.ts';
import { createLocalEngine, type LocalEngineOptions, thisMachine } from '../engine/local/engine.ts';
import type { Coordinator } from '../fleet/coordinator.ts';
import type { Maker } from '../fleet/maker.ts';
import type { NemoEngine } from '../engine/nemo/engine.ts';
import { joinParts, splitAtKeyframes } from '../media/ffmpeg/split-join.ts';
import type { Tools } from '../media/ffmpeg/tools.ts';
import { probe } from '../media/probe/probe.ts';
import { type InputFile, reading } from '../platform/files/files.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { skill } from '../platform/package.ts';
import { readWords } from '../rules/instruction/language.ts';

export interface EnginesOptions {
  config: Config;
  secrets: Secrets;
  tools: Tools;
  clock: Clock;
  log: Logger;
  /** Counts what the cloud engine sends. */
  meter?: CloudMeter;
  /** Gives parts to workers; absent where the configuration has no fleet. */
  coordinator?: Coordinator | undefined;
}

export interface Engines {
  local: Engine;
  /** Only if the configuration uses it: whoever keeps everything at home has no cloud engine in the daemon. */
  nemo?: NemoEngine;
  /** Only if the configuration has a fleet. */
  fleet?: Engine;
}

/** The engines the configuration uses. Nothing is opened or sent until a job needs it. */
export async function createEngines(options: EnginesOptions): Promise<Engines> {
  const { config, tools, clock, coordinator } = options;
  const { effort, threads } = config.local;
  const own = { tools, effort, threads, clock, machine: thisMachine(config.limits.local) };
  const local = createLocalEngine(own);
  return {
    local,
    ...(usesNemo(config) && { nemo: await createCloudEngine({ ...options, local }) }),
    ...(coordinator && { fleet: await createFleetEngine(own, config, coordinator) }),
  };
}

/** The local engine with the hands of other machines. */
async function createFleetEngine(
  own: LocalEngineOptions,
  { fleet }: Config,
  coordinator: Coordinator,
): Promise<Engine> {
  const { createSliceBook, fleetHands } = await import('../engine/fleet/hands.ts');
  const slices = createSliceBook({
    ...{ maxBytes: fleet?.slices ?? 0, clock: own.clock },
    ...{ slots: () => coordinator.slots(), isHeld: (part: string) => coordinator.isHeld(part) },
  });
  return createLocalEngine({ ...own, name: 'fleet', hands: fleetHands({ coordinator, slices }) });
}

/** What a worker makes parts with. */
export async function createPartMaker(options: {
  tools: Tools;
  threads: number | undefined;
  clock: Clock;
}): Promise<Maker> {
  return (await import('../engine/fleet/maker.ts')).createPartMaker(options);
}

/** The cloud engine, for the queue and for commands that use it directly. Loading its code is slow, so nothing else imports it. */
export async function createCloudEngine({
  config,
  secrets,
  tools,
  clock,
  log,
  meter,
  local,
}: Omit<EnginesOptions, 'tools'> & { tools?: Tools; local?: Engine }): Promise<NemoEngine> {
  const { createNemoEngine } = await import('../engine/nemo/engine.ts');
  return createNemoEngine({
    nemo: config.nemo,
    limits: config.limits,
    stateDir: config.stateDir,
    token: secrets.nemoToken,
    skill: skill(),
    installPath: fileURLToPath(new URL('../..', import.meta.url)),
    clock,
    log,
    local: local && tools && createLocalHelp(local, tools),
    readWords,
    meter,
  });
}

export function usesNemo(config: Config): boolean {
  return config.engine === 'nemo' || config.rules.some(rule => rule.engine === 'nemo');
}

/** What this machine does for the cloud engine; the two engines know nothing about each other. */
export function createLocalHelp(local: Engine, tools: Tools): LocalHelp {
  return {
    async shrink(request) {
      const { source, maxBytes } = request;
      // The size is the service's or the rule's for the cloud's work: no floor gives it up.
      const { floor: _floor, belowFloor: _below, ...target } = request.target;
      const { size } = await reading(source, file => file.stat());
      const asked = maxBytes === undefined ? {} : { size: { kind: 'bytes' as const, bytes: maxBytes } };
      const order: Order = {
        job: request.job,
        source: source.path,
        sourceBytes: Number(size),
        target: { ...target, ...asked },
      };
      const { path, bytes, how, messages } = await local.run(order, contextFor(request, source));
      return { path, bytes, how: messages?.how ? { ...messages.how, text: how } : how };
    },
    look: ({ file, signal }) => probe(file, { tools, signal }),
    async split(request) {
      const { source, maxBytes } = request;
      const { bytes, durationS } = await probe(source, { tools, signal: request.signal });
      return splitAtKeyframes({ ...request, tools, source, sourceBytes: bytes, durationS, maxBytes });
    },
    join: request => joinParts({ ...request, tools }),
  };
}

/** This run journals nothing: the job belongs to the cloud engine, which records the outcome. */
function contextFor({ dir, signal, gate, log, onProgress }: LocalRequest, source: InputFile): EngineContext {
  return {
    source,
    record: async () => {},
    resume: {},
    step: async () => {},
    doubt: async () => {},
    fact: async () => {},
    cloud: async () => {},
    progress: ({ fraction }) => fraction !== undefined && onProgress(fraction),
    signal,
    gate,
    workDir: dir,
    log,
  };
}
