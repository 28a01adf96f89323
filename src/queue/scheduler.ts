import PQueue from 'p-queue';
import { policyOfReason } from '../core/errors.ts';
import { ENGINE_NAMES, type EngineName, type Job, type Progress, type Reason, type StateName } from '../core/job.ts';
import type { StopReason } from '../engine/engine.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { PauseGate } from '../platform/pause-gate.ts';
import { say } from '../messages/say.ts';
import { queuedBecause } from './decisions.ts';
import { FairQueue, type FolderTask } from './fair-queue.ts';
import type { Ledger } from './ledger.ts';
import { priorityOf } from './order.ts';
import { ReasonedGate } from './rest-gate.ts';

/** What the worker reports to the scheduler when it leaves a job. */
export type Outcome = { kind: 'rested' } | { kind: 'again' } | { kind: 'engine-paused'; forMs: number; reason: Reason };

export interface Worker {
  /** Takes one job through its stages; throws only for bugs and a journal that cannot be written. */
  run(id: string, signal: AbortSignal, progress: (progress: Progress) => void, gate?: PauseGate): Promise<Outcome>;
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

const ENGINES: readonly EngineName[] = ENGINE_NAMES;

type SlotQueue = PQueue<FairQueue, FolderTask>;

interface Running {
  engine: EngineName;
  abort: AbortController;
  progress: Progress;
  /** Closed while a person has this job rest, and after that until a slot is free again. */
  gate: ReasonedGate;
}

/**
 * Slots, due times and pauses. One p-queue per engine: folders take turns, each with its oldest arrival, unless a person wants
 * another order; the worker decides what a job does in its slot.
 * All state that must survive is in the ledger; this can be rebuilt from it at any time.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #queues: Record<EngineName, SlotQueue>;
  /** What waits in each of them. */
  readonly #lines: Record<EngineName, FairQueue> = {
    local: new FairQueue(),
    nemo: new FairQueue(),
    fleet: new FairQueue(),
  };
  #slots: Record<EngineName, number>;
  /** Jobs in a queue or a slot, by the engine they are queued for. */
  readonly #listed = new Map<string, EngineName>();
  readonly #running = new Map<string, Running>();
  /** Jobs that get no slot for the moment: somebody changes what is asked of them. */
  readonly #keptOut = new Set<string>();
  readonly #timers = new Map<string, () => void>();
  readonly #pauses = new Map<EngineName, { since: number; until: number; reason: Reason; cancel: () => void }>();
  #started = false;
  #draining = false;
  #stopping = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#slots = options.slots;
    const queue = (engine: EngineName): SlotQueue => {
      const lines = this.#lines;
      // p-queue makes its queue itself, and shows it to nobody.
      const queueClass = function (this: unknown) {
        lines[engine] = new FairQueue();
        return lines[engine];
      } as unknown as typeof FairQueue;
      return new PQueue({ concurrency: options.slots[engine], autoStart: false, queueClass });
    };
    this.#queues = { local: queue('local'), nemo: queue('nemo'), fleet: queue('fleet') };
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
    if (job.paused) {
      // Left behind by a crash: it rests in line.
      if (job.state.name === 'running' && !this.#running.has(job.id))
        this.#queueAgain(job.id, say('queue.after-restart'));
      return;
    }
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
    this.#slots = slots;
    for (const engine of ENGINES) this.#adapt(engine);
  }

  /** Applies `pause`, `resume` and `drain`; what already runs in the cloud continues. */
  setMode(mode: { draining: boolean }): void {
    this.#draining = mode.draining;
    this.#turn();
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Sorts one job that was moved into its new place. */
  moved(job: Job): void {
    const engine = this.#listed.get(job.id);
    if (engine) this.#lines[engine].setPriority(job.id, priorityOf(job, this.#options.ledger.order));
  }

  /** Sorts all jobs as the ledger says by now. */
  reordered(): void {
    const { ledger } = this.#options;
    const priority = (id: string) => {
      const job = ledger.get(id);
      return job ? priorityOf(job, ledger.order) : 0;
    };
    for (const engine of ENGINES) this.#lines[engine].setPriorities(priority);
  }

  /** Ids of the jobs that wait for a slot, in the order they would get one; of each engine. */
  line(): string[] {
    return ENGINES.flatMap(engine => this.#lines[engine].ids());
  }

  /** Has a job rest: one in a slot stops where it is and leaves the slot to others. */
  rest(id: string): void {
    const running = this.#running.get(id);
    if (!running) return;
    running.gate.set('person', true);
    this.#adapt(running.engine);
  }

  /** Ends that; a job that had begun goes on as soon as there is a slot for it. */
  wake(job: Job): void {
    const running = this.#running.get(job.id);
    if (!running) return this.consider(job);
    running.gate.set('slot', true);
    running.gate.set('person', false);
    this.#continueRested(running.engine);
  }

  #continueRested(engine: EngineName): void {
    const inSlots = [...this.#running.values()].filter(each => each.engine === engine);
    let free = this.#slots[engine] - inSlots.filter(({ gate }) => !gate.closed).length;
    for (const { gate } of inSlots) {
      if (free <= 0) break;
      if (!gate.closed || gate.isClosedFor('person')) continue;
      gate.set('slot', false);
      free -= 1;
    }
    this.#adapt(engine);
  }

  /** What rests takes no slot. */
  #adapt(engine: EngineName): void {
    const resting = [...this.#running.values()].filter(each => each.engine === engine && each.gate.closed).length;
    this.#queues[engine].concurrency = this.#slots[engine] + resting;
  }

  /** Ids of the jobs in a slot now. */
  running(): { id: string; engine: EngineName; progress: Progress }[] {
    return [...this.#running].map(([id, { engine, progress }]) => ({ id, engine, progress }));
  }

  progressOf(id: string): Progress | undefined {
    return this.#running.get(id)?.progress;
  }

  /** Epoch ms. */
  enginePause(engine: EngineName): { since: number; until: number; reason: Reason } | undefined {
    return this.#pauses.get(engine);
  }

  /** Does something to a job that is in no slot, and which gets none meanwhile; `undefined`, and nothing is done, if it has one. */
  async keepingOut<T>(id: string, act: () => Promise<T>): Promise<T | undefined> {
    if (this.#running.has(id) || this.#keptOut.has(id)) return undefined;
    this.#keptOut.add(id);
    try {
      return await act();
    } finally {
      this.#keptOut.delete(id);
      const job = this.#options.ledger.get(id);
      if (job) this.consider(job);
    }
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
    const priority = priorityOf(job, this.#options.ledger.order);
    const turn = { id: job.id, folder: job.inbox, resumes, priority };
    this.#queues[engine].add(task, turn).catch(this.#options.onFatal);
  }

  async #work(id: string, engine: EngineName): Promise<void> {
    // Meanwhile queued for the other engine.
    if (this.#listed.get(id) !== engine) return;
    const job = this.#options.ledger.get(id);
    // Before it got its slot, it may have been cancelled, forgotten, or given to the other engine.
    const isKeptOut = this.#keptOut.has(id);
    if (!job || job.paused || isKeptOut || !IN_SLOT.has(job.state.name) || slotOf(job) !== engine) {
      this.#listed.delete(id);
      if (job && !isKeptOut) this.consider(job);
      return;
    }
    const running: Running = { engine, abort: new AbortController(), progress: {}, gate: new ReasonedGate() };
    this.#running.set(id, running);
    try {
      const progressed = (progress: Progress) => {
        running.progress = progress;
        this.#options.onProgress(id, progress);
      };
      const outcome = await this.#options.worker.run(id, running.abort.signal, progressed, running.gate);
      if (outcome.kind === 'engine-paused') this.pauseEngine(engine, outcome.forMs, outcome.reason);
    } finally {
      this.#running.delete(id);
      this.#listed.delete(id);
      this.#continueRested(engine);
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
    const since = this.#options.clock.now();
    const until = since + forMs;
    const cancel = this.#options.clock.after(forMs, () => this.resumeEngine(engine));
    this.#pauses.set(engine, { since, until, reason, cancel });
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

  #queueAgain(id: string, why = say('queue.wait-over')): void {
    this.#timers.get(id)?.();
    this.#timers.delete(id);
    this.#options.ledger
      .commit(id, queuedBecause(why))
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
