import { type Job, type Pin, RESTING } from '../core/job.ts';
import { reasonOf } from '../core/lifecycle.ts';
import type { LeftAlone } from '../library/plan/look.ts';
import { say } from '../messages/say.ts';

/** What earlier jobs of a film say against doing it (again), as long as it is the file they were about. Pure. */
export function samePlace(jobs: readonly Job[], pin: Pick<Pin, 'sizeBytes' | 'mtimeNs'>): LeftAlone | undefined {
  const last = jobs.findLast(job => job.library === true);
  if (!last || last.pin.sizeBytes !== pin.sizeBytes || last.pin.mtimeNs !== pin.mtimeNs) return undefined;
  if (!RESTING.has(last.state.name)) return { left: 'brought-back', why: say('library.left-under-way') };
  return verdictOn(last);
}

/** The same of a film that is elsewhere by now: by its content. */
export function sameContent(jobs: readonly Job[]): LeftAlone | undefined {
  const restored = jobs.find(job => job.library === true && wasBroughtBack(job));
  return restored && verdictOn(restored);
}

function verdictOn(job: Job): LeftAlone | undefined {
  if (wasBroughtBack(job)) return { left: 'brought-back', why: say('library.left-restored') };
  // Done, and here again with its old date and size: somebody copied it back.
  if (job.state.name === 'done') return { left: 'brought-back', why: say('library.left-restored') };
  const reason = reasonOf(job);
  // It was replaced meanwhile, or somebody wrote to it: that is another film.
  if (!reason || reason.code === 'replaced') return undefined;
  // Nobody knows what would have come of it.
  if (reason.messages?.text?.code === 'library.stopped') return undefined;
  return { left: 'brought-back', why: say('library.left-earlier', { why: reason.text }) };
}

function wasBroughtBack({ state, original }: Job): boolean {
  return state.name === 'done' && original === undefined;
}
