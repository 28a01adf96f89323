/** What the current rules decide for a job, and the event that records it. Pure. */
import type { Decision, EngineName, Job } from '../core/job.ts';
import { messageOf, reasonMessages, type Sentence } from '../core/message.ts';
import type { JobEvent } from '../core/events.ts';
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
  if (decision.kind !== 'do' || decision.engine !== 'nemo') return decision;
  const now = rules.decide(job);
  const isSameRule = now.kind === 'do' && now.engine === 'nemo' && now.rule === decision.rule;
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

/** Queues a job (again), with the reason shown in its history. */
export function queuedBecause(because: Sentence, more: { fresh?: boolean; byPerson?: boolean } = {}): JobEvent {
  return { event: 'queued', data: { because: because.text, message: messageOf(because), ...more } };
}
