import type { Job, StateName } from '../core/job.ts';
import { type Sentence, textOf } from '../core/message.ts';
import { every } from '../platform/async.ts';
import type { Clock } from '../platform/clock.ts';
import type { Actions, ActionOutcome } from '../queue/actions.ts';
import type { Ledger } from '../queue/ledger.ts';
import type { Scheduler } from '../queue/scheduler.ts';
import type {
  ActionResult,
  Control,
  ControlEvent,
  ExplainAsked,
  Explanation,
  JobDetail,
  JobView,
  LiveView,
  StatusView,
} from './types.ts';
import { detailOf, liveOf, viewOf } from './views.ts';

export interface DaemonControlOptions {
  ledger: Ledger;
  scheduler: Scheduler;
  actions: Actions;
  /** The whole status: version, mode, counts, engines, folders. */
  status(): StatusView;
  /** The status's mode alone. */
  currentMode(): StatusView['mode'];
  /** Why local work is paused, while it is. */
  resting(): Sentence | undefined;
  explain(path: string, asked?: ExplainAsked): Promise<Explanation>;
  setPaused(paused: boolean): Promise<void>;
  clock: Clock;
}

/** How often the status is compared with the last one, for changes that no job announces: a folder, an engine, the hours. */
const STATUS_EVERY_MS = 1000;
/** Progress of one job is announced at most this often, milliseconds. */
const PROGRESS_EVERY_MS = 250;

/** Answers requests for the running daemon. */
export class DaemonControl implements Control {
  readonly #options: DaemonControlOptions;
  readonly #listeners = new Set<(event: ControlEvent) => void>();
  readonly #announced = new Map<string, number>();
  readonly #unsubscribe: () => void;
  readonly #stopComparing: () => void;
  #announcedStatus = '';

  constructor(options: DaemonControlOptions) {
    this.#options = options;
    this.#stopComparing = every(options.clock, STATUS_EVERY_MS, () => {
      if (this.#listeners.size > 0 && essenceOf(this.status()) !== this.#announcedStatus) this.announceStatus();
    });
    this.#unsubscribe = options.ledger.subscribe(change => {
      if ('job' in change) this.#emit({ kind: 'job', ...this.#viewsOf(change.job) });
      else if ('forgotten' in change) this.#emit({ kind: 'forgotten', id: change.forgotten.id });
      if ('paused' in change || ('job' in change && change.before?.state.name !== change.job.state.name))
        this.announceStatus();
    });
  }

  status(): StatusView {
    return this.#options.status();
  }

  currentMode(): StatusView['mode'] {
    return this.#options.currentMode();
  }

  jobs(state?: StateName): JobView[] {
    const found: JobView[] = [];
    for (const job of this.#options.ledger.all())
      if (!state || job.state.name === state) found.push(this.#listView(job));
    return found.reverse();
  }

  job(id: string): JobDetail | undefined {
    const job = this.#options.ledger.find(id);
    return job && detailOf(job, this.#options.scheduler.progressOf(job.id));
  }

  explain(path: string, asked?: ExplainAsked): Promise<Explanation> {
    return this.#options.explain(path, asked);
  }

  async retry(id: string): Promise<ActionResult> {
    return this.#result(await this.#options.actions.retry(id));
  }

  async cancel(id: string): Promise<ActionResult> {
    return this.#result(await this.#options.actions.cancel(id));
  }

  async forget(id: string): Promise<ActionResult> {
    return this.#result(await this.#options.actions.forget(id));
  }

  async restore(id: string): Promise<ActionResult> {
    return this.#result(await this.#options.actions.restore(id));
  }

  async refine(id: string, words: string): Promise<ActionResult> {
    return this.#result(await this.#options.actions.refine(id, words));
  }

  async pause(): Promise<void> {
    await this.#options.setPaused(true);
  }

  async resume(): Promise<void> {
    this.#options.scheduler.setMode({ draining: false });
    this.#options.scheduler.resumeEngines();
    await this.#options.setPaused(false);
    this.announceStatus();
  }

  async drain(): Promise<void> {
    this.#options.scheduler.setMode({ draining: true });
    this.announceStatus();
  }

  subscribe(listener: (event: ControlEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Passes on the live progress of a running job, a few times a second at most. `at` is monotonic milliseconds. */
  announceProgress(id: string, at: number): void {
    const job = this.#listeners.size > 0 ? this.#options.ledger.get(id) : undefined;
    if (!job || at - (this.#announced.get(id) ?? Number.NEGATIVE_INFINITY) < PROGRESS_EVERY_MS) return;
    this.#announced.set(id, at);
    this.#emit({ kind: 'job', ...this.#viewsOf(job) });
  }

  announceStatus(): void {
    if (this.#listeners.size === 0) return;
    const status = this.status();
    this.#announcedStatus = essenceOf(status);
    this.#emit({ kind: 'status', status });
  }

  /** Stops announcing. */
  close(): void {
    this.#unsubscribe();
    this.#stopComparing();
  }

  #emit(event: ControlEvent): void {
    if (event.kind === 'job' && event.job.state !== 'running') this.#announced.delete(event.job.id);
    for (const listener of this.#listeners) listener(event);
  }

  #viewsOf(job: Job): { job: JobView; live: LiveView } {
    const progress = this.#options.scheduler.progressOf(job.id);
    return { job: viewOf(job, progress), live: liveOf(job, progress) };
  }

  /** A job in a list: if local work is paused, it says why. */
  #listView(job: Job): JobView {
    const view = viewOf(job, this.#options.scheduler.progressOf(job.id));
    const isPausable = view.engine === 'local' && (view.state === 'running' || view.state === 'queued');
    return isPausable ? { ...view, reason: textOf(this.#options.resting()) ?? null } : view;
  }

  #result(outcome: ActionOutcome): ActionResult {
    return outcome.ok ? { ok: true, ...this.#viewsOf(outcome.job), job: this.#listView(outcome.job) } : outcome;
  }
}

/** Everything except what changes all the time. */
function essenceOf(status: StatusView): string {
  return JSON.stringify({ ...status, folders: status.folders.map(folder => ({ ...folder, last_scan_age_ms: null })) });
}
