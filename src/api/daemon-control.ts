import type { Folder } from '../config/load.ts';
import type { Job, MoveTo, QueueOrder, StateName } from '../core/job.ts';
import { type Sentence, textOf } from '../core/message.ts';
import { every } from '../platform/async.ts';
import type { Clock } from '../platform/clock.ts';
import type { Actions, ActionOutcome } from '../queue/actions.ts';
import type { Ledger } from '../queue/ledger.ts';
import type { Scheduler } from '../queue/scheduler.ts';
import { archiveOf } from './archive.ts';
import type {
  ActionResult,
  ArchiveView,
  Control,
  ControlEvent,
  ExplainAsked,
  Explanation,
  JobDetail,
  JobView,
  LibraryControl,
  LiveView,
  Needs,
  StatusView,
  Understood,
  WordsAsked,
} from './types.ts';
import type { Logger } from '../platform/log.ts';
import { detailOf, liveOf, needsOf, viewOf } from './views.ts';
import { WordTurns } from './word-turns.ts';

export interface DaemonControlOptions {
  ledger: Ledger;
  scheduler: Scheduler;
  actions: Actions;
  /** The whole status: version, mode, counts, engines, folders. */
  status(): StatusView;
  /** The status's mode alone. */
  currentMode(): StatusView['mode'];
  isStuck(): boolean;
  /** Why local work is paused, while it is. */
  resting(): Sentence | undefined;
  explain(path: string, asked?: ExplainAsked): Promise<Explanation>;
  understood(asked: WordsAsked): Understood | undefined;
  /** The folders of the configuration, libraries included. */
  folders(): readonly Folder[];
  setPaused(paused: boolean): Promise<void>;
  libraries: LibraryControl;
  clock: Clock;
  log: Logger;
}

/** How often the status is compared with the last one, for changes that no job announces: a folder, an engine, the hours. */
const STATUS_EVERY_MS = 1000;
/** Progress of one job is announced at most this often, milliseconds. */
const PROGRESS_EVERY_MS = 250;

/** Answers requests for the running daemon. */
export class DaemonControl implements Control {
  readonly #options: DaemonControlOptions;
  readonly #words = new WordTurns();
  readonly libraries: LibraryControl;
  readonly #listeners = new Set<(event: ControlEvent) => void>();
  readonly #announced = new Map<string, number>();
  readonly #unsubscribe: () => void;
  readonly #stopComparing: () => void;
  #announcedStatus = '';

  constructor(options: DaemonControlOptions) {
    this.#options = options;
    this.libraries = options.libraries;
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

  isStuck(): boolean {
    return this.#options.isStuck();
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

  archive(): ArchiveView {
    return archiveOf(this.#options.ledger.all(), this.#options.folders());
  }

  explain(path: string, asked?: ExplainAsked): Promise<Explanation> {
    return this.#options.explain(path, asked);
  }

  understood(asked: WordsAsked, signal?: AbortSignal): Promise<Understood | undefined> {
    return this.#words.take(() => this.#options.understood(asked), signal);
  }

  needs(): Needs {
    const { held, failed } = this.#options.ledger.counts();
    return held + failed > 0 ? needsOf(this.#options.ledger.all()) : [];
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

  async move(id: string, to: MoveTo): Promise<ActionResult> {
    return this.#result(await this.#options.actions.move(id, to));
  }

  async pauseJob(id: string): Promise<ActionResult> {
    return this.#result(await this.#options.actions.pause(id));
  }

  async resumeJob(id: string): Promise<ActionResult> {
    return this.#result(await this.#options.actions.resume(id));
  }

  async setOrder(order: QueueOrder): Promise<void> {
    await this.#options.ledger.setOrder(order);
    this.#options.scheduler.reordered();
    this.announceStatus();
  }

  line(): string[] {
    return this.#options.scheduler.line();
  }

  async refine(id: string, words: string, byAnybody?: boolean): Promise<ActionResult> {
    return this.#result(await this.#words.take(() => this.#options.actions.refine(id, words, byAnybody)));
  }

  async pause(): Promise<void> {
    await this.#options.setPaused(true);
    this.#options.log.info('paused: nothing new starts, and encodes rest, until "shrinkbox resume"');
  }

  async resume(): Promise<void> {
    this.#options.scheduler.setMode({ draining: false });
    this.#options.scheduler.resumeEngines();
    await this.#options.setPaused(false);
    this.#options.log.info('resumed');
    this.announceStatus();
  }

  async drain(): Promise<void> {
    this.#options.scheduler.setMode({ draining: true });
    this.#options.log.info('draining: what runs is finished, nothing new starts until "shrinkbox resume"');
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
    const isPausable = !job.paused && view.engine !== 'nemo' && (view.state === 'running' || view.state === 'queued');
    return isPausable ? { ...view, reason: textOf(this.#options.resting()) ?? null } : view;
  }

  #result(outcome: ActionOutcome): ActionResult {
    return outcome.ok ? { ok: true, ...this.#viewsOf(outcome.job), job: this.#listView(outcome.job) } : outcome;
  }
}

/** A change of free space below this, bytes, is not worth telling every open page. */
const SPACE_STEP = 100e6;

/** Nor is a change of the time the queue will be done below this. */
const FINISH_STEP_MS = 60_000;

/** Everything except what changes all the time. */
function essenceOf(status: StatusView): string {
  const folders = status.folders.map(folder => ({
    ...folder,
    last_scan_age_ms: null,
    disks: folder.disks.map(disk => ({ ...disk, free_bytes: Math.round((disk.free_bytes ?? -1) / SPACE_STEP) })),
  }));
  const { order, finish_at: finish } = status.queue;
  const queue = { order, finish: finish === null ? null : Math.round(finish / FINISH_STEP_MS) };
  return JSON.stringify({ ...status, folders, queue, fleet: status.fleet && fleetEssence(status.fleet) });
}

/** A part's progress is told in steps of a twentieth; how long a worker was not heard of, once it is away. */
function fleetEssence({ workers, films, ...rest }: NonNullable<StatusView['fleet']>): object {
  return {
    ...rest,
    workers: workers.map(worker => ({
      ...{ ...worker, benched_for_ms: null, scratch_free: null, seen_at: null },
      tasks: worker.tasks.map(({ task, n, step, fraction }) => [task, n, step, Math.round(fraction * 20)]),
    })),
    films: films.map(({ parts, ...film }) => ({
      ...film,
      parts: parts.map(part => ({ ...part, fraction: Math.round((part.fraction ?? 0) * 20) })),
    })),
  };
}
