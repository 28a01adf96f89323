import type { Candidate, Decision, Delivery, EngineName, Job, Pin, PublishIntent, Verified } from '../core/job.ts';
import type { Engine } from '../engine/engine.ts';
import type { HeldFile } from '../platform/files/door.ts';
import type { PauseGate } from '../platform/pause-gate.ts';

/** A file after every byte of it was read. */
export interface WholeFile {
  contentHash: string;
  /** Its identity once all was read. */
  pin: Pin;
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
  /** Whether the folder has originals archived or deleted. */
  disposes(job: Job): boolean;
  /** Archives or deletes the original as the folder says; `undefined` when it stays. */
  dispose(
    job: Job,
    onIntent: (to: string) => Promise<void>,
  ): Promise<{ kind: 'archived' | 'deleted'; to: string } | undefined>;
  /** Writes the failure or success report the folder asks for; resolves with its path. */
  report(job: Job): Promise<string | undefined>;
  /** Removes the report written for the job, if it is still ours. */
  removeReport(job: Job): Promise<void>;
  /** Has the watcher report this file again: it is no longer the file the job was about. */
  resight(job: Job): void;
}
