import { type Job, samePin } from '../core/job.ts';
import { ShrinkError } from '../core/errors.ts';
import type { Ledger } from './ledger.ts';
import type { Stages } from './stages-port.ts';

/**
 * Whether the source still is what the job is about.
 * @throws ShrinkError `changed-underneath`, `gone`, or `unavailable` when the whole inbox is away
 */
export async function checkSource(
  { ledger, stages }: { ledger: Ledger; stages: Pick<Stages, 'pin'> },
  job: Job,
): Promise<void> {
  // A finished move to the archive, interrupted before it was recorded, is not a vanished source.
  if (job.state.name === 'delivering' && job.state.published) return;
  const now = await stages.pin(job);
  if (samePin(now, job.pin)) return;
  const untouched = now.ino === job.pin.ino && now.sizeBytes === job.pin.sizeBytes && now.mtimeNs === job.pin.mtimeNs;
  // A chmod, a hard link or a rename moves ctime only; a remount moves dev only: the content is what it was.
  if (untouched) {
    await ledger.commit(job.id, { event: 'repinned', data: { path: job.path, relative: job.relative, pin: now } });
    return;
  }
  throw new ShrinkError('changed-underneath', `${job.relative} was changed while it was being worked at`, {
    subject: job.path,
  });
}
