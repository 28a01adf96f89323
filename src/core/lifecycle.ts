/**
 * The only door to a job's state: `apply` takes a job and an event that happened and gives the job after it, or throws
 * when that event cannot happen there. Replaying the journal runs the same function, so live state and replay agree.
 *
 * queued      waits for a slot. Entered by `admitted`, `queued` (retry, restart, changed words).
 * waiting     until a time, because ...; the due time survives a restart. Left by `queued` when due: back to where its
 *             candidate was, if it has one.
 * running     an engine works at a step. `step` moves on inside it; `checkpoint` leaves something to start again from.
 * in-doubt    a paid step may or may not have happened; the engine asks the service. Left by `step` (it knows now) or hold.
 * verifying   there is a candidate. A restart verifies it again.
 * delivering  verified; `publishing` is journaled before the final name appears, `published` after it is durable.
 * done        published, and the original kept, archived or deleted as the folder says.
 * held        a person must act; says what. failed: the source or the request is at fault.
 * cancelled   somebody asked, or a newer version of the file took its place. skipped: nothing to do; says why.
 */
import type { ErrorCode } from './errors.ts';
import type { NamedStep } from './steps.ts';
import type { Message } from './message.ts';
import {
  type Candidate,
  type CandidateState,
  cloudRefsOf,
  type Decision,
  type Delivery,
  type EngineName,
  type Job,
  type JobState,
  type Json,
  type Pin,
  type PublishIntent,
  type Reason,
  RESTING,
  type Sidecar,
  type StateName,
} from './job.ts';

/** What is known of a job from its first moment. */
export type Admitted = Pick<
  Job,
  'arrival' | 'inbox' | 'path' | 'relative' | 'pin' | 'fingerprint' | 'sidecar' | 'words' | 'version' | 'decision'
>;

export type JobEvent =
  | { event: 'admitted'; data: Admitted }
  | { event: 'decided'; data: { decision: Decision; sidecar: Sidecar | null } }
  | { event: 'repinned'; data: { path: string; relative: string; pin: Pin } }
  | { event: 'queued'; data: { because: string; message?: Message; fresh?: boolean; byPerson?: boolean } }
  | { event: 'started'; data: { engine: EngineName } & NamedStep }
  | { event: 'step'; data: { engine: EngineName } & NamedStep }
  | { event: 'checkpoint'; data: { key: string; value: Json } }
  | { event: 'fact'; data: { key: string; value: string } }
  | { event: 'doubted'; data: { engine: EngineName; reason: Reason } & NamedStep }
  | { event: 'candidate'; data: { candidate: Candidate } }
  | { event: 'rejected'; data: { reason: Reason; keepCheckpoints: boolean } }
  | { event: 'verified'; data: { evidence: string } }
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

/** Newest entries of a job's history that are kept. */
export const HISTORY_LIMIT = 40;

const ACTIVE: readonly StateName[] = ['queued', 'waiting', 'running', 'in-doubt', 'verifying', 'delivering'];
const RESTED: readonly StateName[] = [...RESTING];
const ANY: readonly StateName[] = [...ACTIVE, ...RESTED];

/** In which states each event may happen. `admitted` starts a job and stands outside the table. */
const ALLOWED: Readonly<Record<Exclude<EventName, 'admitted'>, readonly StateName[]>> = {
  decided: [...ACTIVE, 'held', 'failed', 'skipped'],
  repinned: ANY,
  // From an active state: a restart takes the job up again. From rest: a person (or changed words) asked for another try.
  queued: [
    'waiting',
    'running',
    'in-doubt',
    'verifying',
    'delivering',
    'held',
    'failed',
    'cancelled',
    'skipped',
    'done',
  ],
  started: ['queued', 'in-doubt'],
  step: ['running', 'in-doubt'],
  checkpoint: ['running', 'in-doubt'],
  fact: ANY,
  doubted: ['running', 'in-doubt'],
  candidate: ['running'],
  rejected: ['verifying', 'delivering'],
  verified: ['verifying'],
  publishing: ['delivering'],
  published: ['delivering'],
  disposing: ['delivering'],
  disposed: ['delivering'],
  restored: ['done'],
  pruned: ['done'],
  done: ['delivering'],
  waiting: ['queued', 'running', 'in-doubt', 'verifying', 'delivering'],
  held: [...ACTIVE, 'failed'],
  failed: ACTIVE,
  cancelled: [...ACTIVE, 'held', 'failed'],
  skipped: ['queued', 'waiting', 'running', 'verifying', 'held'],
  reported: ANY,
  forgotten: RESTED,
};

export class IllegalEvent extends Error {
  override readonly name = 'IllegalEvent';
}

/** The states in which `event` is legal. */
export function allowedIn(event: EventName): readonly StateName[] {
  return event === 'admitted' ? [] : ALLOWED[event];
}

/**
 * The job after `event` happened to it at `at` (epoch ms). `forgotten` gives `undefined`: the job is no longer known.
 * @throws IllegalEvent when the event cannot happen in the job's state: a bug, or a journal that was tampered with.
 */
export function apply(job: Job | undefined, id: string, at: number, happened: JobEvent): Job | undefined {
  if (happened.event === 'admitted') {
    if (job) throw new IllegalEvent(`job ${id} was admitted twice`);
    return {
      id,
      ...happened.data,
      state: { name: 'queued' },
      retried: 0,
      attempts: 0,
      waits: 0,
      strikes: {},
      checkpoints: {},
      facts: {},
      createdAt: at,
      updatedAt: at,
      history: [{ at, event: 'admitted', note: noteOf(happened) }],
    };
  }
  if (!job) throw new IllegalEvent(`${happened.event} happened to job ${id}, which is not known`);
  if (!ALLOWED[happened.event].includes(job.state.name)) {
    throw new IllegalEvent(`${happened.event} cannot happen to job ${id} while it is ${job.state.name}`);
  }
  if (happened.event === 'forgotten') return undefined;
  const next: Job = { ...job, updatedAt: at, ...changes(job, at, happened) };
  if (LOGGED.has(happened.event)) {
    const note = noteOf(happened);
    next.history = [
      ...job.history.slice(-(HISTORY_LIMIT - 1)),
      { at, event: happened.event, ...(note ? { note } : {}) },
    ];
  }
  return next;
}

/** Events a person wants to read back in `job ID`; checkpoints and re-pins are bookkeeping. */
const LOGGED: ReadonlySet<EventName> = new Set<EventName>([
  'decided',
  'queued',
  'started',
  'step',
  'doubted',
  'candidate',
  'rejected',
  'verified',
  'published',
  'disposed',
  'restored',
  'pruned',
  'done',
  'waiting',
  'held',
  'failed',
  'cancelled',
  'skipped',
]);

function changes(job: Job, at: number, happened: Exclude<JobEvent, { event: 'admitted' | 'forgotten' }>): Partial<Job> {
  switch (happened.event) {
    case 'decided':
      return { decision: happened.data.decision, sidecar: happened.data.sidecar ?? undefined };
    case 'repinned':
      return happened.data;
    case 'queued':
      return {
        // `fresh`: what earlier tries left is what was wrong with them.
        ...(happened.data.fresh ? { checkpoints: {} } : {}),
        state: (happened.data.fresh ? undefined : candidateState(job)) ?? { name: 'queued' },
        ...(happened.data.fresh || happened.data.byPerson ? { strikes: {}, waits: 0 } : {}),
        retried: job.retried + (happened.data.byPerson ? 1 : 0),
      };
    case 'started':
      return { state: { name: 'running', ...happened.data, since: at }, attempts: job.attempts + 1 };
    case 'step':
      return { state: { name: 'running', ...happened.data, since: at } };
    case 'checkpoint':
      return { checkpoints: { ...job.checkpoints, [happened.data.key]: happened.data.value }, waits: 0 };
    case 'fact':
      return withFact(job, happened.data);
    case 'doubted':
      return { state: { name: 'in-doubt', ...happened.data, since: at } };
    case 'candidate':
      return { state: { name: 'verifying', candidate: happened.data.candidate }, waits: 0 };
    case 'rejected':
      if (job.state.name === 'delivering') unpublished(job, happened.event);
      // A bad candidate spoils what led to it; one that merely went missing does not, and a paid step is never undone.
      return { state: { name: 'queued' }, checkpoints: happened.data.keepCheckpoints ? job.checkpoints : {} };
    case 'verified':
      return { state: { name: 'delivering', candidate: candidateOf(job), evidence: happened.data.evidence } };
    case 'publishing':
      return { state: { ...unpublished(job, happened.event), intent: happened.data.intent } };
    case 'published':
      return { state: { ...unpublished(job, happened.event), published: happened.data.delivery } };
    case 'disposing':
      return { state: { ...published(job, happened.event), disposing: happened.data.to } };
    case 'disposed':
      published(job, happened.event);
      return {
        original:
          happened.data.kind === 'archived'
            ? { kind: 'archived', path: happened.data.to, at }
            : { kind: 'deleted', at },
      };
    case 'restored':
      return { original: undefined };
    case 'pruned':
      return { original: { kind: 'deleted', at } };
    case 'done': {
      const { candidate, evidence, published: delivery } = published(job, happened.event);
      return {
        state: {
          name: 'done',
          output: delivery.output,
          outputBytes: delivery.bytes,
          how: candidate.how,
          notes: happened.data.note ? [...candidate.notes, happened.data.note] : candidate.notes,
          evidence,
        },
        checkpoints: {},
        strikes: {},
        waits: 0,
      };
    }
    case 'waiting': {
      const { until, reason, strike } = happened.data;
      return {
        state: { name: 'waiting', until, reason, ...keeping(job, reason) },
        waits: job.waits + 1,
        strikes: strike ? { ...job.strikes, [strike]: (job.strikes[strike] ?? 0) + 1 } : job.strikes,
      };
    }
    case 'held':
      // Checkpoints stay: after a person acted, work goes on from there (a render id is kept).
      return { state: { name: 'held', reason: happened.data.reason, ...keeping(job, happened.data.reason) } };
    case 'failed':
      return { state: { name: 'failed', reason: happened.data.reason } };
    case 'cancelled':
      return { state: { name: 'cancelled', reason: happened.data.reason }, checkpoints: {} };
    case 'skipped':
      return { state: { name: 'skipped', reason: happened.data.reason }, checkpoints: {} };
    case 'reported':
      return { report: happened.data.path ?? undefined };
  }
}

function withFact(job: Job, { key, value }: { key: string; value: string }): Partial<Job> {
  const refs = cloudRefsOf({ [key]: value });
  const facts = { ...job.facts, [key]: value };
  return refs ? { facts, cloud: { ...job.cloud, ...refs } } : { facts };
}

/** The finished candidate a resting or waiting job still has. */
function candidateState(job: Job): CandidateState | undefined {
  const { state } = job;
  if (state.name === 'waiting' || state.name === 'held') return state.from;
  return state.name === 'verifying' || state.name === 'delivering' ? state : undefined;
}

/** A full outbox is no reason to encode again; a candidate that failed its checks is. */
function keeping(job: Job, reason: Reason): { from?: CandidateState } {
  const from = reason.code === 'verify-failed' ? undefined : candidateState(job);
  return from ? { from } : {};
}

function candidateOf(job: Job): Candidate {
  if (job.state.name !== 'verifying') throw new IllegalEvent(`job ${job.id} has no candidate`);
  return job.state.candidate;
}

type Delivering = Extract<JobState, { name: 'delivering' }>;

function delivering(job: Job): Delivering {
  if (job.state.name !== 'delivering') throw new IllegalEvent(`job ${job.id} is not being delivered`);
  return job.state;
}

/** A result that has its name is not made, checked or named again. */
function unpublished(job: Job, event: EventName): Delivering {
  const state = delivering(job);
  if (state.published) throw new IllegalEvent(`${event} cannot happen to job ${job.id} after it is published`);
  return state;
}

/** The original is let go of, and the job over, only once the result has its name. */
function published(job: Job, event: EventName): Delivering & { published: Delivery } {
  const state = delivering(job);
  if (!state.published) throw new IllegalEvent(`${event} cannot happen to job ${job.id} before it is published`);
  return { ...state, published: state.published };
}

function noteOf(happened: JobEvent): string | undefined {
  switch (happened.event) {
    case 'admitted':
    case 'decided': {
      const { decision } = happened.data;
      return decision.kind === 'do' ? decision.why : decision.reason;
    }
    case 'queued':
      return happened.data.because;
    case 'started':
    case 'step':
      return `${happened.data.engine}: ${happened.data.step}`;
    case 'candidate':
      return happened.data.candidate.how;
    case 'verified':
      return happened.data.evidence;
    case 'published':
      return happened.data.delivery.output;
    case 'disposed':
      return happened.data.kind === 'archived' ? `original archived as ${happened.data.to}` : 'original deleted';
    case 'restored':
      return happened.data.to;
    case 'pruned':
      return `archived original deleted after its time: ${happened.data.path}`;
    case 'doubted':
    case 'rejected':
    case 'waiting':
    case 'held':
    case 'failed':
    case 'cancelled':
    case 'skipped':
      return happened.data.reason.text;
    default:
      return undefined;
  }
}

/** The reason of the job's state as a sentence, or null where the state needs none. */
export function reasonOf(job: Job): Reason | undefined {
  return 'reason' in job.state ? job.state.reason : undefined;
}
