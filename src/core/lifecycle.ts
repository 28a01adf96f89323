/**
 * The only way to change a job's state: `apply` takes a job and an event and returns the job after it, or throws if that event
 * is illegal in the job's state. Replaying the journal runs the same function, so live state and replay agree.
 *
 * queued      waits for a slot. Entered by `admitted`, `queued` (retry, restart, changed words).
 * waiting     until a time, for a reason; the due time survives a restart. Left by `queued` when due: back to the stage of its
 *             candidate, if it has one.
 * running     an engine is at work. `step` names the next step; `checkpoint` records a point to continue from.
 * in-doubt    a paid step may or may not have happened; the engine asks the service. Left by `step` (now it knows) or `held`.
 * verifying   there is a candidate. A restart verifies it again.
 * delivering  verified; `publishing` is journaled before the final name appears, `published` after it is durable.
 *             Of a library, `archiving` and `archived` come before that: the original is safe before its place is taken.
 * done        published, and the original kept, archived or deleted as the folder says.
 * held        a person must act; the reason says how. failed: the source or the request is at fault.
 * cancelled   a person asked, or a newer version of the file took its place. skipped: nothing to do; says why.
 */
import type { EventName, JobEvent } from './events.ts';
import { withLease, withoutLease } from './lease.ts';
import type { Message } from './message.ts';
import { withHistory } from './history.ts';
import {
  type Candidate,
  type CandidateState,
  cloudRefsOf,
  type Delivery,
  type Job,
  type JobState,
  type Reason,
  RESTING,
  type StateName,
} from './job.ts';

const ACTIVE: readonly StateName[] = ['queued', 'waiting', 'running', 'in-doubt', 'verifying', 'delivering'];
const RESTED: readonly StateName[] = [...RESTING];
const ANY: readonly StateName[] = [...ACTIVE, ...RESTED];

/** The states in which each event is legal. `admitted` creates a job and is not in the table. */
const ALLOWED: Readonly<Record<Exclude<EventName, 'admitted'>, readonly StateName[]>> = {
  decided: [...ACTIVE, 'held', 'failed', 'skipped'],
  repinned: ANY,
  // From an active state: a restart resumes the job. From a resting one: a person, or a changed instruction, asked for another attempt.
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
  leased: ['running'],
  // A worker may say so after the job came to its end.
  'lease-ended': ANY,
  doubted: ['running', 'in-doubt'],
  candidate: ['running'],
  rejected: ['verifying', 'delivering'],
  verified: ['verifying'],
  archiving: ['delivering'],
  archived: ['delivering'],
  publishing: ['delivering'],
  published: ['delivering'],
  disposing: ['delivering'],
  disposed: ['delivering'],
  restoring: ['done'],
  restored: ['done'],
  pruned: ['done'],
  done: ['delivering'],
  waiting: ['queued', 'running', 'in-doubt', 'verifying', 'delivering'],
  held: [...ACTIVE, 'failed'],
  failed: ACTIVE,
  cancelled: [...ACTIVE, 'held', 'failed'],
  skipped: ['queued', 'waiting', 'running', 'verifying', 'delivering', 'held'],
  placed: ['queued', 'waiting'],
  paused: ACTIVE,
  resumed: ANY,
  'command-due': ANY,
  'command-begun': ANY,
  'command-ended': ANY,
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
      history: withHistory([], at, happened),
    };
  }
  if (!job) throw new IllegalEvent(`${happened.event} happened to job ${id}, which is not known`);
  if (!ALLOWED[happened.event].includes(job.state.name)) {
    throw new IllegalEvent(`${happened.event} cannot happen to job ${id} while it is ${job.state.name}`);
  }
  if (happened.event === 'forgotten') return undefined;
  return { ...job, updatedAt: at, ...changes(job, at, happened), history: withHistory(job.history, at, happened) };
}

type EventData<N extends EventName> = Extract<JobEvent, { event: N }>['data'];
type Changing = Exclude<EventName, 'admitted' | 'forgotten'>;

/** What each event changes in a job whose state allows it. */
const CHANGES: { readonly [N in Changing]: (job: Job, data: EventData<N>, at: number) => Partial<Job> } = {
  decided: (job, { decision, sidecar, words = job.words, wordsByAnybody, nameVersion }) => ({
    ...{ decision, sidecar: sidecar ?? undefined },
    ...(nameVersion === undefined ? {} : { nameVersion }),
    ...(words === job.words ? {} : { words: words ?? undefined, wordsByAnybody }),
  }),
  repinned: (job, { inbox = job.inbox, path, relative, pin, contentHash = job.contentHash }) => ({
    ...{ inbox, path, relative, pin },
    ...(contentHash === undefined ? {} : { contentHash }),
  }),
  queued: queuedAgain,
  started: (job, data, at) => ({ state: { name: 'running', ...data, since: at }, attempts: job.attempts + 1 }),
  step: (_, data, at) => ({ state: { name: 'running', ...data, since: at } }),
  checkpoint: (job, { key, value }) => ({ checkpoints: { ...job.checkpoints, [key]: value }, waits: 0 }),
  fact: withFact,
  leased: (job, lease) => ({ leases: withLease(job.leases, lease) }),
  'lease-ended': (job, end) => ({ leases: withoutLease(job.leases, end) }),
  doubted: (_, data, at) => ({ state: { name: 'in-doubt', ...data, since: at } }),
  candidate: (_, { candidate }) => ({ state: { name: 'verifying', candidate }, waits: 0 }),
  rejected: (job, { keepCheckpoints }) => {
    if (job.state.name === 'delivering') unpublished(job, 'rejected');
    // A bad candidate spoils what led to it; a missing one does not, and a paid step is never undone.
    return { state: { name: 'queued' }, checkpoints: keepCheckpoints ? job.checkpoints : {} };
  },
  verified: (job, data) => ({ state: deliveringFrom(candidateOf(job), data) }),
  archiving: (job, { to }) => ({ state: { ...unpublished(job, 'archiving'), archiving: to } }),
  archived: (job, copy) => ({ state: { ...unpublished(job, 'archived'), archived: copy } }),
  publishing: (job, { intent }) => ({ state: { ...unpublished(job, 'publishing'), intent } }),
  published: (job, { delivery }) => ({ state: { ...unpublished(job, 'published'), published: delivery } }),
  disposing: (job, { to }) => ({ state: { ...published(job, 'disposing'), disposing: to } }),
  disposed: (job, { kind, to, sha256 }, at) => {
    published(job, 'disposed');
    if (kind === 'deleted') return { original: { kind, at } };
    return { original: { kind, path: to, at, ...(sha256 !== undefined && { sha256 }) } };
  },
  restoring: () => ({ restoring: true }),
  restored: () => ({ original: undefined, restoring: undefined }),
  pruned: (_job, _data, at) => ({ original: { kind: 'deleted', at } }),
  done: (job, data) => ({
    state: doneFrom(published(job, 'done'), data, job),
    checkpoints: {},
    strikes: {},
    waits: 0,
    ...(job.leases && { leases: undefined }),
  }),
  waiting: (job, { until, reason, strike }) => ({
    state: { name: 'waiting', until, reason, ...keeping(job, reason) },
    waits: job.waits + 1,
    strikes: strike ? { ...job.strikes, [strike]: (job.strikes[strike] ?? 0) + 1 } : job.strikes,
  }),
  // Checkpoints stay: once a person has acted, work continues from them (a render id is kept).
  held: (job, { reason }) => ({ state: { name: 'held', reason, ...keeping(job, reason) } }),
  failed: (_, { reason }) => ({ state: { name: 'failed', reason } }),
  cancelled: (job, { reason, until }) =>
    until === undefined
      ? { state: { name: 'cancelled', reason }, checkpoints: {} }
      : { state: { name: 'cancelled', reason, until, ...keeping(job, reason) } },
  skipped: (_, { reason }) => ({ state: { name: 'skipped', reason }, checkpoints: {} }),
  placed: (_, { place }) => ({ place }),
  paused: () => ({ paused: true }),
  resumed: () => ({ paused: undefined }),
  'command-due': (job, { commands }) => ({
    commands: { ...job.commands, ...Object.fromEntries(commands.map(key => [key, 'due' as const])) },
  }),
  'command-begun': (job, { command }) => ({ commands: { ...job.commands, [command]: 'begun' } }),
  'command-ended': withoutCommand,
  reported: (_, { path }) => ({ report: path ?? undefined }),
};

function changes(job: Job, at: number, happened: Extract<JobEvent, { event: Changing }>): Partial<Job> {
  const change = CHANGES[happened.event] as (job: Job, data: typeof happened.data, at: number) => Partial<Job>;
  return change(job, happened.data, at);
}

/** `fresh`: discards what earlier attempts left behind, which may have been the problem. */
function queuedAgain(job: Job, { fresh, byPerson }: EventData<'queued'>): Partial<Job> {
  const forgiven = fresh || byPerson;
  return {
    state: (fresh ? undefined : candidateState(job)) ?? { name: 'queued' },
    checkpoints: fresh ? {} : job.checkpoints,
    strikes: forgiven ? {} : job.strikes,
    waits: forgiven ? 0 : job.waits,
    retried: job.retried + (byPerson ? 1 : 0),
    ...(byPerson && { place: undefined, paused: undefined }),
  };
}

function withFact(job: Job, { key, value, message }: EventData<'fact'>): Partial<Job> {
  const refs = cloudRefsOf({ [key]: value });
  const { [key]: _, ...others } = job.factMessages ?? {};
  const factMessages = message ? { ...others, [key]: message } : others;
  return {
    facts: { ...job.facts, [key]: value },
    ...(job.factMessages || message ? { factMessages } : {}),
    ...(refs ? { cloud: { ...job.cloud, ...refs } } : {}),
  };
}

/** What went wrong with a command is a note on the result, and changes nothing else. */
function withoutCommand(job: Job, { command, problem, message }: EventData<'command-ended'>): Partial<Job> {
  const { [command]: _, ...others } = job.commands ?? {};
  const commands = Object.keys(others).length > 0 ? others : undefined;
  const { state } = job;
  if (problem === undefined || state.name !== 'done') return { commands };
  return { commands, state: { ...state, ...withNote(state, problem, message) } };
}

/** @param message the note's code, so that it can be translated */
function withNote(
  { notes, messages }: Pick<Done, 'notes' | 'messages'>,
  note: string,
  message: Message | undefined,
): Pick<Done, 'notes' | 'messages'> {
  const codes = [...notes.map((_, n) => messages?.notes?.[n] ?? null), message ?? null];
  return { notes: [...notes, note], messages: { ...messages, notes: codes } };
}

function deliveringFrom(candidate: Candidate, { evidence, message }: EventData<'verified'>): Delivering {
  const messages = message ? { ...candidate.messages, evidence: message } : candidate.messages;
  return { name: 'delivering', candidate: { ...candidate, messages }, evidence };
}

function doneFrom(
  { candidate, evidence, intent, published: delivery }: Published,
  { note, message }: EventData<'done'>,
  { library }: Pick<Job, 'library'>,
): Done {
  const { how, notes, messages } = candidate;
  return {
    name: 'done',
    output: delivery.output,
    outputBytes: delivery.bytes,
    ...(intent && { outputIno: intent.ino }),
    ...(intent && library && { outputSha256: intent.sha256 }),
    how,
    evidence,
    ...(note ? withNote({ notes, messages }, note, message) : { notes, messages }),
  };
}

/** The finished candidate a resting or waiting job still has, if any. */
function candidateState(job: Job): CandidateState | undefined {
  const { state } = job;
  if (state.name === 'waiting' || state.name === 'held' || state.name === 'cancelled') return state.from;
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

type Done = Extract<JobState, { name: 'done' }>;
type Delivering = Extract<JobState, { name: 'delivering' }>;
type Published = Delivering & { published: Delivery };

function delivering(job: Job): Delivering {
  if (job.state.name !== 'delivering') throw new IllegalEvent(`job ${job.id} is not being delivered`);
  return job.state;
}

/** A result under its final name is never made, checked or published again. */
function unpublished(job: Job, event: EventName): Delivering {
  const state = delivering(job);
  if (state.published) throw new IllegalEvent(`${event} cannot happen to job ${job.id} after it is published`);
  return state;
}

/** Only once the result has its final name may the original be removed and the job be done. */
function published(job: Job, event: EventName): Published {
  const state = delivering(job);
  if (!state.published) throw new IllegalEvent(`${event} cannot happen to job ${job.id} before it is published`);
  return { ...state, published: state.published };
}

/** Why the job is in its state, or null if the state needs no reason. */
/** Whether it waits for something that only a person can change (an account without credits). */
export function waitsForPerson({ state }: Job): boolean {
  return state.name === 'waiting' && state.reason.action !== undefined;
}

/** Epoch ms at which the job came into its state; `updatedAt` moves with every report, new place and pause as well. */
export function stateSince({ state, history, updatedAt }: Job): number {
  return history.findLast(({ event }) => event === state.name)?.at ?? updatedAt;
}

export function reasonOf(job: Job): Reason | undefined {
  return 'reason' in job.state ? job.state.reason : undefined;
}
