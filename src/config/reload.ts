/** What of a changed configuration a running daemon takes over, and what has to wait for its next start. Pure. */
import type { Config } from './load.ts';

export interface ReloadPlan {
  /** The new configuration with everything that needs a restart as it was: what the daemon works by from now on. */
  effective: Config;
  /** Keys as written in the file whose new values count only after a restart. */
  needsRestart: string[];
  /** Keys whose new values count at once. */
  applied: string[];
}

/** Compared one by one, so that the log names the key a person changed. */
const RESTART_KEYS: readonly (readonly [name: string, of: (config: Config) => unknown])[] = [
  ['state_dir', config => config.stateDir],
  ['nemo', config => config.nemo],
  ['local', config => config.local],
  ['http.listen', config => config.http.listen],
  ['http.token_file', config => config.http.tokenFile],
  // The cloud's gate and its uploads are built once, with what they have learnt.
  ['limits.uploads', config => config.limits.uploads],
  ['limits.requests_per_minute', config => config.limits.requestsPerMinute],
  ['limits.upload_rate', config => config.limits.uploadRate],
  ['log.format', config => config.log.format],
];

const LIVE_KEYS: readonly (readonly [name: string, of: (config: Config) => unknown])[] = [
  ['engine', config => config.engine],
  ['folders', config => config.folders],
  ['rules', config => config.rules],
  ['limits.local', config => config.limits.local],
  ['limits.nemo', config => config.limits.nemo],
  ['limits.local_hours', config => config.limits.localHours],
  ['limits.min_free', config => config.limits.minFree],
  ['notify', config => config.notify],
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
