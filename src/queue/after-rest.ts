import { adviceFor, ShrinkError } from '../core/errors.ts';
import { type Job, RESTING } from '../core/job.ts';
import { waitsForPerson } from '../core/lifecycle.ts';
import type { Logger } from '../platform/log.ts';
import type { Ledger } from './ledger.ts';
import type { Stages } from './stages-port.ts';

export interface AfterRestOptions {
  ledger: Ledger;
  stages: Pick<Stages, 'removeWorkDir' | 'report' | 'removeReport'>;
  log: Logger;
}

/** Keeps reports and working files in step with every job that came to rest: in its slot, at admission, or by a person's action. */
export class AfterRest {
  readonly #options: AfterRestOptions;

  constructor(options: AfterRestOptions) {
    this.#options = options;
  }

  /** Does what the job's state calls for; nothing unless the job rests or waits for a person. A failing disk is only logged. */
  async cleanUp(id: string): Promise<void> {
    const { ledger, stages, log } = this.#options;
    const job = ledger.get(id);
    if (!job || !(RESTING.has(job.state.name) || waitsForPerson(job))) return;
    try {
      await this.#updateReports(job).finally(async () => {
        // Last: while the folder exists, the next start knows that this cleanup was not finished.
        if (RESTING.has(job.state.name) && job.state.name !== 'held') await stages.removeWorkDir(id);
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
    // Once a file is delivered, reports of earlier failures are removed.
    const outdated = job.state.name === 'done' ? ledger.atPlace(job.inbox, job.relative) : [];
    // Nobody waits for a cancelled job any more, nor for a version that was replaced.
    if (job.state.name === 'cancelled') outdated.push(job);
    for (const each of outdated) await this.#removeFailureReport(each);
  }

  async #removeFailureReport(job: Job): Promise<void> {
    if (!job.report?.endsWith('.failed.txt')) return;
    await this.#options.stages.removeReport(job);
    await this.#options.ledger.commit(job.id, { event: 'reported', data: { path: null } });
  }
}
