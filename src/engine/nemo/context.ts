import type { CloudMeter } from '../../core/meter.ts';
import type { Job, Json, Order } from '../../core/job.ts';
import type { Target } from '../../core/media.ts';
import type { KeyedMutex, Semaphore } from '../../platform/async.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Http } from '../../platform/http.ts';
import type { Logger } from '../../platform/log.ts';
import type { EngineContext } from '../engine.ts';
import type { AddressPolicy } from './http/address-policy.ts';
import type { Auth } from './account/auth.ts';
import type { Client } from './account/client.ts';
import type { Recovery } from './message/recover.ts';
import type { FolderSessions } from './session/session.ts';
import type { WatchLimits } from './message/deadlines.ts';
import type { PauseGate } from '../../platform/pause-gate.ts';

/** What all jobs in the cloud share. */
export interface CloudContext {
  client: Client;
  auth: Auth;
  /** For results: through the address policy. */
  resultHttp: Http;
  policy: AddressPolicy;
  uploadSlots: Semaphore;
  pace(bytes: number, signal: AbortSignal): Promise<void>;
  newRenderId(): string;
  folders: FolderSessions;
  /** Jobs by the session each works in alone. */
  owners: Map<string, string>;
  /** One job at a time in each session; the keys name sessions, folders and jobs. */
  sessionLocks: KeyedMutex;
  settings: Settings;
  local: LocalHelp | undefined;
  clock: Clock;
  log: Logger;
  meter?: CloudMeter | undefined;
  random(): number;
}

/** Times in milliseconds; names as in the config's `nemo` map. */
export interface Settings {
  apiUrl: string;
  webUrl: string;
  language: string;
  pollIntervalMs: number;
  pollLimitMs: number;
  watch: WatchLimits;
  recovery: Recovery;
  maxUploadBytes: number;
  oversize: 'local' | 'split' | 'hold';
  session: 'per-file' | 'per-folder';
  /** Longest silence of an ordinary request. */
  silenceMs: number;
  /** Longest time an upload may make no progress. */
  stallMs: number;
  /** How long the session's state may lag behind what was done in it. */
  lagMs: number;
}

/** What this machine does for the cloud engine; handed in, because engines don't know each other. */
export interface LocalHelp {
  /** Compresses `source` to at most `maxBytes` (as small as it stays good, where absent) into a file below `dir`. */
  shrink(
    request: LocalRequest & { source: string; target: Target; maxBytes?: number },
  ): Promise<{ path: string; bytes: number; how: string }>;
  /** Cuts `source` at keyframes, without re-encoding, into files of at most `maxBytes` each below `dir`, in order. */
  split(request: LocalRequest & { source: string; maxBytes: number }): Promise<string[]>;
  /** Joins files of the same make, without re-encoding, into one MP4. */
  join(request: LocalRequest & { sources: string[]; path: string }): Promise<void>;
}

export interface LocalRequest {
  job: Job['id'];
  dir: string;
  signal: AbortSignal;
  gate: PauseGate;
  log: Logger;
  onProgress(fraction: number): void;
}

/** One source on its way through the cloud: a whole job, or a part of one that was too large. */
export interface CloudTask {
  source: { kind: 'file'; path: string; name: string; bytes: number } | { kind: 'link'; url: string; name: string };
  order: Order;
  /** False for a part of a source that was too large. */
  isWhole: boolean;
  /** Most bytes this result may have. */
  maxBytes: number | undefined;
  memory: Memory;
  context: EngineContext;
  /** Private directory of this task. */
  dir: string;
  /** 0..1 of this task. */
  onProgress(fraction: number, note?: string): void;
}

/** Checkpoints of a task: what is set is durable, and there again after a restart. */
export interface Memory {
  get<T extends Json>(key: string): T | undefined;
  set(key: string, value: Json): Promise<void>;
}

/** Checkpoints under `prefix`, so that the parts of one job keep apart. */
export function memoryOf(context: Pick<EngineContext, 'record' | 'resume'>, prefix = ''): Memory {
  const values = new Map<string, Json>(Object.entries(context.resume));
  return {
    get: <T extends Json>(key: string) => (values.get(prefix + key) ?? undefined) as T | undefined,
    async set(key, value) {
      await context.record(prefix + key, value);
      values.set(prefix + key, value);
    },
  };
}

/** How often a person asked for this job to be tried again: consent to repeat what may have been done. */
export function retryCountOf(order: Order): number {
  return order.retryCount ?? 0;
}
