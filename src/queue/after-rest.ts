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

/** Makes reports and working files follow the state of every job that came to rest: in its slot, at admission, by a person. */
export class AfterRest {
  readonly #options: AfterRestOptions;

  constructor(options: AfterRestOptions) {
    this.#options = options;
  }

  /** Does what the state of the job calls for; nothing while it does not rest. A disk that refuses is only logged. */
  async cleanUp(id: string): Promise<void> {
    const { ledger, stages, log } = this.#options;
    const job = ledger.get(id);
    if (!job || !RESTING.has(job.state.name)) return;
    try {
      await this.#updateReports(job).finally(async () => {
        // Last: while it is there, the next start knows that this was not finished.
        if (job.state.name !== 'held') await stages.removeWorkDir(id);
      });
    } catch (error) {
      if (!(error instanceof ShrinkError) || adviceFor(error.code).kind === 'stop') throw error;
      log.warn({ job: id, code: error.code }, `could not clean up after the job: ${error.message}`);
    }
  }

  async #updateReports(job: Job): Promise<void> {
    const { ledger, stages } = this.#options;
    const path = await stages.report(job);
    if (path && path !== job.report) await ledger.commit(job.id, { event: 'reported', data: { path } });
    // A file that was delivered at last leaves no report of earlier failures behind.
    const outdated = job.state.name === 'done' ? ledger.atPlace(job.inbox, job.relative) : [];
    // Nobody waits any more for what a person cancelled, nor for a version that another one replaced.
    if (job.state.name === 'cancelled') outdated.push(job);
    for (const each of outdated) await this.#removeFailureReport(each);
  }

  async #removeFailureReport(job: Job): Promise<void> {
    if (!job.report?.endsWith('.failed.txt')) return;
    await this.#options.stages.removeReport(job);
    await this.#options.ledger.commit(job.id, { event: 'reported', data: { path: null } });
  }
}
