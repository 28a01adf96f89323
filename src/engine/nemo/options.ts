import type { Secret } from '../../config/secrets.ts';
import type { CloudMeter } from '../engine.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import type { LocalHelp } from '../engine.ts';

/** Everything the engine is built from; times in milliseconds, names as in the config's `nemo` and `limits` maps. */
export interface NemoOptions {
  apiUrl: string;
  webUrl: string;
  /** The person's own token (NEMO_TOKEN); absent: a free one is asked for and kept. */
  token?: Secret | undefined;
  clientId?: string | undefined;
  /** The state directory: identity.json lives there. */
  identityDir: string;
  language: string;
  pollIntervalMs: number;
  pollLimitMs: number;
  messageTimeoutMs: number;
  heartbeatTimeoutMs: number;
  recovery: { firstMs: number; everyMs: number; checks: number };
  retryAfterMs: number;
  maxUploadBytes: number;
  oversize: 'local' | 'split' | 'hold';
  session: 'per-file' | 'per-folder';
  /** Uploads at once. */
  uploads: number;
  requestsPerMinute?: number | undefined;
  /** Bytes a second over all uploads. */
  uploadRate?: number | undefined;
  /** Who asks: name and version of the skill, from package.json's own field for it. */
  skill: { source: string; version: string };
  /** SKILL_SOURCE of the environment. */
  skillSource?: string | undefined;
  /** Absolute path this program is installed at. */
  installPath: string;
  clock: Clock;
  log: Logger;
  local?: LocalHelp | undefined;
  /** Counts requests and streams for the metrics. */
  meter?: CloudMeter | undefined;
  /** For tests: silence of ordinary requests (a minute) and time to read an answer, stall of uploads (five minutes each), lag of the state, chance. */
  silenceMs?: number;
  readingMs?: number;
  stallMs?: number;
  lagMs?: number;
  random?: () => number;
}
