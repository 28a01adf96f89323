import { basename } from 'node:path';
import { adviceFor, ShrinkError } from '../core/errors.ts';
import { type Job, makeReason, RESTING } from '../core/job.ts';
import { waitsForPerson } from '../core/lifecycle.ts';
import { say } from '../messages/say.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { isUndoable } from './decisions.ts';
import type { Ledger } from './ledger.ts';
import type { Stages } from './stages-port.ts';

export interface AfterRestOptions {
  ledger: Ledger;
  stages: Pick<Stages, 'removeWorkDir' | 'report' | 'removeReport' | 'library'>;
  clock: Clock;
  log: Logger;
}

/** Keeps reports and working files in step with every job that came to rest: in its slot, at admission, or by a person's action. */
export class AfterRest {
  readonly #options: AfterRestOptions;
  /** Cancelled jobs that still have their working files. */
  readonly #undoable = new Set<string>();

  constructor(options: AfterRestOptions) {
    this.#options = options;
  }

  /** Does what the job's state calls for; nothing unless the job rests or waits for a person. A failing disk is only logged. */
  async cleanUp(id: string): Promise<void> {
    const { ledger, stages, clock, log } = this.#options;
    const job = ledger.get(id);
    if (!job || !(RESTING.has(job.state.name) || waitsForPerson(job))) return;
    try {
      if (job.library && job.state.name === 'cancelled') await stages.library.abandon(job);
      await this.#settle(job);
      await this.#updateReports(job).finally(async () => {
        // Last: while the folder exists, the next start knows that this cleanup was not finished.
        if (isUndoable(job, clock.now())) this.#undoable.add(id);
        else if (RESTING.has(job.state.name) && job.state.name !== 'held') await stages.removeWorkDir(id);
      });
    } catch (error) {
      if (!(error instanceof ShrinkError) || adviceFor(error.code).kind === 'stop') throw error;
      log.warn({ job: id, code: error.code }, `could not clean up after the job: ${error.message}`);
    }
  }

  /**
   * Removes the working files of cancelled jobs once their time is over, or at once where `isSpaceNeeded`: a retry then begins anew.
   * @returns whether it removed any
   */
  async sweep({ isSpaceNeeded = false } = {}): Promise<boolean> {
    const { ledger, stages, clock, log } = this.#options;
    let hasRemoved = false;
    for (const id of this.#undoable) {
      const job = ledger.get(id);
      const isCancelled = job?.state.name === 'cancelled';
      if (job && isCancelled && isUndoable(job, clock.now()) && !isSpaceNeeded) continue;
      this.#undoable.delete(id);
      if (!isCancelled) continue;
      try {
        await stages.removeWorkDir(id);
        hasRemoved = true;
      } catch (error) {
        if (!(error instanceof ShrinkError) || adviceFor(error.code).kind === 'stop') throw error;
        log.warn({ job: id, code: error.code }, `could not clean up after the job: ${error.message}`);
      }
    }
    return hasRemoved;
  }

  /** What waited for a person needs nobody once what was asked for after it is delivered. */
  async #settle(job: Job): Promise<void> {
    if (job.state.name !== 'done') return;
    const { ledger } = this.#options;
    const reason = makeReason('cancelled', say('queue.settled', { file: basename(job.state.output), job: job.id }));
    for (const { id, state } of ledger.earlierVersions(job)) {
      if (state.name !== 'held' && state.name !== 'failed') continue;
      await ledger.commit(id, { event: 'cancelled', data: { reason } });
      await this.cleanUp(id);
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
