/** What a person may do to a job, and when; each action returns the job after it, or says why it was refused. */
import type { JobEvent } from '../core/events.ts';
import { policyOfReason, sentenceOf, type ShrinkError } from '../core/errors.ts';
import { type Job, type MoveTo, RESTING } from '../core/job.ts';
import { type Sentence, verbatim } from '../core/message.ts';
import { say } from '../messages/say.ts';
import type { Clock } from '../platform/clock.ts';
import { cancelledByPerson, isUnbegun, isUndoable, queuedBecause } from './decisions.ts';
import type { Ledger } from './ledger.ts';
import { type Move, placeFor } from './order.ts';
import type { Scheduler } from './scheduler.ts';

export type ActionOutcome = { ok: true; job: Job } | { ok: false; problem: 'unknown' | 'not-now'; message: Sentence };

export interface ActionsOptions {
  ledger: Ledger;
  clock: Clock;
  scheduler: Pick<
    Scheduler,
    'abort' | 'consider' | 'keepingOut' | 'resumeEngine' | 'moved' | 'progressOf' | 'rest' | 'wake'
  >;
  /** Brings an archived original back; resolves with its new path. @throws ShrinkError */
  restoreOriginal(job: Job): Promise<string>;
  /** @throws ShrinkError `unavailable` while the library of a job, or its archive, is away */
  mustBeThere(job: Job): Promise<void>;
  /** Cleans up after a job that came to rest. */
  afterRest(id: string): Promise<void>;
  removeWorkDir(id: string): Promise<void>;
  removeReport(job: Job): Promise<void>;
  /** Have the watcher report the file again. */
  resight(job: Job): void;
  /** Why another version with this instruction would certainly be refused; `undefined` if it would not. */
  mayNotRefine?(job: Job, words: string): Promise<ShrinkError | undefined>;
  /** What gives a job another name, where later words were delivered under its own. */
  renamed?(job: Job): JobEvent[];
  /** Makes another version of a delivered file with this instruction. */
  refine(job: Job, words: string, byAnybody: boolean): Promise<Job>;
}

export class Actions {
  readonly #options: ActionsOptions;
  /** Originals that are coming back. */
  readonly #restoring = new Map<string, Promise<ActionOutcome>>();

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
    const renamed = this.#options.renamed?.(job) ?? [];
    if (isUndoable(job, this.#options.clock.now()))
      return this.#commit(job, queuedBecause(say('queue.cancel-undone')), ...renamed);
    // A cloud job's checkpoints are what was paid for: its engine decides what another attempt may repeat.
    const inCloud = job.decision.kind === 'do' && job.decision.engine === 'nemo';
    const keepsProgress =
      state.name === 'waiting' || (state.name === 'held' && policyOfReason(state.reason.code)?.keepsProgress === true);
    if (job.decision.kind === 'do') this.#options.scheduler.resumeEngine(job.decision.engine, job.id);
    const fresh = !inCloud && !keepsProgress;
    return this.#commit(job, queuedBecause(say('queue.asked-again'), { byPerson: true, fresh }), ...renamed);
  }

  async cancel(id: string, why?: Sentence): Promise<ActionOutcome> {
    const job = this.#options.ledger.find(id);
    if (!job) return unknown(id);
    const { state } = job;
    if (RESTING.has(state.name) && state.name !== 'held' && state.name !== 'failed')
      return notNow(job, say('queue.state-already', { state: state.name }));
    if (state.name === 'delivering') return notNow(job, say('queue.being-delivered'));
    if (this.#options.scheduler.abort(job.id, { kind: 'cancelled', why })) {
      // The worker leaves its slot first; the caller only learns that the cancellation was requested.
      return { ok: true, job };
    }
    const outcome = await this.#commit(job, cancelledByPerson(job, this.#options.clock.now(), why));
    await this.#options.afterRest(job.id);
    return outcome;
  }

  /** Forgets everything about the file, so that it counts as new; its output stays. */
  async forget(id: string): Promise<ActionOutcome> {
    const job = this.#options.ledger.find(id);
    if (!job) return unknown(id);
    if (!RESTING.has(job.state.name)) return notNow(job, say('queue.cancel-first', { state: job.state.name }));
    if (job.library && job.original?.kind === 'archived') return notNow(job, say('library.forget-restores-nothing'));
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

  /** Asked again meanwhile, by a person or by a start that finishes what a crash cut off, it is the same act: two would share a name. */
  restore(id: string): Promise<ActionOutcome> {
    const underWay = this.#restoring.get(id);
    if (underWay) return underWay;
    const restoring = this.#restore(id).finally(() => this.#restoring.delete(id));
    this.#restoring.set(id, restoring);
    return restoring;
  }

  async #restore(id: string): Promise<ActionOutcome> {
    const job = this.#options.ledger.find(id);
    if (!job) return unknown(id);
    if (job.original?.kind === 'deleted') return notNow(job, say('queue.original-deleted'));
    if (job.original?.kind !== 'archived') return notNow(job, say('queue.original-kept'));
    if (job.library) {
      // What is begun is gone on with at the next start, and nobody would know of it until then.
      await this.#options.mustBeThere(job);
      await this.#options.ledger.commit(job.id, { event: 'restoring', data: { to: job.path } });
    }
    const to = await this.#options.restoreOriginal(job);
    return this.#commit(job, { event: 'restored', data: { to } });
  }

  /** Gives a job another place in the queue. */
  async move(id: string, to: MoveTo): Promise<ActionOutcome> {
    const { ledger, scheduler } = this.#options;
    const job = ledger.find(id);
    if (!job) return unknown(id);
    let move: Move;
    if (typeof to === 'string') move = { to };
    else {
      const before = ledger.find(to.before);
      if (!before) return unknown(to.before);
      move = { before };
    }
    const place = placeFor(move, job, { jobs: ledger.all(), order: ledger.order });
    if ('code' in place) return notNow(job, place);
    const moved = await ledger.commit(job.id, { event: 'placed', data: { place } });
    if (!moved) return unknown(id);
    scheduler.moved(moved);
    return { ok: true, job: moved };
  }

  /** Has one job rest until `resume`: in line, or where it has got to. */
  async pause(id: string): Promise<ActionOutcome> {
    const job = this.#options.ledger.find(id);
    if (!job) return unknown(id);
    const { state } = job;
    if (RESTING.has(state.name)) return notNow(job, say('queue.state-already', { state: state.name }));
    if (state.name === 'delivering') return notNow(job, say('queue.being-delivered'));
    if ((state.name === 'running' || state.name === 'in-doubt') && state.engine === 'nemo')
      return notNow(job, say('queue.cloud-at-work'));
    if (job.paused) return { ok: true, job };
    const paused = await this.#options.ledger.commit(job.id, { event: 'paused', data: { by: 'a person' } });
    if (!paused) return unknown(id);
    this.#options.scheduler.rest(job.id);
    return { ok: true, job: paused };
  }

  async resume(id: string): Promise<ActionOutcome> {
    const job = this.#options.ledger.find(id);
    if (!job) return unknown(id);
    if (!job.paused) return notNow(job, say('queue.not-paused'));
    const resumed = await this.#options.ledger.commit(job.id, { event: 'resumed', data: { by: 'a person' } });
    if (!resumed) return unknown(id);
    this.#options.scheduler.wake(resumed);
    return { ok: true, job: resumed };
  }

  /** Other words: for the same job if it waits for its turn or came to nothing, else a message in its session or another version, `clip.v2.mp4`. */
  async refine(id: string, words: string, byAnybody = false): Promise<ActionOutcome> {
    const job = this.#options.ledger.find(id);
    if (!job) return unknown(id);
    if (job.library) return notNow(job, say('library.no-refine'));
    const newest = this.#options.ledger.atPlace(job.inbox, job.relative).at(-1) ?? job;
    if (RESTING.has(newest.state.name)) return this.#ask(newest, words, byAnybody);
    const { ledger, scheduler } = this.#options;
    // One that gets its slot meanwhile would work by the words it had.
    const asked = await scheduler.keepingOut(newest.id, async () => {
      const now = ledger.get(newest.id);
      return now && isUnbegun(now) ? this.#ask(now, words, byAnybody) : undefined;
    });
    const { state } = ledger.get(newest.id) ?? newest;
    const isBeginning = state.name === 'queued' && scheduler.progressOf(newest.id) !== undefined;
    return asked ?? notNow(newest, say('queue.ask-later', { state: isBeginning ? 'running' : state.name }));
  }

  async #ask(job: Job, words: string, byAnybody: boolean): Promise<ActionOutcome> {
    const refusal = await this.#options.mayNotRefine?.(job, words);
    if (refusal) return refused(job, refusal);
    return { ok: true, job: await this.#options.refine(job, words, byAnybody) };
  }

  async #commit(job: Job, ...events: JobEvent[]): Promise<ActionOutcome> {
    const next = await this.#options.ledger.commit(job.id, ...events);
    if (!next) return unknown(job.id);
    this.#options.scheduler.consider(next);
    return { ok: true, job: next };
  }
}

function unknown(id: string): ActionOutcome {
  return { ok: false, problem: 'unknown', message: say('queue.no-such-job', { id }) };
}

function refused(job: Job, error: ShrinkError): ActionOutcome {
  const { hint, messages } = error;
  const why = sentenceOf(error);
  if (hint === undefined) return notNow(job, why);
  return notNow(job, say('queue.refused', { why, hint: { ...verbatim(hint), ...messages.hint } }));
}

function notNow({ id, relative }: Job, why: Sentence): ActionOutcome {
  return { ok: false, problem: 'not-now', message: say('queue.not-now', { id, file: relative, why }) };
}
