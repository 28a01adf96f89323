import { adviceFor, ShrinkError } from '../core/errors.ts';
import { type Job, RESTING } from '../core/job.ts';
import type { Logger } from '../platform/log.ts';
import type { Ledger } from './ledger.ts';
import type { WorkerWorld } from './worker.ts';

export interface TidyOptions {
  ledger: Ledger;
  world: Pick<WorkerWorld, 'removeWorkDir' | 'report' | 'removeReport'>;
  log: Logger;
}

/** Makes what calls for every job that came to rest, wherever that happened: in its slot, at admission, by a person. */
export function createTidy({ ledger, world, log }: TidyOptions): (id: string) => Promise<void> {
  return tidy;

  /** Reports and working files follow the state a job came to rest in. */
  async function tidy(id: string): Promise<void> {
    const job = ledger.get(id);
    if (!job || !RESTING.has(job.state.name)) return;
    try {
      if (job.state.name !== 'held') await world.removeWorkDir(id);
      const path = await world.report(job);
      if (path && path !== job.report) await ledger.commit(id, { event: 'reported', data: { path } });
      if (job.state.name === 'done') await dropOldReports(job);
    } catch (error) {
      if (!(error instanceof ShrinkError) || adviceFor(error.code).kind === 'stop') throw error;
      log.warn({ job: id, code: error.code }, `what should follow the end of the job did not work: ${error.message}`);
    }
  }

  /** A file that was delivered at last leaves no report of earlier failures behind. */
  async function dropOldReports(done: Job): Promise<void> {
    for (const job of ledger.atPlace(done.inbox, done.relative)) {
      if (!job.report?.endsWith('.failed.txt')) continue;
      await world.removeReport(job);
      await ledger.commit(job.id, { event: 'reported', data: { path: null } });
    }
  }
}
