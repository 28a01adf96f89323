import type { Json, Order } from '../../core/job.ts';
import type { KeyedMutex, Semaphore } from '../../platform/async.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Http } from '../../platform/http.ts';
import type { Logger } from '../../platform/log.ts';
import type { CloudMeter, EngineContext, LocalHelp } from '../engine.ts';
import type { AddressPolicy } from './http/address-policy.ts';
import type { Auth } from './account/auth.ts';
import type { Client } from './account/client.ts';
import type { Recovery } from './message/recover.ts';
import type { FolderSessions } from './session/session.ts';
import type { WatchLimits } from './message/deadlines.ts';

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
