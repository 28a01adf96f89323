/**
 * What can happen to a job. Persisted: names and data keys never change their meaning; new keys are optional.
 * The journal is checked against these shapes when it is read (queue/journal-schema.ts).
 */
import type { ErrorCode } from './errors.ts';
import type {
  ArchivedCopy,
  Candidate,
  Delivery,
  EngineName,
  Job,
  Json,
  Place,
  PublishIntent,
  Reason,
  Sidecar,
} from './job.ts';
import type { LeaseEnd, LeaseRef } from './lease.ts';
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
  | 'wordsByAnybody'
  | 'version'
  | 'nameVersion'
  | 'decision'
  | 'library'
>;

/** The same file under another identity or name. `inbox` only where it is in another one now; `contentHash` once it is known. */
export type Repinned = Pick<Job, 'path' | 'relative' | 'pin' | 'contentHash'> & Partial<Pick<Job, 'inbox'>>;

export type JobEvent =
  | { event: 'admitted'; data: Admitted }
  | {
      event: 'decided';
      data: Pick<Job, 'decision' | 'nameVersion' | 'wordsByAnybody'> & {
        sidecar: Sidecar | null;
        words?: string | null;
      };
    }
  | { event: 'repinned'; data: Repinned }
  | { event: 'queued'; data: { because: string; message?: Message; fresh?: boolean; byPerson?: boolean } }
  | { event: 'started'; data: { engine: EngineName } & NamedStep }
  | { event: 'step'; data: { engine: EngineName } & NamedStep }
  | { event: 'checkpoint'; data: { key: string; value: Json } }
  | { event: 'fact'; data: { key: string; value: string; message?: Message } }
  | { event: 'leased'; data: LeaseRef }
  | { event: 'lease-ended'; data: LeaseEnd }
  | { event: 'doubted'; data: { engine: EngineName; reason: Reason } & NamedStep }
  | { event: 'candidate'; data: { candidate: Candidate } }
  | { event: 'rejected'; data: { reason: Reason; keepCheckpoints: boolean } }
  | { event: 'verified'; data: { evidence: string; message?: Message } }
  | { event: 'archiving'; data: { to: string } }
  | { event: 'archived'; data: ArchivedCopy }
  | { event: 'publishing'; data: { intent: PublishIntent } }
  | { event: 'published'; data: { delivery: Delivery } }
  | { event: 'disposing'; data: { to: string } }
  | { event: 'disposed'; data: { kind: 'archived' | 'deleted'; to: string; sha256?: string } }
  | { event: 'restoring'; data: { to: string } }
  | { event: 'restored'; data: { to: string } }
  | { event: 'pruned'; data: { path: string } }
  | { event: 'done'; data: { note?: string; message?: Message } }
  | { event: 'waiting'; data: { until: number; reason: Reason; strike?: ErrorCode } }
  | { event: 'held'; data: { reason: Reason } }
  | { event: 'failed'; data: { reason: Reason } }
  | { event: 'cancelled'; data: { reason: Reason; until?: number } }
  | { event: 'skipped'; data: { reason: Reason } }
  | { event: 'placed'; data: { place: Place } }
  | { event: 'paused'; data: { by: string } }
  | { event: 'resumed'; data: { by: string } }
  | { event: 'command-due'; data: { commands: string[] } }
  | { event: 'command-begun'; data: { command: string } }
  | { event: 'command-ended'; data: { command: string; problem?: string; message?: Message } }
  | { event: 'reported'; data: { path: string | null } }
  | { event: 'forgotten'; data: { by: string } };

export type EventName = JobEvent['event'];

/** Events that version 2 of the journal's records brought: an older shrinkbox says so, rather than that the journal is damaged. */
const SINCE_VERSION_2: ReadonlySet<string> = new Set<EventName>([
  'placed',
  'paused',
  'resumed',
  'command-due',
  'command-begun',
  'command-ended',
  'archiving',
  'archived',
  'restoring',
]);

/** The version of the records that can hold it. */
export function recordVersionOf(happened: JobEvent): 1 | 2 | 3 {
  const { event, data } = happened;
  if (event === 'leased' || event === 'lease-ended' || isOfFleet(data)) return 3;
  const isLater =
    (event === 'cancelled' && data.until !== undefined) || (event === 'admitted' && data.library === true);
  return SINCE_VERSION_2.has(event) || isLater ? 2 : 1;
}

/** The version that brought what a job says. To an older one, a film of a library would be a file of an inbox. */
export function snapshotVersionOf({ decision, state, leases, library }: Job): 1 | 2 | 3 {
  if (leases || isOfFleet({ decision }) || isOfFleet(state)) return 3;
  return library ? 2 : 1;
}

/** Version 3 brought the engine. */
function isOfFleet(data: object): boolean {
  const { engine, decision } = data as { engine?: unknown; decision?: { engine?: unknown } };
  return engine === 'fleet' || decision?.engine === 'fleet';
}
