/** What the current rules decide for a job, and the event that records it. Pure. */
import { type Candidate, type Decision, type EngineName, type Job, makeReason } from '../core/job.ts';
import { messageOf, reasonMessages, type Sentence } from '../core/message.ts';
import type { JobEvent } from '../core/events.ts';
import { say } from '../messages/say.ts';
import type { Stages } from './stages-port.ts';

type Rules = Pick<Stages, 'decide'>;

export function engineOf(job: Job): EngineName | undefined {
  return job.decision.kind === 'skip' ? undefined : job.decision.engine;
}

/** For this machine instead of the cloud. */
export function decideHere(rules: Rules, job: Job): Decision {
  const decision = rules.decide(job, 'local');
  return decision.kind === 'do' ? { ...decision, insteadOf: 'nemo' } : decision;
}

const STANDS_IN = 'done here because';

/** Remembers why this machine does a job of the cloud, for its result. */
export function standsIn(why: Sentence): JobEvent {
  return { event: 'fact', data: { key: STANDS_IN, value: why.text, message: messageOf(why) } };
}

/** The candidate with a note that says why it was made here instead of in the cloud. */
export function withStandIn(candidate: Candidate, { decision, facts, factMessages }: Job): Candidate {
  const why = facts[STANDS_IN];
  if (decision.kind !== 'do' || decision.insteadOf === undefined || why === undefined) return candidate;
  const { notes, messages } = candidate;
  const codes = notes.map((_, n) => messages?.notes?.[n] ?? null);
  return {
    ...candidate,
    notes: [...notes, why],
    messages: { ...messages, notes: [...codes, factMessages?.[STANDS_IN] ?? null] },
  };
}

/** A job that fell back to this machine stays here: the rules alone would send it back to the cloud forever. */
export function decideAnew(rules: Rules, job: Job): Decision {
  const standsIn = job.decision.kind === 'do' && job.decision.insteadOf !== undefined;
  return standsIn ? decideHere(rules, job) : rules.decide(job);
}

/**
 * Work under way keeps its decision, since what was paid for follows from it. Only whether this machine may help counts as the rule
 * says now: a person sets that to save a result that is held.
 */
export function decideUnderWay(rules: Rules, job: Job): Decision {
  const { decision } = job;
  if (decision.kind !== 'do' || decision.engine === 'local') return decision;
  const now = rules.decide(job);
  const isSameRule = now.kind === 'do' && now.engine === decision.engine && now.rule === decision.rule;
  return isSameRule ? { ...decision, fallback: now.fallback } : decision;
}

/** The event that ends a job whose decision is not to process it. */
export function restFor(decision: Exclude<Decision, { kind: 'do' }>): JobEvent {
  if (decision.kind === 'skip') {
    const messages = reasonMessages(decision.messages?.reason);
    return { event: 'skipped', data: { reason: { code: 'skipped', text: decision.reason, messages } } };
  }
  const { reason: text, hint } = decision;
  const messages = reasonMessages(decision.messages?.reason, decision.messages?.hint);
  return { event: 'held', data: { reason: { code: 'cannot-do', text, hint, messages } } };
}

/** How long what a cancelled job had reached is kept, milliseconds: long enough to see that it was the wrong one. */
export const UNDO_MS = 10 * 60_000;

/** Ends a job because a person said so, of it or of all its library, at `now` (epoch ms). */
export function cancelledByPerson({ state, decision }: Job, now: number, why = say('queue.cancelled')): JobEvent {
  const reason = makeReason('cancelled', why);
  // What an attempt of this machine left when it failed may have been the fault.
  const isWorthless = state.name === 'failed' && decision.kind === 'do' && decision.engine !== 'nemo';
  return { event: 'cancelled', data: { reason, ...(isWorthless ? {} : { until: now + UNDO_MS }) } };
}

/** Whether a retry of the job goes on from where it was when it was cancelled. */
export function isUndoable({ state }: Job, now: number): boolean {
  return state.name === 'cancelled' && state.until !== undefined && state.until > now;
}

/** Whether a job that waits for its turn may be asked for something else: nothing was made of it, and nothing paid for. */
export function isUnbegun({ state, decision, cloud, checkpoints }: Job): boolean {
  const isInLine = state.name === 'queued' || (state.name === 'waiting' && state.from === undefined);
  const isPaid = decision.kind === 'do' && decision.engine === 'nemo' && Object.keys(checkpoints).length > 0;
  return isInLine && cloud?.session === undefined && !isPaid;
}

/** Queues a job (again), with the reason shown in its history. */
export function queuedBecause(because: Sentence, more: { fresh?: boolean; byPerson?: boolean } = {}): JobEvent {
  return { event: 'queued', data: { because: because.text, message: messageOf(because), ...more } };
}
