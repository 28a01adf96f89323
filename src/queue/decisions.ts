/** What is decided about a job: by the rules of today, and which event says so. Pure. */
import type { Decision, EngineName, Job } from '../core/job.ts';
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

/** What fell back to this machine stays here: asking the rules alone would send it to the cloud again, without end. */
export function decideAnew(rules: Rules, job: Job): Decision {
  const standsIn = job.decision.kind === 'do' && job.decision.insteadOf !== undefined;
  return standsIn ? decideHere(rules, job) : rules.decide(job);
}

/** The event that rests a job whose decision is not to work at it. */
export function restFor(decision: Exclude<Decision, { kind: 'do' }>): JobEvent {
  if (decision.kind === 'skip')
    return { event: 'skipped', data: { reason: { code: 'skipped', text: decision.reason } } };
  return { event: 'held', data: { reason: { code: 'cannot-do', text: decision.reason, hint: decision.hint } } };
}
