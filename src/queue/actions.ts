/** What a person may do to a job, and when; each action returns the job after it, or says why it was refused. */
import { policyOfReason } from '../core/errors.ts';
import { type Job, makeReason, RESTING } from '../core/job.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { queuedBecause } from './decisions.ts';
import type { Ledger } from './ledger.ts';
import type { Scheduler } from './scheduler.ts';

export type ActionOutcome = { ok: true; job: Job } | { ok: false; problem: 'unknown' | 'not-now'; message: Sentence };

export interface ActionsOptions {
  ledger: Ledger;
  scheduler: Pick<Scheduler, 'abort' | 'consider' | 'resumeEngine'>;
  /** Brings an archived original back; resolves with its new path. @throws ShrinkError */
  restoreOriginal(job: Job): Promise<string>;
  /** Cleans up after a job that came to rest. */
  afterRest(id: string): Promise<void>;
  removeWorkDir(id: string): Promise<void>;
  removeReport(job: Job): Promise<void>;
  /** Have the watcher report the file again. */
  resight(job: Job): void;
  /** Makes another version of a delivered file with this instruction. */
  refine(job: Job, words: string): Promise<Job>;
}

export class Actions {
  readonly #options: ActionsOptions;

  constructor(options: ActionsOptions) {
    this.#options = options;
  }

  async retry(id: string): Promise<ActionOutcome> {
    const job = this.#options.ledger.find(id);
    if (!job) return unknown(id);
    const { state } = job;
    if (state.name === 'done') return notNow(job, say('queue.done-already'));
    if (!RESTING.has(state.name) && state.name !== 'waiting')
      return notNow(job, say('queue.state-already', { state: state.name }));
    // A cloud job's checkpoints are what was paid for: its engine decides what another attempt may repeat.
    const inCloud = job.decision.kind === 'do' && job.decision.engine === 'nemo';
    const keepsProgress =
      state.name === 'waiting' || (state.name === 'held' && policyOfReason(state.reason.code)?.keepsProgress === true);
    if (job.decision.kind === 'do') this.#options.scheduler.resumeEngine(job.decision.engine, job.id);
    const fresh = !inCloud && !keepsProgress;
    return this.#commit(job, queuedBecause(say('queue.asked-again'), { byPerson: true, fresh }));
  }

  async cancel(id: string): Promise<ActionOutcome> {
    const job = this.#options.ledger.find(id);
    if (!job) return unknown(id);
    const { state } = job;
    if (RESTING.has(state.name) && state.name !== 'held' && state.name !== 'failed')
      return notNow(job, say('queue.state-already', { state: state.name }));
    if (state.name === 'delivering') return notNow(job, say('queue.being-delivered'));
    if (this.#options.scheduler.abort(job.id, { kind: 'cancelled' })) {
      // The worker leaves its slot first; the caller only learns that the cancellation was requested.
      return { ok: true, job };
    }
    const reason = makeReason('cancelled', say('queue.cancelled'));
    const outcome = await this.#commit(job, { event: 'cancelled', data: { reason } });
    await this.#options.afterRest(job.id);
    return outcome;
  }

  /** Forgets everything about the file, so that it counts as new; its output stays. */
  async forget(id: string): Promise<ActionOutcome> {
    const job = this.#options.ledger.find(id);
    if (!job) return unknown(id);
    if (!RESTING.has(job.state.name)) return notNow(job, say('queue.cancel-first', { state: job.state.name }));
    // Every version of the file: if one stayed, the file would not be processed again.
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
    const job = this.#options.ledger.find(id);
    if (!job) return unknown(id);
    if (job.original?.kind === 'deleted') return notNow(job, say('queue.original-deleted'));
    if (job.original?.kind !== 'archived') return notNow(job, say('queue.original-kept'));
    const to = await this.#options.restoreOriginal(job);
    return this.#commit(job, { event: 'restored', data: { to } });
  }

  /** Another message in the job's session, or another local version: `clip.v2.mp4`. */
  async refine(id: string, words: string): Promise<ActionOutcome> {
    const job = this.#options.ledger.find(id);
    if (!job) return unknown(id);
    const newest = this.#options.ledger.atPlace(job.inbox, job.relative).at(-1) ?? job;
    if (!RESTING.has(newest.state.name)) return notNow(newest, say('queue.ask-later', { state: newest.state.name }));
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
  return { ok: false, problem: 'unknown', message: say('queue.no-such-job', { id }) };
}

function notNow({ id, relative }: Job, why: Sentence): ActionOutcome {
  return { ok: false, problem: 'not-now', message: say('queue.not-now', { id, file: relative, why }) };
}
