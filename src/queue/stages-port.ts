import type { JobEvent } from '../core/events.ts';
import type {
  Candidate,
  Decision,
  Delivery,
  EngineName,
  Job,
  Pin,
  PublishIntent,
  Settled,
  Verified,
} from '../core/job.ts';
import type { Sentence } from '../core/message.ts';
import type { Engine } from '../engine/engine.ts';
import type { HeldFile } from '../platform/files/door.ts';
import type { PauseGate } from '../platform/pause-gate.ts';

/** A file after every byte of it was read. */
export interface WholeFile {
  contentHash: string;
  /** Its identity once all was read. */
  pin: Pin;
}

/** What became of an original. */
export interface Disposed {
  kind: 'archived' | 'deleted';
  to: string;
  /** What it lost on the way to another disk. */
  note?: Sentence | undefined;
}

/** What the worker lends to an exchange. */
export interface ExchangeHelp {
  /** The source, as it is held open. */
  source: HeldFile;
  signal: AbortSignal;
  /** Resolves when it is durable in the journal. */
  record(event: JobEvent): Promise<void>;
  /** @throws ShrinkError where the source is no longer what was encoded. */
  checkSource(): Promise<void>;
}

/** Where a job of a library goes another way than one of an inbox. */
export interface LibraryStagesPort {
  /** @throws ShrinkError `cannot-fit` where the result is not worth the place of its source. */
  prepare(job: Job, candidate: Candidate): Promise<Candidate>;
  /** Names beside the file that are made from all of its name, extension included. */
  orphans(job: Job): Promise<string[]>;
  exchange(job: Job, verified: Verified, help: ExchangeHelp): Promise<Delivery>;
  /** An exchange that a crash kept from being recorded, if there was one. */
  find(job: Job, intent: PublishIntent): Promise<Delivery | undefined>;
  /** Takes away what is left of the original in its place. @throws ShrinkError `changed-underneath` where all was put back. */
  settle(job: Job): Promise<Settled>;
  /** Takes away what an exchange that comes to nothing has left in the library and its archive. What fails is only logged. */
  abandon(job: Job): Promise<void>;
}

/** Everything the worker does to the outside world; app/stages.ts implements it with the real parts. */
export interface Stages {
  engines: Partial<Record<EngineName, Engine>>;
  /** Closed while local work rests. */
  gate: PauseGate;
  /** The source's identity now. @throws ShrinkError `gone`, or `unavailable` if the whole inbox is missing. */
  pin(job: Job): Promise<Pin>;
  /** The fingerprint of the source. @throws ShrinkError */
  fingerprint(job: Job, source: HeldFile): Promise<string>;
  /** Reads the whole source. @throws ShrinkError, `cancelled` once the signal aborts */
  readWhole(job: Job, source: HeldFile, signal: AbortSignal): Promise<WholeFile>;
  /** What the current rules decide for the job; `engine` overrides the rule's (fallback). */
  decide(job: Job, engine?: EngineName): Decision;
  /** Opens the source, to be closed. @throws ShrinkError as `pin` does. */
  openSource(job: Job): Promise<HeldFile>;
  /** @param options.source the source, where the candidate is that itself */
  verify(
    candidate: Candidate,
    options: { signal: AbortSignal; gate: PauseGate; source: HeldFile | undefined },
  ): Promise<Verified>;
  /** Reserves space for a job; resolves with its release. @throws ShrinkError `no-space`, or what makes the outbox unusable. */
  reserve(job: Job): Promise<() => void>;
  /** The error of a full disk in true words; any other as it is. */
  explained(job: Job, error: unknown): Promise<unknown>;
  /** Private directory of a job, created if missing. */
  openWorkDir(id: string): Promise<string>;
  removeWorkDir(id: string): Promise<void>;
  /** True if the candidate's file exists with its recorded size. */
  isIntact(candidate: Candidate): Promise<boolean>;
  deliver(
    job: Job,
    verified: Verified,
    options: { signal: AbortSignal; source: HeldFile | undefined; onIntent(intent: PublishIntent): Promise<void> },
  ): Promise<Delivery>;
  /** A delivery that a crash kept from being recorded, if there was one. */
  findPublished(job: Job, intent: PublishIntent): Promise<Delivery | undefined>;
  /** What becomes of a film of a library. */
  library: LibraryStagesPort;
  /** What the folder has done to originals. */
  originals(job: Job): 'keep' | 'archive' | 'delete';
  /** Archives or deletes the original as the folder says; `undefined` when it stays. */
  dispose(job: Job, onIntent: (to: string) => Promise<void>): Promise<Disposed | undefined>;
  /** Writes the failure or success report the folder asks for; resolves with its path. */
  report(job: Job): Promise<string | undefined>;
  /** Removes the report written for the job, if it is still ours. */
  removeReport(job: Job): Promise<void>;
  /** Has the watcher report this file again: it is no longer the file the job was about. */
  resight(job: Job): void;
}
