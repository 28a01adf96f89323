import type { Config } from '../../config/load.ts';
import type { Secret } from '../../config/secrets.ts';
import { KeyedMutex, Semaphore } from '../../platform/async.ts';
import type { Clock } from '../../platform/clock.ts';
import { countingHttp, createHttp } from '../../platform/http.ts';
import type { Logger } from '../../platform/log.ts';
import type { CloudMeter, LocalHelp, ReadWords } from '../engine.ts';
import { Auth } from './account/auth.ts';
import { Client } from './account/client.ts';
import { Identity } from './account/identity.ts';
import { type CloudContext, type NemoConfig, type Settings, TIMEOUTS, type Timeouts } from './context.ts';
import { createAddressPolicy } from './http/address-policy.ts';
import { attributionHeaders, platformOf } from './http/attribution.ts';
import { RateLimiter, untilSentence } from './http/rate-limit.ts';
import { Transport } from './http/transport.ts';
import { createRenderIds } from './render/render.ts';
import { FolderSessionStore } from './session/session.ts';
import { createPace } from './session/upload.ts';

/** Everything the engine is built from. */
export interface NemoOptions {
  nemo: NemoConfig;
  limits: Pick<Config['limits'], 'uploads' | 'requestsPerMinute' | 'uploadRate'>;
  /** identity.json lives there. */
  stateDir: string;
  /** The person's own token (NEMO_TOKEN); if absent, a free one is requested and stored. */
  token?: Secret;
  /** Name and version under which the service knows this client, from package.json's own field for it. */
  skill: { source: string; version: string };
  /** Absolute path this program is installed at. */
  installPath: string;
  clock: Clock;
  log: Logger;
  local?: LocalHelp;
  /** By default nothing is known of any words. */
  readWords?: ReadWords;
  /** Counts requests and streams for the metrics. */
  meter?: CloudMeter;
  /** For tests. */
  timeouts?: Partial<Timeouts>;
  random?: () => number;
}

/** Builds what all jobs share. Nothing is opened, read or sent before it is needed. */
export function createCloud(options: NemoOptions): { cloud: CloudContext; close(): Promise<void> } {
  const { nemo, limits, stateDir, clock, log, local, meter, random = Math.random } = options;
  const settings: Settings = { ...nemo, ...TIMEOUTS, ...options.timeouts };
  const policy = createAddressPolicy(nemo.apiUrl);
  const http = createHttp();
  const freshHttp = createHttp({ fresh: true });
  const resultHttp = createHttp({ lookup: policy.lookup });
  const rules = { retryAfterMs: nemo.retryAfter, perMinute: limits.requestsPerMinute };
  const limiter = new RateLimiter(rules, clock, random);
  limiter.onPause = pause => log.warn({ until: new Date(pause.until).toISOString() }, untilSentence(pause).text);
  const transport = new Transport({
    http: countingHttp(http, meter),
    freshHttp: countingHttp(freshHttp, meter),
    limiter,
    apiUrl: nemo.apiUrl,
    attribution: attributionHeaders({
      ...options.skill,
      platform: platformOf(nemo.skillSource, options.installPath),
    }),
    clock,
    silenceMs: settings.silenceMs,
    readingMs: settings.readingMs,
  });
  const identity = new Identity({ dir: stateDir, apiUrl: nemo.apiUrl, clientId: nemo.clientId });
  const auth = new Auth({ transport, identity, own: options.token, config: nemo, clock, log });
  const cloud: CloudContext = {
    client: new Client({ transport, auth, clock, log }),
    pausedNow: () => limiter.pausedNow,
    auth,
    resultHttp,
    policy,
    uploadSlots: new Semaphore(limits.uploads),
    pace: createPace(limits.uploadRate, clock),
    newRenderId: createRenderIds(clock, random),
    folders: new FolderSessionStore(stateDir),
    owners: new Map(),
    sessionLocks: new KeyedMutex(),
    settings,
    local,
    readWords: options.readWords ?? (() => ({ language: undefined, speaksOf: new Set() })),
    clock,
    log,
    meter,
    random,
  };
  const close = async () => {
    await Promise.all([http.close(), freshHttp.close(), resultHttp.close()]);
  };
  return { cloud, close };
}
