/**
 * What can happen to a job. Persisted: names and data keys never change their meaning; new keys are optional.
 * The journal is checked against these shapes when it is read (queue/journal-schema.ts).
 */
import type { ErrorCode } from './errors.ts';
import type { Candidate, Decision, Delivery, EngineName, Job, Json, PublishIntent, Reason, Sidecar } from './job.ts';
import type { Message } from './message.ts';
import type { NamedStep } from './steps.ts';

/** What is known about a job from the start. */
export type Admitted = Pick<
  Job,
  | 'arrival'
  | 'inbox'
  | 'path'
  | 'relative'
  | 'pin'
  | 'fingerprint'
  | 'contentHash'
  | 'sidecar'
  | 'words'
  | 'version'
  | 'decision'
>;

/** The same file under another identity or name. `inbox` only where it is in another one now; `contentHash` once it is known. */
export type Repinned = Pick<Job, 'path' | 'relative' | 'pin' | 'contentHash'> & Partial<Pick<Job, 'inbox'>>;

export type JobEvent =
  | { event: 'admitted'; data: Admitted }
  | { event: 'decided'; data: { decision: Decision; sidecar: Sidecar | null } }
  | { event: 'repinned'; data: Repinned }
  | { event: 'queued'; data: { because: string; message?: Message; fresh?: boolean; byPerson?: boolean } }
  | { event: 'started'; data: { engine: EngineName } & NamedStep }
  | { event: 'step'; data: { engine: EngineName } & NamedStep }
  | { event: 'checkpoint'; data: { key: string; value: Json } }
  | { event: 'fact'; data: { key: string; value: string } }
  | { event: 'doubted'; data: { engine: EngineName; reason: Reason } & NamedStep }
  | { event: 'candidate'; data: { candidate: Candidate } }
  | { event: 'rejected'; data: { reason: Reason; keepCheckpoints: boolean } }
  | { event: 'verified'; data: { evidence: string; message?: Message } }
  | { event: 'publishing'; data: { intent: PublishIntent } }
  | { event: 'published'; data: { delivery: Delivery } }
  | { event: 'disposing'; data: { to: string } }
  | { event: 'disposed'; data: { kind: 'archived' | 'deleted'; to: string } }
  | { event: 'restored'; data: { to: string } }
  | { event: 'pruned'; data: { path: string } }
  | { event: 'done'; data: { note?: string; message?: Message } }
  | { event: 'waiting'; data: { until: number; reason: Reason; strike?: ErrorCode } }
  | { event: 'held'; data: { reason: Reason } }
  | { event: 'failed'; data: { reason: Reason } }
  | { event: 'cancelled'; data: { reason: Reason } }
  | { event: 'skipped'; data: { reason: Reason } }
  | { event: 'reported'; data: { path: string | null } }
  | { event: 'forgotten'; data: { by: string } };

export type EventName = JobEvent['event'];
