import { fileURLToPath } from 'node:url';
import type { Config } from '../config/load.ts';
import type { Secrets } from '../config/secrets.ts';
import type { CloudMeter, Engine } from '../engine/engine.ts';
import { createLocalEngine } from '../engine/local/engine.ts';
import type { NemoEngine } from '../engine/nemo/engine.ts';
import { createLocalHelp } from './local-help.ts';
import { skill } from '../platform/package.ts';
import type { Clock } from '../platform/clock.ts';
import type { Tools } from '../media/ffmpeg/tools.ts';
import type { Logger } from '../platform/log.ts';

export interface EnginesOptions {
  config: Config;
  secrets: Secrets;
  tools: Tools;
  clock: Clock;
  log: Logger;
  /** Counts what the cloud engine sends. */
  meter?: CloudMeter;
}

export interface Engines {
  local: Engine;
  /** Only where some rule speaks of it: nobody who keeps everything at home has a cloud engine in their daemon. */
  nemo?: NemoEngine;
}

/** Every engine the config speaks of. Nothing is opened or sent before a job asks for it. */
export async function createEngines(options: EnginesOptions): Promise<Engines> {
  const { config, tools, clock } = options;
  const { effort, threads } = config.local;
  const local = createLocalEngine({ tools, effort, threads, clock });
  return speaksOfNemo(config) ? { local, nemo: await createCloudEngine({ ...options, local }) } : { local };
}

/**
 * The cloud engine by itself, also for commands that ask it something beside the queue. Its code is read only here: with all it
 * needs, that takes a quarter of the processor time of starting `compress`.
 */
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
  const { nemo, limits } = config;
  return createNemoEngine({
    apiUrl: nemo.apiUrl,
    webUrl: nemo.webUrl,
    token: secrets.nemoToken,
    clientId: nemo.clientId,
    identityDir: config.stateDir,
    language: nemo.language,
    pollIntervalMs: nemo.pollInterval,
    pollLimitMs: nemo.pollLimit,
    messageTimeoutMs: nemo.messageTimeout,
    heartbeatTimeoutMs: nemo.heartbeatTimeout,
    recovery: { firstMs: nemo.recovery.first, everyMs: nemo.recovery.every, checks: nemo.recovery.checks },
    retryAfterMs: nemo.retryAfter,
    maxUploadBytes: nemo.maxUpload,
    oversize: nemo.oversize,
    session: nemo.session,
    uploads: limits.uploads,
    requestsPerMinute: limits.requestsPerMinute,
    uploadRate: limits.uploadRate,
    skill: skill(),
    skillSource: nemo.skillSource,
    installPath: fileURLToPath(new URL('../..', import.meta.url)),
    clock,
    log,
    meter,
    local: local && tools && createLocalHelp(local, tools),
  });
}

export function speaksOfNemo(config: Config): boolean {
  return config.engine === 'nemo' || config.rules.some(rule => rule.engine === 'nemo');
}
