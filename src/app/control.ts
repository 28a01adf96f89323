/** Builds what people see of the daemon: its status, the control socket, the page, and the log lines and notifications about jobs. */
import { join } from 'node:path';
import { DaemonControl } from '../api/daemon-control.ts';
import { serve, type Serving } from '../api/serve.ts';
import { type Delivered, Results } from '../api/results.ts';
import { Thumbnails } from '../api/thumbnails.ts';
import { sweepUploads } from '../api/upload-file.ts';
import { UploadRecords } from '../api/upload-records.ts';
import { Uploads } from '../api/uploads.ts';
import { allFolders } from '../config/libraries.ts';
import type { Secrets } from '../config/secrets.ts';
import { extensionOf } from '../core/file-names.ts';
import type { Job } from '../core/job.ts';
import { reasonOf } from '../core/lifecycle.ts';
import { formatSaving } from '../core/saving.ts';
import type { Watcher } from '../inbox/watcher.ts';
import type { Tools } from '../media/ffmpeg/tools.ts';
import type { Metrics } from '../monitor/metrics.ts';
import { Notifier } from '../notify/notify.ts';
import type { Clock } from '../platform/clock.ts';
import type { Files } from '../platform/files/files.ts';
import { createHttp } from '../platform/http.ts';
import type { Logger } from '../platform/log.ts';
import type { Engines } from './engines.ts';
import { explainFile, explainOnPage, inNoInbox, pinAsked } from './explain.ts';
import { Explanations } from './explanations.ts';
import { type Folders, inboxesOf } from './folders.ts';
import type { Libraries } from './library.ts';
import type { Lifetime } from './lifetime.ts';
import type { LiveConfig } from './live-config.ts';
import type { Queue, QueueEvents } from './queue.ts';
import { type Configuration, Settings } from './settings.ts';
import type { State } from './state.ts';
import { DaemonStatus, type StatusOptions } from './status.ts';
import { understand } from './understood.ts';

export interface ControlOptions {
  version: string;
  configuration?: Configuration | undefined;
  secrets: Secrets;
  live: LiveConfig;
  state: State;
  folders: Folders;
  engines: Engines;
  queue: Queue;
  watcher: Watcher;
  metrics: Metrics;
  fleet?: StatusOptions['fleet'];
  libraries: Libraries;
  tools: Tools;
  files: Files;
  events: QueueEvents;
  clock: Clock;
  log: Logger;
  life: Lifetime;
  /** Why no work can progress; `undefined` while all is well. */
  stuck(): string | undefined;
}

/**
 * @param options.serves whether the socket and the page are opened.
 * @throws ShrinkError `locked` when another daemon answers at the socket; `config-invalid` for an open address without token.
 */
export async function openControl(options: ControlOptions, { serves }: { serves: boolean }): Promise<DaemonControl> {
  const { live, state, queue, watcher, events, clock, life } = options;
  const { ledger } = state;
  const { scheduler, actions } = queue;
  const status = new DaemonStatus(options);
  const arriving = (path: string) =>
    [...queue.admissions.pending(), ...watcher.pending()].find(file => file.path === path)?.why;
  const context = { ...options, ledger, rulebook: queue.rulebook, arriving };
  const explanations = new Explanations({
    identify: question => pinAsked(question, context),
    explain: ({ path, onPage }, signal) => (onPage ? explainOnPage : explainFile)(path, context, signal),
  });
  const control = new DaemonControl({
    ledger,
    scheduler,
    actions,
    status: () => status.view(),
    currentMode: () => status.mode(),
    isStuck: stuckTeller(options),
    resting: () => status.resting(),
    explain: async (path, asked) =>
      // At once, so that not even the time tells anything.
      (asked?.onPage && inNoInbox(path, options.folders)) || explanations.explain(path, asked),
    understood: asked => understand(asked, { ...options, ledger, rulebook: queue.rulebook }),
    folders: () => allFolders(live.current),
    setPaused: paused => queue.setPaused(paused),
    libraries: options.libraries,
    clock,
    log: options.log,
  });
  life.defer(() => control.close());
  events.on('progress', id => control.announceProgress(id, clock.monotonic()));
  live.onChange(() => control.announceStatus());
  announceChanges(options);
  if (serves) status.server = await openServer(control, options);
  return control;
}

/** The log says why, once each time: who asks for the health may be anybody. */
function stuckTeller({ stuck, log }: Pick<ControlOptions, 'stuck' | 'log'>): () => boolean {
  let wasStuck = false;
  return () => {
    const why = stuck();
    if (why !== undefined && !wasStuck) log.error(`no work can progress: ${why}`);
    wasStuck = why !== undefined;
    return wasStuck;
  };
}

/** Has every state change of a job logged, and sends its end to the addresses of `notify`. */
function announceChanges({ live, state, metrics, clock, log, life }: ControlOptions): void {
  const notify = new Notifier({
    targets: () => live.current.notify,
    http: createHttp(),
    clock,
    log,
    onOutcome: outcome => metrics.notified(outcome),
  });
  life.defer(() => notify.stop());
  const unsubscribe = state.ledger.subscribe(change => {
    if (!('job' in change)) return;
    logChange(log, change.job, change.before);
    notify.changed(change.job, change.before);
  });
  life.defer(unsubscribe);
}

/** One line per change of state, with the job's id. */
function logChange(log: Logger, job: Job, before: Job | undefined): void {
  const { state } = job;
  const isNewStep = before && 'step' in state && 'step' in before.state && state.step !== before.state.step;
  if (state.name === before?.state.name && !isNewStep) return;
  const fields = { job: job.id, file: job.relative, state: state.name };
  const reason = reasonOf(job);
  const because = { reason: reason?.text, hint: reason?.hint };
  switch (state.name) {
    case 'done':
      return log.info(
        { ...fields, output: state.output, how: state.how, notes: state.notes, original: job.original?.kind ?? 'left' },
        `done: ${formatSaving(job.relative, job.pin.sizeBytes, state.outputBytes)}`,
      );
    case 'running':
      return log.info({ ...fields, engine: state.engine }, `running: ${state.step}`);
    case 'waiting':
      return log.info({ ...fields, ...because, until: new Date(state.until).toISOString() }, 'waiting');
    case 'held':
    case 'failed':
    case 'in-doubt':
      return log.warn({ ...fields, ...because }, state.name);
    default:
      return log.info({ ...fields, ...because }, state.name);
  }
}

function deliveredBy(job: Job | undefined): Delivered | undefined {
  if (job?.state.name !== 'done') return undefined;
  const { output, outputBytes, outputIno } = job.state;
  const mtimeMs = Number(BigInt(job.pin.mtimeNs) / 1_000_000n);
  return { path: output, bytes: outputBytes, ino: outputIno, mtimeMs };
}

/** What a browser may be able to play. */
const TYPES: Readonly<Record<string, string>> = {
  mp4: 'video/mp4',
  m4v: 'video/mp4',
  mov: 'video/mp4',
  webm: 'video/webm',
};

/** The source of a result: where it was, or in the archive. */
function originalOf(job: Job | undefined): Delivered | undefined {
  if (job?.state.name !== 'done' || job.original?.kind === 'deleted') return undefined;
  const { path: where, pin, original } = job;
  const path = original?.path ?? where;
  const type = TYPES[extensionOf(path)] ?? 'application/octet-stream';
  return { path, bytes: pin.sizeBytes, ino: pin.ino, mtimeMs: Number(BigInt(pin.mtimeNs) / 1_000_000n), type };
}

async function openServer(control: DaemonControl, options: ControlOptions): Promise<Serving> {
  const { live, state, folders, metrics, secrets, tools, files, clock, log, life } = options;
  const inboxes = () => inboxesOf(live.current);
  await life.starting('the removal of unfinished uploads', sweepUploads(inboxes(), clock.now(), files));
  const records = new UploadRecords(join(state.dir, 'uploads'));
  await records.sweep(clock.now());
  const { listen, publicUrl } = live.current.http;
  const uploads = new Uploads({
    inboxes,
    minFree: () => live.current.limits.minFree,
    mustBeMounted: inbox => folders.mustBeMounted(inbox),
    records,
    files,
    log,
  });
  life.defer(() => uploads.close());
  const opening = serve({
    control,
    socketPath: join(state.dir, 'control.sock'),
    listen: listen === 'off' ? undefined : listen,
    token: secrets.httpToken,
    publicUrl,
    metering: metrics,
    uploads,
    thumbnails: new Thumbnails({ tools, open: path => folders.openFile(path) }),
    results: new Results({
      find: id => deliveredBy(state.ledger.get(id)),
      open: path => folders.openResult(path),
      clock,
    }),
    originals: new Results({
      of: 'original',
      find: id => originalOf(state.ledger.get(id)),
      open: path => folders.openResult(path),
      clock,
    }),
    settings: new Settings({ ...options, ledger: state.ledger, rulebook: options.queue.rulebook }),
    log,
    clock,
    onPage: () => control.announceStatus(),
  });
  const server = await life.starting('the control socket', opening);
  life.defer(() => server.close());
  return server;
}
