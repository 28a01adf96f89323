/**
 * What Prometheus may ask for. A registry of our own; labels are words from closed sets and the numbers of folders in the
 * config, never paths or names of files. Everything that can be read when asked is read then; only what passes by is
 * counted on the way.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { StatusView } from '../api/types.ts';
import type { Metering } from '../api/server.ts';
import { type Job, RESTING, STATE_NAMES } from '../core/job.ts';
import { type CloudMeter, STREAM_OUTCOMES } from '../engine/engine.ts';
import { DiskMeter, type DiskPath } from './disk-space.ts';
import type { FsyncStats } from '../journal/journal.ts';
import type { Clock } from '../platform/clock.ts';
import type { Files } from '../platform/files/files.ts';
import type { Ledger } from '../queue/ledger.ts';
import { stepLabel } from '../core/steps.ts';

export interface MetricsOptions {
  version: string;
  clock: Clock;
  files: Files;
  /** Replayed already: what is in it now is the beginning. */
  ledger: Ledger;
  journal: { fsyncStats(): FsyncStats; readonly size: number };
  /** Every place whose free space counts, as the config has them now. */
  places(): DiskPath[];
}

export interface Metrics extends Metering, CloudMeter {
  /** A webhook was delivered, given up, or dropped because too many waited. */
  notified(outcome: 'delivered' | 'failed' | 'dropped'): void;
  /** Stops counting. */
  close(): void;
}

/** Seconds; a short clip takes some, a film some hours. */
const LONG_BUCKETS = [1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600];

/** prom-client samples the event loop's lag every 10 ms, which woke an idle daemon 100 times a second; the lag is measured when asked, too. */
const NEVER_MS = 2 ** 31 - 1;
const LAG_SAMPLES = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'];

export function createMetrics(options: MetricsOptions): Metrics {
  const { ledger, clock } = options;
  const registry = new Registry();
  // Memory, processor time, event loop lag and the like, under the names every Node dashboard knows.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER_MS });
  for (const name of LAG_SAMPLES) registry.removeSingleMetric(`nodejs_eventloop_lag_${name}_seconds`);
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name: `shrinkbox_${name}`, help, labelNames, registers });
  const histogram = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Histogram({ name: `shrinkbox_${name}`, help, labelNames, registers, buckets: LONG_BUCKETS });

  const sourceBytes = counter('source_bytes_total', 'Bytes of the sources of jobs done since the start.', 'engine');
  const outputBytes = counter('output_bytes_total', 'Bytes of the results of jobs done since the start.', 'engine');
  const savedBytes = counter('saved_bytes_total', 'Bytes saved by jobs done since the start.', 'engine');
  const ends = counter('job_ends_total', 'Jobs that came to rest since the start.', 'state', 'engine');
  const steps = histogram('step_duration_seconds', 'How long each step of a job took.', 'engine', 'step');
  const httpRequests = counter('http_requests_total', 'Answers of the control API, by HTTP status.', 'via', 'code');
  const cloudRequests = counter('cloud_requests_total', 'Requests to the cloud, by HTTP status or none.', 'code');
  const cloudLimited = counter('cloud_rate_limited_total', 'Requests the cloud answered with "too many" (429).');
  const cloudStreams = counter('cloud_streams_total', 'Messages to the cloud, by how their stream ended.', 'outcome');
  const notifications = counter('notifications_total', 'Webhook calls, by outcome.', 'outcome');

  // What has not happened yet is 0, not absent: the first time is an increase only then, and alerts see it.
  for (const engine of ['local', 'nemo']) {
    for (const state of RESTING) ends.inc({ state, engine }, 0);
    for (const each of [sourceBytes, outputBytes, savedBytes]) each.inc({ engine }, 0);
  }
  for (const outcome of STREAM_OUTCOMES) cloudStreams.inc({ outcome }, 0);
  for (const outcome of ['delivered', 'failed', 'dropped'] as const) notifications.inc({ outcome }, 0);

  const jobs = new JobTally(ledger);
  /** What the scrape under way shows of the daemon. */
  const scrape: { status?: StatusView } = {};
  defineGauges(options, { registry, jobs, scrape });

  /** When each job entered the step it is in. */
  const since = new Map<string, { at: number; step: string }>();
  const unsubscribe = ledger.subscribe(change => {
    if ('paused' in change) return;
    if ('forgotten' in change) {
      jobs.count(change.forgotten, undefined);
      since.delete(change.forgotten.id);
      return;
    }
    const { job, before } = change;
    jobs.count(before, job);
    const engine = engineOf(job);
    const step = stepLabel(job.state);
    const started = since.get(job.id);
    if (started?.step !== step) {
      if (started) steps.observe({ engine, step: started.step }, (clock.monotonic() - started.at) / 1000);
      if (step === undefined) since.delete(job.id);
      else since.set(job.id, { at: clock.monotonic(), step });
    }
    if (!RESTING.has(job.state.name) || before?.state.name === job.state.name) return;
    ends.inc({ state: job.state.name, engine });
    if (job.state.name !== 'done') return;
    sourceBytes.inc({ engine }, job.pin.sizeBytes);
    outputBytes.inc({ engine }, job.state.outputBytes);
    savedBytes.inc({ engine }, Math.max(0, job.pin.sizeBytes - job.state.outputBytes));
  });

  return {
    async render(status) {
      scrape.status = status;
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
    answered: (via, status) => httpRequests.inc({ via, code: String(status) }),
    requested(status) {
      cloudRequests.inc({ code: String(status) });
      if (status === 429) cloudLimited.inc();
    },
    streamed: outcome => cloudStreams.inc({ outcome }),
    notified: outcome => notifications.inc({ outcome }),
    close() {
      unsubscribe();
      registry.clear();
    },
  };
}

/** What is read when somebody asks. */
function defineGauges(
  options: MetricsOptions,
  { registry, jobs, scrape }: { registry: Registry; jobs: JobTally; scrape: { status?: StatusView } },
): void {
  const { ledger, clock, journal } = options;
  const disks = new DiskMeter(options.files, clock);
  const gauge = <L extends string>(
    name: string,
    help: string,
    labelNames: L[],
    collect: (set: (value: number, labels?: Partial<Record<L, string>>) => void) => void | Promise<void>,
  ) =>
    new Gauge<L>({
      name: `shrinkbox_${name}`,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        this.reset();
        await collect((value, labels) => this.set((labels ?? {}) as Partial<Record<L, string | number>>, value));
      },
    });

  gauge('info', 'Always 1; the version as a label.', ['version'], set => set(1, { version: options.version }));
  gauge('mode', '1 for the mode the daemon is in.', ['mode'], set => {
    const mode = scrape.status?.mode;
    for (const each of ['running', 'paused', 'draining', 'drained', 'stopping'] as const)
      set(each === mode ? 1 : 0, { mode: each });
  });
  gauge('jobs', 'Jobs known, by state and engine.', ['state', 'engine'], set => jobs.tell(set));
  gauge('queue_age_seconds', 'How long the job queued longest has been in line; 0 when none is.', [], set => {
    set(Math.max(0, oldestQueuedMs(ledger, clock.now())) / 1000);
  });
  gauge('done_saved_bytes', 'Bytes saved by all jobs done that are remembered, restarts included.', [], set => {
    const { sourceBytes, outputBytes } = ledger.totals();
    set(sourceBytes - outputBytes);
  });
  gauge('engine_ready', '1 while the engine takes jobs.', ['engine'], set => {
    for (const { name, ready } of scrape.status?.engines ?? []) set(ready ? 1 : 0, { engine: name });
  });
  gauge('engine_busy', 'Jobs in the slots of the engine.', ['engine'], set => {
    for (const { name, busy } of scrape.status?.engines ?? []) set(busy, { engine: name });
  });
  gauge('engine_slots', 'Slots of the engine.', ['engine'], set => {
    for (const { name, slots } of scrape.status?.engines ?? []) set(slots, { engine: name });
  });
  gauge('folder_available', '1 while the inbox can be read; folders are numbered as in the config.', ['folder'], set =>
    scrape.status?.folders.forEach(({ available }, i) => set(available ? 1 : 0, { folder: String(i) })),
  );
  gauge('folder_pending_files', 'Files not yet known to be complete.', ['folder'], set =>
    scrape.status?.folders.forEach(({ pending }, i) => set(pending, { folder: String(i) })),
  );
  gauge('folder_scan_age_seconds', 'Time since the inbox was last read as a whole.', ['folder'], set =>
    scrape.status?.folders.forEach(({ last_scan_age_ms: age }, i) => {
      if (age !== null) set(age / 1000, { folder: String(i) });
    }),
  );
  gauge('disk_free_bytes', 'Free space of the disk of each place.', ['place', 'folder'], async set => {
    for (const { labels, freeBytes } of await disks.read(options.places())) set(freeBytes, labels);
  });
  gauge('disk_size_bytes', 'Size of the disk of each place.', ['place', 'folder'], async set => {
    for (const { labels, totalBytes } of await disks.read(options.places())) set(totalBytes, labels);
  });
  gauge('journal_bytes', 'Size of the journal.', [], set => set(journal.size));
  gauge('journal_fsync_last_seconds', 'How long the last sync of the journal took.', [], set =>
    set(journal.fsyncStats().lastMs / 1000),
  );
  gauge('journal_fsync_pending_seconds', 'How long the write under way has taken; 0 when there is none.', [], set =>
    set(journal.fsyncStats().pendingMs / 1000),
  );
  total(registry, 'journal_fsyncs_total', 'Syncs of the journal.', () => journal.fsyncStats().count);
  total(
    registry,
    'journal_fsync_seconds_total',
    'Time spent in syncs of the journal.',
    () => journal.fsyncStats().totalMs / 1000,
  );
}

/** A counter kept elsewhere. */
function total(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name: `shrinkbox_${name}`,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

function engineOf({ decision }: Job): string {
  return decision.kind === 'skip' ? 'none' : decision.engine;
}

/** Arrival order is not the order of queueing, so all that are queued are looked at, and none when none is. */
function oldestQueuedMs(ledger: Ledger, now: number): number {
  let left = ledger.counts().queued;
  let oldest = now;
  for (const job of left > 0 ? ledger.all() : []) {
    if (job.state.name !== 'queued') continue;
    // Not its arrival: one that is tried again after a month has not been in line for a month.
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

  tell(set: (value: number, labels: { state: string; engine: string }) => void): void {
    // A state nobody is in is 0, not absent: alerts on absent series never fire.
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
