/**
 * Room: what a monitoring system can read, above all Prometheus. Labels are words from closed sets and the numbers of folders
 * in the config, never paths or file names. May import core, platform, journal, queue, and the API's status type.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Metering, StatusView } from '../api/types.ts';
import { ENGINE_NAMES, type Job, RESTING, STATE_NAMES } from '../core/job.ts';
import { stepLabel } from '../core/steps.ts';
import { type CloudMeter, STREAM_OUTCOMES } from '../engine/engine.ts';
import type { FsyncStats } from '../journal/journal.ts';
import type { Clock } from '../platform/clock.ts';
import type { Files } from '../platform/files/files.ts';
import type { Ledger } from '../queue/ledger.ts';
import { DiskMeter, type DiskPath } from './disk-space.ts';
import { FleetMetrics } from './fleet-metrics.ts';

export type NotifyOutcome = 'delivered' | 'failed' | 'dropped';

export interface MetricsOptions {
  version: string;
  clock: Clock;
  files: Files;
  /** Already replayed: counting starts from its content. */
  ledger: Ledger;
  journal: { fsyncStats(): FsyncStats; readonly size: number };
  /** Every place whose free space is reported, according to the current config. */
  places(): DiskPath[];
}

/** Seconds; a short clip takes some, a film some hours. */
const LONG_BUCKETS = [1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600];

/** prom-client would wake an idle daemon all the time to sample the event loop lag; it also measures on demand. */
const NEVER_MS = 2 ** 31 - 1;
const LAG_SAMPLES = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'];

/** Counts events as they happen; everything else is read during a scrape. */
export class Metrics implements Metering, CloudMeter {
  readonly #clock: Clock;
  readonly #registry = new Registry();
  readonly #counters: Counters;
  readonly #jobs: JobTally;
  /** When each job entered its current step. */
  readonly #stepStarts = new Map<string, { at: number; step: string }>();
  readonly #unsubscribe: () => void;
  /** The daemon's status for the current scrape. */
  #status: StatusView | undefined;
  #fleet: FleetMetrics | undefined;

  constructor(options: MetricsOptions) {
    const { ledger, clock } = options;
    this.#clock = clock;
    // Memory, processor time, event loop lag and the like, under the names every Node dashboard knows.
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: NEVER_MS });
    for (const name of LAG_SAMPLES) this.#registry.removeSingleMetric(`nodejs_eventloop_lag_${name}_seconds`);
    this.#counters = createCounters(this.#registry);
    this.#jobs = new JobTally(ledger);
    const gauges = new Gauges(this.#registry, () => this.#status);
    gauges.addQueue(options, this.#jobs);
    gauges.addEngines();
    gauges.addFolders();
    gauges.addDisks(options);
    gauges.addJournal(options.journal);
    this.#unsubscribe = ledger.subscribe(change => {
      if ('job' in change) this.#changed(change.job, change.before);
      else if ('forgotten' in change) this.#forgotten(change.forgotten);
    });
  }

  async render(status: StatusView): Promise<{ contentType: string; text: string }> {
    this.#status = status;
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  answered(via: 'socket' | 'tcp', status: number): void {
    this.#counters.httpRequests.inc({ via, code: String(status) });
  }

  wrongToken(): void {
    this.#counters.wrongTokens.inc();
  }

  requested(status: Parameters<CloudMeter['requested']>[0]): void {
    this.#counters.cloudRequests.inc({ code: String(status) });
    if (status === 429) this.#counters.cloudLimited.inc();
  }

  streamed(outcome: Parameters<CloudMeter['streamed']>[0]): void {
    this.#counters.cloudStreams.inc({ outcome });
  }

  /** A webhook was delivered, given up, or dropped because too many were waiting. */
  notified(outcome: NotifyOutcome): void {
    this.#counters.notifications.inc({ outcome });
  }

  /** Those of a fleet, made with the first call. */
  fleet(): FleetMetrics {
    this.#fleet ??= new FleetMetrics(this.#registry, () => this.#status);
    return this.#fleet;
  }

  /** Stops counting. */
  close(): void {
    this.#unsubscribe();
    this.#registry.clear();
  }

  #forgotten(job: Job): void {
    this.#jobs.count(job, undefined);
    this.#stepStarts.delete(job.id);
  }

  #changed(job: Job, before: Job | undefined): void {
    this.#jobs.count(before, job);
    this.#timeStep(job);
    if (!RESTING.has(job.state.name) || before?.state.name === job.state.name) return;
    const engine = engineOf(job);
    const { ends, sourceBytes, outputBytes, savedBytes } = this.#counters;
    ends.inc({ state: job.state.name, engine });
    if (job.state.name !== 'done') return;
    sourceBytes.inc({ engine }, job.pin.sizeBytes);
    outputBytes.inc({ engine }, job.state.outputBytes);
    savedBytes.inc({ engine }, Math.max(0, job.pin.sizeBytes - job.state.outputBytes));
  }

  #timeStep(job: Job): void {
    const step = stepLabel(job.state);
    const started = this.#stepStarts.get(job.id);
    if (started?.step === step) return;
    const now = this.#clock.monotonic();
    if (started) {
      this.#counters.steps.observe({ engine: engineOf(job), step: started.step }, (now - started.at) / 1000);
    }
    if (step === undefined) this.#stepStarts.delete(job.id);
    else this.#stepStarts.set(job.id, { at: now, step });
  }
}

type Counters = ReturnType<typeof createCounters>;

function createCounters(registry: Registry) {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name: `shrinkbox_${name}`, help, labelNames, registers });
  const histogram = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Histogram({ name: `shrinkbox_${name}`, help, labelNames, registers, buckets: LONG_BUCKETS });
  const counters = {
    sourceBytes: counter('source_bytes_total', 'Bytes of the sources of jobs done since the start.', 'engine'),
    outputBytes: counter('output_bytes_total', 'Bytes of the results of jobs done since the start.', 'engine'),
    savedBytes: counter(
      'saved_bytes_total',
      'Sources of jobs done since the start less their results; nothing is free while the originals are there.',
      'engine',
    ),
    ends: counter('job_ends_total', 'Jobs that came to rest since the start.', 'state', 'engine'),
    steps: histogram('step_duration_seconds', 'How long each step of a job took.', 'engine', 'step'),
    httpRequests: counter('http_requests_total', 'Answers of the control API, by HTTP status.', 'via', 'code'),
    wrongTokens: counter('http_wrong_tokens_total', 'Requests that carried a wrong access token.'),
    cloudRequests: counter('cloud_requests_total', 'Requests to the cloud, by HTTP status or none.', 'code'),
    cloudLimited: counter('cloud_rate_limited_total', 'Requests the cloud answered with "too many" (429).'),
    cloudStreams: counter('cloud_streams_total', 'Messages to the cloud, by how their stream ended.', 'outcome'),
    notifications: counter('notifications_total', 'Webhook calls, by outcome.', 'outcome'),
  };
  // A counter starts at 0 instead of absent: only then is its first event an increase that alerts see.
  const { sourceBytes, outputBytes, savedBytes } = counters;
  for (const engine of ENGINE_NAMES) {
    for (const state of RESTING) counters.ends.inc({ state, engine }, 0);
    for (const each of [sourceBytes, outputBytes, savedBytes]) each.inc({ engine }, 0);
  }
  for (const outcome of STREAM_OUTCOMES) counters.cloudStreams.inc({ outcome }, 0);
  for (const outcome of ['delivered', 'failed', 'dropped'] as const) counters.notifications.inc({ outcome }, 0);
  return counters;
}

type SetGauge<L extends string> = (value: number, labels?: Partial<Record<L, string>>) => void;

interface GaugeSpec<L extends string> {
  name: string;
  help: string;
  labels?: L[];
  read(set: SetGauge<L>): void | Promise<void>;
}

/** The metrics that are read during a scrape. */
class Gauges {
  readonly #registry: Registry;
  readonly #status: () => StatusView | undefined;

  constructor(registry: Registry, status: () => StatusView | undefined) {
    this.#registry = registry;
    this.#status = status;
  }

  addQueue({ version, ledger, clock }: MetricsOptions, jobs: JobTally): void {
    const status = this.#status;
    this.#add({
      name: 'info',
      help: 'Always 1; the version as a label.',
      labels: ['version'],
      read: set => set(1, { version }),
    });
    this.#add({
      name: 'mode',
      help: '1 for the mode the daemon is in.',
      labels: ['mode'],
      read(set) {
        const mode = status()?.mode;
        for (const each of ['running', 'paused', 'draining', 'drained', 'stopping'] as const)
          set(each === mode ? 1 : 0, { mode: each });
      },
    });
    this.#add({
      name: 'jobs',
      help: 'Jobs known, by state and engine.',
      labels: ['state', 'engine'],
      read: set => jobs.report(set),
    });
    this.#add({
      name: 'queue_age_seconds',
      help: 'How long the oldest queued job has been waiting; 0 when none is queued.',
      read: set => set(Math.max(0, oldestQueuedMs(ledger, clock.now())) / 1000),
    });
    this.#add({
      name: 'done_saved_bytes',
      help: 'By how much the results of all jobs remembered are smaller than their sources, restarts included.',
      read(set) {
        const { sourceBytes, outputBytes } = ledger.space();
        set(sourceBytes - outputBytes);
      },
    });
    this.#add({
      name: 'done_freed_bytes',
      help: 'Deleted originals of all jobs remembered, less what was made of them.',
      read: set => set(ledger.space().freedBytes),
    });
    this.#add({
      name: 'originals_bytes',
      help: 'Originals of jobs done, by where they were left.',
      labels: ['place'],
      read(set) {
        const { left, archived } = ledger.space();
        set(left.bytes, { place: 'inbox' });
        set(archived.bytes, { place: 'archive' });
      },
    });
  }

  addEngines(): void {
    const status = this.#status;
    const perEngine = (name: string, help: string, value: (engine: StatusView['engines'][number]) => number) =>
      this.#add({
        name,
        help,
        labels: ['engine'],
        read(set) {
          for (const engine of status()?.engines ?? []) set(value(engine), { engine: engine.name });
        },
      });
    perEngine('engine_ready', '1 while the engine takes jobs.', ({ ready }) => (ready ? 1 : 0));
    perEngine('engine_busy', 'Jobs in the slots of the engine.', ({ busy }) => busy);
    perEngine('engine_slots', 'Slots of the engine.', ({ slots }) => slots);
  }

  addFolders(): void {
    const status = this.#status;
    const perFolder = (name: string, help: string, value: (folder: StatusView['folders'][number]) => number | null) =>
      this.#add({
        name,
        help,
        labels: ['folder'],
        read(set) {
          for (const [index, folder] of (status()?.folders ?? []).entries()) {
            const now = value(folder);
            if (now !== null) set(now, { folder: String(index) });
          }
        },
      });
    perFolder(
      'folder_available',
      '1 while the inbox can be read; folders are numbered as in the config.',
      ({ available }) => (available ? 1 : 0),
    );
    perFolder('folder_pending_files', 'Files not yet known to be complete.', ({ pending }) => pending);
    perFolder('folder_scan_age_seconds', 'Time since the inbox was last read as a whole.', folder =>
      folder.last_scan_age_ms === null ? null : folder.last_scan_age_ms / 1000,
    );
  }

  addDisks({ files, clock, places }: Pick<MetricsOptions, 'files' | 'clock' | 'places'>): void {
    const disks = new DiskMeter(files, clock);
    this.#add({
      name: 'disk_free_bytes',
      help: 'Free space of the disk of each place.',
      labels: ['place', 'folder'],
      async read(set) {
        for (const { labels, freeBytes } of await disks.read(places())) set(freeBytes, labels);
      },
    });
    this.#add({
      name: 'disk_size_bytes',
      help: 'Size of the disk of each place.',
      labels: ['place', 'folder'],
      async read(set) {
        for (const { labels, totalBytes } of await disks.read(places())) set(totalBytes, labels);
      },
    });
  }

  addJournal(journal: MetricsOptions['journal']): void {
    this.#add({ name: 'journal_bytes', help: 'Size of the journal.', read: set => set(journal.size) });
    this.#add({
      name: 'journal_fsync_last_seconds',
      help: 'How long the last sync of the journal took.',
      read: set => set(journal.fsyncStats().lastMs / 1000),
    });
    this.#add({
      name: 'journal_fsync_pending_seconds',
      help: 'How long the write under way has taken; 0 when there is none.',
      read: set => set(journal.fsyncStats().pendingMs / 1000),
    });
    this.#addTotal('journal_fsyncs_total', 'Syncs of the journal.', () => journal.fsyncStats().count);
    this.#addTotal(
      'journal_fsync_seconds_total',
      'Time spent in syncs of the journal.',
      () => journal.fsyncStats().totalMs / 1000,
    );
  }

  #add<L extends string>({ name, help, labels = [], read }: GaugeSpec<L>): void {
    new Gauge<L>({
      name: `shrinkbox_${name}`,
      help,
      labelNames: labels,
      registers: [this.#registry],
      async collect() {
        this.reset();
        await read((value, given) => this.set((given ?? {}) as Partial<Record<L, string | number>>, value));
      },
    });
  }

  /** A counter that is kept elsewhere. */
  #addTotal(name: string, help: string, read: () => number): void {
    new Counter({
      name: `shrinkbox_${name}`,
      help,
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }
}

function engineOf({ decision }: Job): string {
  return decision.kind === 'skip' ? 'none' : decision.engine;
}

/** Arrival order is not queueing order, so every queued job counts; none is visited if none is queued. */
function oldestQueuedMs(ledger: Ledger, now: number): number {
  let left = ledger.counts().queued;
  let oldest = now;
  for (const job of left > 0 ? ledger.all() : []) {
    if (job.state.name !== 'queued') continue;
    // Not its arrival: a job retried after a month has not been queued for a month.
    oldest = Math.min(oldest, job.updatedAt);
    left -= 1;
    if (left === 0) break;
  }
  return now - oldest;
}

/** Jobs by state and engine, kept up to date so that a scrape does not walk through all of them. */
class JobTally {
  readonly #counts = new Map<string, Map<string, number>>();

  constructor(ledger: Ledger) {
    for (const job of ledger.all()) this.count(undefined, job);
  }

  count(before: Job | undefined, after: Job | undefined): void {
    if (before) this.#add(before, -1);
    if (after) this.#add(after, 1);
  }

  report(set: (value: number, labels: { state: string; engine: string }) => void): void {
    // A state without jobs is 0, not absent: alerts on absent series never fire.
    for (const state of STATE_NAMES) set(0, { state, engine: 'local' });
    for (const [engine, states] of this.#counts) for (const [state, count] of states) set(count, { state, engine });
  }

  #add(job: Job, step: 1 | -1): void {
    const engine = engineOf(job);
    const states = this.#counts.get(engine) ?? new Map<string, number>();
    this.#counts.set(engine, states);
    states.set(job.state.name, (states.get(job.state.name) ?? 0) + step);
  }
}
