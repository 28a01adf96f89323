import type { Config } from '../../config/load.ts';
import type { Order } from '../../core/job.ts';
import type { Sentence } from '../../core/message.ts';
import type { KeyedMutex, Semaphore } from '../../platform/async.ts';
import type { Clock } from '../../platform/clock.ts';
import type { InputFile } from '../../platform/files/files.ts';
import type { Http } from '../../platform/http.ts';
import type { Logger } from '../../platform/log.ts';
import type { CloudMeter, EngineContext, LocalHelp, ReadWords } from '../engine.ts';
import type { Auth } from './account/auth.ts';
import type { Client } from './account/client.ts';
import type { SessionRecord, TaskCheckpoints } from './checkpoints.ts';
import type { Pause } from './http/rate-limit.ts';
import type { AddressPolicy } from './http/address-policy.ts';

/** The configuration's `nemo` map: durations in milliseconds, sizes in bytes. */
export type NemoConfig = Config['nemo'];

/** Times that are not configurable, in milliseconds. */
export interface Timeouts {
  /** Longest silence of an ordinary request. */
  silenceMs: number;
  /** Longest time the body of a reply may take. */
  readingMs: number;
  /** Longest time an upload may make no progress. */
  stallMs: number;
  /** How long the session's state may lag behind changes in it. */
  lagMs: number;
}

export const TIMEOUTS: Timeouts = { silenceMs: 60_000, readingMs: 300_000, stallMs: 300_000, lagMs: 2500 };

export type Settings = NemoConfig & Timeouts;

/** How long a message's stream is listened to. */
export type WatchLimits = Pick<NemoConfig, 'messageTimeout' | 'heartbeatTimeout'>;

/** When to read the session after losing the reply to a message. */
export type Recovery = NemoConfig['recovery'];

/** What all cloud jobs share. */
export interface CloudContext {
  client: Client;
  /** The pause of all requests that lasts now. */
  pausedNow(): Pause | undefined;
  auth: Auth;
  /** For results: through the address policy. */
  resultHttp: Http;
  policy: AddressPolicy;
  uploadSlots: Semaphore;
  /** Waits until this many more bytes may be uploaded. */
  pace(bytes: number, signal: AbortSignal): Promise<void>;
  newRenderId(): string;
  folders: FolderSessions;
  /** The job working in each session; it works there alone. */
  owners: Map<string, string>;
  /** One job at a time per key; the keys name sessions, folders and jobs. */
  sessionLocks: KeyedMutex;
  settings: Settings;
  local: LocalHelp | undefined;
  readWords: ReadWords;
  clock: Clock;
  log: Logger;
  meter?: CloudMeter;
  random(): number;
}

/** A session as the service opened it. */
export type Session = Omit<SessionRecord, 'refines' | 'gone'>;

/** Sessions kept per folder (`nemo.session: per-folder`). */
export interface FolderSessions {
  /** The folder's session, unless another job left something half-done in it: then a new one has to be opened. */
  usable(folder: string, job: string, token: string): Session | undefined;
  /** The job starts working in it. */
  take(folder: string, job: string, session: Session): void;
  /**
   * The job starts another version in session `id`, which may be the folder's. False if another job left something half-done in it.
   */
  join(folder: string, job: string, id: string): boolean;
  /** The job is done with it. */
  release(folder: string, job: string): void;
}

export type FileSource = { kind: 'file'; file: InputFile; name: string; bytes: number };
export type LinkSource = { kind: 'link'; url: string; name: string };

/** One source on its way through the cloud: a whole job, or one part of a source that was too large. */
export interface CloudTask<S extends FileSource | LinkSource = FileSource | LinkSource> {
  cloud: CloudContext;
  source: S;
  order: Order;
  /** False for a part of a source that was too large. */
  isWhole: boolean;
  /** The most bytes this result may have; absent if no size was requested. */
  maxBytes: number | undefined;
  checkpoints: TaskCheckpoints;
  context: EngineContext;
  /** Private directory of this task. */
  dir: string;
  /** `fraction`: 0..1 of this task; `waitsSince`: see Progress. */
  onProgress(fraction: number, note?: Sentence, waitsSince?: number): void;
}

/** A task working in its session. */
export interface SessionTask extends CloudTask {
  session: SessionRecord;
}
