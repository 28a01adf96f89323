import type { Config } from './config/load.ts';
import type { Secrets } from './config/secrets.ts';
import type { EngineName } from './core/job.ts';
import type { Engine } from './engine/engine.ts';
import { createLocalEngine } from './engine/local/engine.ts';
import type { Clock } from './platform/clock.ts';
import type { Tools } from './platform/ffmpeg/tools.ts';
import type { Logger } from './platform/log.ts';

export interface EnginesOptions {
  config: Config;
  secrets: Secrets;
  tools: Tools;
  clock: Clock;
  log: Logger;
}

/** Every engine the config speaks of. Nothing is opened or sent before a job asks for it. */
export function createEngines({ config, tools, clock }: EnginesOptions): Partial<Record<EngineName, Engine>> {
  const { effort, threads } = config.local;
  return { local: createLocalEngine({ tools, effort, threads, clock }) };
}
