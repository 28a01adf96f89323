/** What a person may do to a job, and when; each gives the job after it, or says in words why not. */
import { policyOfReason } from '../core/errors.ts';
import { type Job, RESTING } from '../core/job.ts';
import type { Ledger } from './ledger.ts';
import type { Scheduler } from './scheduler.ts';

export type ActionOutcome = { ok: true; job: Job } | { ok: false; problem: 'unknown' | 'not-now'; message: string };

export interface ActionsOptions {
  ledger: Ledger;
  scheduler: Pick<Scheduler, 'abort' | 'consider' | 'resumeEngine'>;
  /** Brings an archived original back; resolves with where it is now. @throws ShrinkError */
  restoreOriginal(job: Job): Promise<string>;
  /** Makes what calls for a job that came to rest. */
  afterRest(id: string): Promise<void>;
  removeWorkDir(id: string): Promise<void>;
  removeReport(job: Job): Promise<void>;
  /** Have the watcher report the file again. */
  resight(job: Job): void;
  /** Makes a further version of a delivered file with these words. */
  refine(job: Job, words: string): Promise<Job>;
}

export class Actions {
  readonly #options: ActionsOptions;

  constructor(options: ActionsOptions) {
    this.#options = options;
  }

  /** The job an id, or an unambiguous beginning of one, names. */
  find(id: string): Job | undefined {
    const exact = this.#options.ledger.get(id);
    if (exact || id.length < 3) return exact;
    const matches = [...this.#options.ledger.all()].filter(job => job.id.startsWith(id));
    return matches.length === 1 ? matches[0] : undefined;
  }

  async retry(id: string): Promise<ActionOutcome> {
    const job = this.find(id);
    if (!job) return unknown(id);
    const { state } = job;
    if (state.name === 'done') return notNow(job, 'it is done; forget it to have it done again');
    if (!RESTING.has(state.name) && state.name !== 'waiting') return notNow(job, `it is ${state.name} already`);
    // What a cloud job remembers is what was paid for: its engine decides what another try may repeat.
    const inCloud = job.decision.kind === 'do' && job.decision.engine === 'nemo';
    const goesOn =
      state.name === 'waiting' || (state.name === 'held' && policyOfReason(state.reason.code)?.keepsProgress === true);
    if (job.decision.kind === 'do') this.#options.scheduler.resumeEngine(job.decision.engine, job.id);
    const because = 'a person asked for another try';
    return this.#commit(job, { event: 'queued', data: { because, byPerson: true, fresh: !inCloud && !goesOn } });
  }

  async cancel(id: string): Promise<ActionOutcome> {
    const job = this.find(id);
    if (!job) return unknown(id);
    const { state } = job;
    if (RESTING.has(state.name) && state.name !== 'held' && state.name !== 'failed')
      return notNow(job, `it is ${state.name}`);
    if (state.name === 'delivering') return notNow(job, 'it is being delivered this moment');
    if (this.#options.scheduler.abort(job.id, { kind: 'cancelled', by: 'by a person' })) {
      // The worker leaves the slot first; what the caller sees is that it was asked.
      return { ok: true, job };
    }
    const reason = { code: 'cancelled' as const, text: 'cancelled by a person' };
    const outcome = await this.#commit(job, { event: 'cancelled', data: { reason } });
    await this.#options.afterRest(job.id);
    return outcome;
  }

  /** Everything remembered about the file goes, so that it is taken as new; its output stays. */
  async forget(id: string): Promise<ActionOutcome> {
    const job = this.find(id);
    if (!job) return unknown(id);
    if (!RESTING.has(job.state.name)) return notNow(job, `it is ${job.state.name}; cancel it first`);
    // Every version of the file: one of them remembered would keep it from being done again.
    for (const other of this.#options.ledger.atPlace(job.inbox, job.relative)) {
      if (!RESTING.has(other.state.name)) continue;
      if (other.report) await this.#options.removeReport(other);
      await this.#options.ledger.commit(other.id, { event: 'forgotten', data: { by: 'a person' } });
      await this.#options.removeWorkDir(other.id);
    }
    this.#options.resight(job);
    return { ok: true, job };
  }

  async restore(id: string): Promise<ActionOutcome> {
    const job = this.find(id);
    if (!job) return unknown(id);
    if (job.original?.kind === 'deleted') return notNow(job, 'its original was deleted, as the folder asks');
    if (job.original?.kind !== 'archived') return notNow(job, 'its original was never archived');
    const to = await this.#options.restoreOriginal(job);
    return this.#commit(job, { event: 'restored', data: { to } });
  }

  /** A further message in the job's session, or another local version: `clip.v2.mp4`. */
  async refine(id: string, words: string): Promise<ActionOutcome> {
    const job = this.find(id);
    if (!job) return unknown(id);
    const newest = this.#options.ledger.atPlace(job.inbox, job.relative).at(-1) ?? job;
    if (!RESTING.has(newest.state.name)) return notNow(newest, `it is ${newest.state.name}; ask again when it is done`);
    return { ok: true, job: await this.#options.refine(newest, words) };
  }

  async #commit(job: Job, event: Parameters<Ledger['commit']>[1]): Promise<ActionOutcome> {
    const next = await this.#options.ledger.commit(job.id, event);
    if (!next) return unknown(job.id);
    this.#options.scheduler.consider(next);
    return { ok: true, job: next };
  }
}

function unknown(id: string): ActionOutcome {
  return { ok: false, problem: 'unknown', message: `there is no job ${id}; "shrinkbox jobs" lists them` };
}

function notNow(job: Job, why: string): ActionOutcome {
  return { ok: false, problem: 'not-now', message: `job ${job.id} (${job.relative}): ${why}` };
}
