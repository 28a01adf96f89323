import { adviceFor, ShrinkError } from '../core/errors.ts';
import { type Job, RESTING } from '../core/job.ts';
import type { Logger } from '../platform/log.ts';
import type { Ledger } from './ledger.ts';
import type { Stages } from './stages-port.ts';

export interface AfterRestOptions {
  ledger: Ledger;
  stages: Pick<Stages, 'removeWorkDir' | 'report' | 'removeReport'>;
  log: Logger;
}

/** Makes what calls for every job that came to rest, wherever that happened: in its slot, at admission, by a person. */
export function createAfterRest({ ledger, stages, log }: AfterRestOptions): (id: string) => Promise<void> {
  return afterRest;

  /** Reports and working files follow the state a job came to rest in. */
  async function afterRest(id: string): Promise<void> {
    const job = ledger.get(id);
    if (!job || !RESTING.has(job.state.name)) return;
    try {
      await tellAbout(job).finally(async () => {
        // Last: it being there still tells the next start that the rest did not happen.
        if (job.state.name !== 'held') await stages.removeWorkDir(id);
      });
    } catch (error) {
      if (!(error instanceof ShrinkError) || adviceFor(error.code).kind === 'stop') throw error;
      log.warn({ job: id, code: error.code }, `what should follow the end of the job did not work: ${error.message}`);
    }
  }

  async function tellAbout(job: Job): Promise<void> {
    const path = await stages.report(job);
    if (path && path !== job.report) await ledger.commit(job.id, { event: 'reported', data: { path } });
    if (job.state.name === 'done') await dropOldReports(job);
    if (job.state.name === 'cancelled') await dropReport(job);
  }

  /** A file that was delivered at last leaves no report of earlier failures behind. */
  async function dropOldReports(done: Job): Promise<void> {
    for (const job of ledger.atPlace(done.inbox, done.relative)) await dropReport(job);
  }

  /** Nobody waits any more for what a person cancelled, nor for a version that another one replaced. */
  async function dropReport(job: Job): Promise<void> {
    if (!job.report?.endsWith('.failed.txt')) return;
    await stages.removeReport(job);
    await ledger.commit(job.id, { event: 'reported', data: { path: null } });
  }
}
