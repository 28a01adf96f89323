import PQueue from 'p-queue';
import { policyOfReason } from '../core/errors.ts';
import type { EngineName, Job, Progress, Reason, StateName } from '../core/job.ts';
import type { StopReason } from '../engine/engine.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { say } from '../messages/say.ts';
import { queuedBecause } from './decisions.ts';
import { FairQueue, type FolderTask } from './fair-queue.ts';
import type { Ledger } from './ledger.ts';

/** What the worker reports to the scheduler when it leaves a job. */
export type Outcome = { kind: 'rested' } | { kind: 'again' } | { kind: 'engine-paused'; forMs: number; reason: Reason };

export interface Worker {
  /** Takes one job through its stages; throws only for bugs and a journal that cannot be written. */
  run(id: string, signal: AbortSignal, progress: (progress: Progress) => void): Promise<Outcome>;
  /** Gives a job that has not begun to this machine while the cloud is paused for `why`, if its rule allows that. */
  runLocallyInstead(id: string, why: string): Promise<void>;
}

export interface SchedulerOptions {
  ledger: Ledger;
  worker: Worker;
  clock: Clock;
  log: Logger;
  /** Jobs at once, per engine. */
  slots: Record<EngineName, number>;
  /** A bug or a journal failure in a worker: the daemon cannot continue. */
  onFatal(error: unknown): void;
  onProgress(id: string, progress: Progress): void;
}

/** States in which a job needs a slot: fresh, or left behind by a crash. */
const IN_SLOT: ReadonlySet<StateName> = new Set(['queued', 'running', 'in-doubt', 'verifying', 'delivering']);

type SlotQueue = PQueue<FairQueue, FolderTask>;

interface Running {
  engine: EngineName;
  abort: AbortController;
  progress: Progress;
}

/**
 * Slots, due times and pauses. One p-queue per engine: folders take turns, each with its oldest arrival; the worker decides what a
 * job does in its slot.
 * All state that must survive is in the ledger; this can be rebuilt from it at any time.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #queues: Record<EngineName, SlotQueue>;
  /** Jobs in a queue or a slot, by the engine they are queued for. */
  readonly #listed = new Map<string, EngineName>();
  readonly #running = new Map<string, Running>();
  readonly #timers = new Map<string, () => void>();
  readonly #pauses = new Map<EngineName, { until: number; reason: Reason; cancel: () => void }>();
  #started = false;
  #draining = false;
  #stopping = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const queue = (slots: number): SlotQueue =>
      new PQueue({ concurrency: slots, autoStart: false, queueClass: FairQueue });
    this.#queues = { local: queue(options.slots.local), nemo: queue(options.slots.nemo) };
  }

  /** Picks up every unfinished job of the ledger and starts to give out slots. */
  start(): void {
    for (const job of this.#options.ledger.all()) this.consider(job);
    this.#started = true;
    this.#turn();
  }

  /** Reacts to a job's new state: queues it for a slot, or waits for its due time. */
  consider(job: Job): void {
    if (this.#stopping) return;
    if (job.state.name === 'waiting') this.#wake(job.id, this.#remainingMs(job.updatedAt, job.state.until));
    else if (this.#mayStandIn(job)) this.#runLocallyInstead(job.id);
    else if (IN_SLOT.has(job.state.name)) this.#list(job);
  }

  /** The cloud takes nothing for a while, and this machine may do the job instead, if nothing has begun there. */
  #mayStandIn({ id, state, decision, checkpoints }: Job): boolean {
    const isForCloud = decision.kind === 'do' && decision.engine === 'nemo' && decision.fallback === 'local';
    const hasNotBegun = state.name === 'queued' && Object.keys(checkpoints).length === 0 && !this.#running.has(id);
    return isForCloud && hasNotBegun && this.#pauses.has('nemo');
  }

  #runLocallyInstead(id: string): void {
    this.#listed.delete(id);
    const why = this.#pauses.get('nemo')?.reason.text ?? '';
    this.#options.worker.runLocallyInstead(id, why).then(() => {
      const job = this.#options.ledger.get(id);
      if (job && !this.#mayStandIn(job)) this.consider(job);
    }, this.#options.onFatal);
  }

  /** Changes the number of jobs at once; if it is lower, jobs beyond it are finished first. */
  setSlots(slots: Record<EngineName, number>): void {
    for (const engine of Object.keys(this.#queues) as EngineName[]) this.#queues[engine].concurrency = slots[engine];
  }

  /** Applies `pause`, `resume` and `drain`; what already runs in the cloud continues. */
  setMode(mode: { draining: boolean }): void {
    this.#draining = mode.draining;
    this.#turn();
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Ids of the jobs in a slot now. */
  running(): { id: string; engine: EngineName; progress: Progress }[] {
    return [...this.#running].map(([id, { engine, progress }]) => ({ id, engine, progress }));
  }

  progressOf(id: string): Progress | undefined {
    return this.#running.get(id)?.progress;
  }

  enginePause(engine: EngineName): { until: number; reason: Reason } | undefined {
    return this.#pauses.get(engine);
  }

  /** Aborts a running job; false if it is not in a slot (then the ledger can be changed directly). */
  abort(id: string, reason: StopReason): boolean {
    const running = this.#running.get(id);
    running?.abort.abort(reason);
    return running !== undefined;
  }

  /** Stops everything: nothing new starts, and all running jobs have been aborted and left their slots when this resolves. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const cancel of this.#timers.values()) cancel();
    for (const { cancel } of this.#pauses.values()) cancel();
    for (const queue of Object.values(this.#queues)) {
      queue.pause();
      queue.clear();
    }
    for (const { abort } of this.#running.values()) abort.abort({ kind: 'stopping' } satisfies StopReason);
    await Promise.all(Object.values(this.#queues).map(queue => queue.onPendingZero()));
  }

  #turn(): void {
    for (const [engine, queue] of Object.entries(this.#queues) as [EngineName, SlotQueue][]) {
      const held = this.#stopping || this.#draining || this.#options.ledger.paused || this.#pauses.has(engine);
      if (held) queue.pause();
      else queue.start();
    }
  }

  #list(job: Job): void {
    if (this.#listed.has(job.id)) return;
    const engine = slotOf(job);
    this.#listed.set(job.id, engine);
    const task = () => this.#work(job.id, engine);
    const resumes = !this.#started && job.state.name !== 'queued';
    const turn = { folder: job.inbox, resumes, priority: -job.arrival };
    this.#queues[engine].add(task, turn).catch(this.#options.onFatal);
  }

  async #work(id: string, engine: EngineName): Promise<void> {
    // Meanwhile queued for the other engine.
    if (this.#listed.get(id) !== engine) return;
    const job = this.#options.ledger.get(id);
    // Before it got its slot, it may have been cancelled, forgotten, or given to the other engine.
    if (!job || !IN_SLOT.has(job.state.name) || slotOf(job) !== engine) {
      this.#listed.delete(id);
      if (job) this.consider(job);
      return;
    }
    const running: Running = { engine, abort: new AbortController(), progress: {} };
    this.#running.set(id, running);
    try {
      const outcome = await this.#options.worker.run(id, running.abort.signal, progress => {
        running.progress = progress;
        this.#options.onProgress(id, progress);
      });
      if (outcome.kind === 'engine-paused') this.pauseEngine(engine, outcome.forMs, outcome.reason);
    } finally {
      this.#running.delete(id);
      this.#listed.delete(id);
    }
    const after = this.#options.ledger.get(id);
    if (after?.state.name === 'done') this.#endSharedWaits(engine);
    if (after) this.consider(after);
  }

  /** One got through: after an outage, nobody sits out a backoff that has grown to minutes, and the line is in order again. */
  #endSharedWaits(engine: EngineName): void {
    if (this.#stopping) return;
    for (const job of this.#options.ledger.all()) if (waitsForOtherSide(job, engine)) this.#queueAgain(job.id);
  }

  /** Every job of the engine would hit the same problem: nothing starts there until the time is over. */
  pauseEngine(engine: EngineName, forMs: number, reason: Reason): void {
    this.#pauses.get(engine)?.cancel();
    const until = this.#options.clock.now() + forMs;
    const cancel = this.#options.clock.after(forMs, () => this.resumeEngine(engine));
    this.#pauses.set(engine, { until, reason, cancel });
    this.#options.log.warn({ engine, until: new Date(until).toISOString() }, `engine paused: ${reason.text}`);
    this.#turn();
    for (const job of this.#options.ledger.all()) if (this.#mayStandIn(job)) this.#runLocallyInstead(job.id);
  }

  /** Ends the pause and queues what waited for it, except the job `but`, which the caller queues. */
  resumeEngine(engine: EngineName, but?: string): void {
    this.#pauses.get(engine)?.cancel();
    if (this.#pauses.delete(engine)) this.#options.log.info({ engine }, 'engine resumed');
    this.#turn();
    for (const job of this.#options.ledger.all())
      if (job.id !== but && waitsForEngine(job, engine)) this.#queueAgain(job.id);
  }

  /** A person says that it works again: every pause ends now. */
  resumeEngines(): void {
    for (const engine of [...this.#pauses.keys()]) this.resumeEngine(engine);
  }

  #queueAgain(id: string): void {
    this.#timers.get(id)?.();
    this.#timers.delete(id);
    this.#options.ledger
      .commit(id, queuedBecause(say('queue.wait-over')))
      .then(queued => queued && this.consider(queued), this.#options.onFatal);
  }

  /** If the clock was set back meanwhile, a wait still takes no longer than intended. */
  #remainingMs(since: number, until: number): number {
    return Math.min(until - this.#options.clock.now(), until - since);
  }

  /** Counts on the timer, not on the wall clock, which may be changed while the job waits. */
  #wake(id: string, ms: number): void {
    this.#timers.get(id)?.();
    const end = this.#options.clock.monotonic() + ms;
    const cancel = this.#options.clock.after(ms, () => {
      this.#timers.delete(id);
      const job = this.#options.ledger.get(id);
      if (job?.state.name !== 'waiting' || this.#stopping) return;
      // A long wait is cut into pieces that fit a timer.
      const left = end - this.#options.clock.monotonic();
      if (left >= 1) return this.#wake(id, left);
      this.#queueAgain(id);
    });
    this.#timers.set(id, cancel);
  }
}

/** The engine whose slot a job waits for. A job whose decision was not to process it is decided again there: the rules may have changed. */
function slotOf({ decision }: Job): EngineName {
  return decision.kind === 'skip' ? 'local' : decision.engine;
}

/** Whether the job waits for the other side of its engine, without having anything to verify or deliver. */
function waitsForOtherSide({ state, decision }: Job, engine: EngineName): boolean {
  if (state.name !== 'waiting' || state.from || decision.kind !== 'do' || decision.engine !== engine) return false;
  return policyOfReason(state.reason.code)?.endsWithSuccessOfOthers === true;
}

/** Whether the job waits for its engine's pause to end. */
function waitsForEngine({ state, decision }: Job, engine: EngineName): boolean {
  if (state.name !== 'waiting' || decision.kind !== 'do' || decision.engine !== engine) return false;
  return policyOfReason(state.reason.code)?.advice.kind === 'pause-engine';
}
