import { KeyedMutex, Semaphore } from '../../platform/async.ts';
import { countingHttp, createHttp } from '../../platform/http.ts';
import { createAddressPolicy } from './http/address-policy.ts';
import { attributionHeaders, platformOf } from './http/attribution.ts';
import { createAuth } from './account/auth.ts';
import { createClient } from './account/client.ts';
import type { CloudContext, Settings } from './context.ts';
import type { RefusalFacts } from './http/errors.ts';
import { RateLimiter } from './http/rate-limit.ts';
import { createIdentity } from './account/identity.ts';
import type { NemoOptions } from './options.ts';
import { createRenderIds } from './render/render.ts';
import { createFolderSessions } from './session/session.ts';
import { createPace } from './session/upload.ts';
import { createWire } from './http/transport.ts';

/** Builds what all jobs share. Nothing is opened, read or sent before it is needed. */
export function createCloud(options: NemoOptions): { cloud: CloudContext; close(): Promise<void> } {
  const { clock, log, apiUrl, webUrl, maxUploadBytes } = options;
  const random = options.random ?? Math.random;
  const settings: Settings = {
    apiUrl,
    webUrl,
    language: options.language,
    pollIntervalMs: options.pollIntervalMs,
    pollLimitMs: options.pollLimitMs,
    watch: { hardMs: options.messageTimeoutMs, heartbeatMs: options.heartbeatTimeoutMs },
    recovery: options.recovery,
    maxUploadBytes,
    oversize: options.oversize,
    session: options.session,
    silenceMs: options.silenceMs ?? 60_000,
    stallMs: options.stallMs ?? 300_000,
    lagMs: options.lagMs ?? 2500,
  };
  const attribution = attributionHeaders({
    ...options.skill,
    platform: platformOf(options.skillSource, options.installPath),
  });
  const perMinute = options.requestsPerMinute;
  const limiter = new RateLimiter(
    { retryAfterMs: options.retryAfterMs, ...(perMinute === undefined ? {} : { perMinute }) },
    clock,
    random,
  );
  const policy = createAddressPolicy(apiUrl);
  const http = createHttp();
  const freshHttp = createHttp({ fresh: true });
  const resultHttp = createHttp({ lookup: policy.lookup });
  const wire = createWire({
    http: countingHttp(http, options.meter),
    freshHttp: countingHttp(freshHttp, options.meter),
    limiter,
    apiUrl,
    attribution,
    clock,
    silenceMs: settings.silenceMs,
    readingMs: options.readingMs ?? 300_000,
  });
  const facts = (doing: string): Omit<RefusalFacts, 'status' | 'said'> => {
    const { current } = auth;
    return {
      doing,
      maxUploadBytes,
      webUrl,
      account: current?.kind ?? (options.token ? 'own' : 'anonymous'),
      ...(current?.userId === undefined ? {} : { userId: current.userId }),
    };
  };
  const identity = createIdentity({
    dir: options.identityDir,
    apiUrl,
    ...(options.clientId === undefined ? {} : { clientId: options.clientId }),
  });
  const auth = createAuth({
    wire,
    identity,
    ...(options.token ? { own: options.token } : {}),
    retryAfterMs: options.retryAfterMs,
    facts,
    clock,
    log,
  });
  const cloud: CloudContext = {
    client: createClient({ wire, auth, facts, clock, log }),
    auth,
    resultHttp,
    policy,
    uploadSlots: new Semaphore(options.uploads),
    pace: createPace(options.uploadRate, clock),
    newRenderId: createRenderIds(clock, random),
    folders: createFolderSessions(options.identityDir),
    owners: new Map(),
    sessionLocks: new KeyedMutex(),
    settings,
    local: options.local,
    clock,
    log,
    meter: options.meter,
    random,
  };
  const close = async () => {
    await Promise.all([http.close(), freshHttp.close(), resultHttp.close()]);
  };
  return { cloud, close };
}
