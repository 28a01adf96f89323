/** Which changes of a configuration take effect in a running daemon, and which need a restart. Pure. */
import type { Config } from './load.ts';

export interface ReloadPlan {
  /** What the daemon uses from now on: the new configuration, but the old values of keys that need a restart. */
  effective: Config;
  /** Keys as written in the file whose new values take effect only after a restart. */
  needsRestart: string[];
  /** Keys whose new values take effect at once. */
  applied: string[];
}

/** Compared one by one, so that the log can name the key that changed. */
const RESTART_KEYS: readonly (readonly [name: string, of: (config: Config) => unknown])[] = [
  ['state_dir', config => config.stateDir],
  ['nemo', config => config.nemo],
  ['local', config => config.local],
  ['fleet', config => config.fleet],
  ['worker', config => config.worker],
  ['http.listen', config => config.http.listen],
  ['http.token_file', config => config.http.tokenFile],
  ['http.public_url', config => config.http.publicUrl],
  // The cloud's rate limiter and uploads are built once and keep what they have learned.
  ['limits.uploads', config => config.limits.uploads],
  ['limits.requests_per_minute', config => config.limits.requestsPerMinute],
  ['limits.upload_rate', config => config.limits.uploadRate],
  ['log.format', config => config.log.format],
];

const LIVE_KEYS: readonly (readonly [name: string, of: (config: Config) => unknown])[] = [
  ['engine', config => config.engine],
  ['folders', config => [config.folders, config.libraries]],
  ['rules', config => config.rules],
  ['limits.local', config => config.limits.local],
  ['limits.nemo', config => config.limits.nemo],
  ['limits.local_hours', config => config.limits.localHours],
  ['limits.min_free', config => config.limits.minFree],
  ['notify', config => config.notify],
  ['after', config => config.after],
  ['log.level', config => config.log.level],
];

export function planReload(before: Config, after: Config): ReloadPlan {
  const changed = (keys: typeof LIVE_KEYS) =>
    keys.filter(([, of]) => !isSame(of(before), of(after))).map(([name]) => name);
  const { uploads, requestsPerMinute, uploadRate } = before.limits;
  const effective: Config = {
    ...after,
    stateDir: before.stateDir,
    nemo: before.nemo,
    local: before.local,
    fleet: before.fleet,
    worker: before.worker,
    http: before.http,
    limits: { ...after.limits, uploads, requestsPerMinute, uploadRate },
    log: { ...after.log, format: before.log.format },
  };
  return { effective, needsRestart: changed(RESTART_KEYS), applied: changed(LIVE_KEYS) };
}

/** Both come from the same schema, so their keys stand in the same order. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
