/**
 * Read me first. Builds every part from the config, wires the arrows between them, starts them in order and stops them in
 * the opposite one:
 *
 *   watcher -Sighting-> admissions -job-> scheduler -slot-> worker (engine, verify, deliver)
 *
 * with the ledger (and through it the journal) beside them as the only one who knows a job's state.
 */
import { join } from 'node:path';
import { pruneArchives } from './archive.ts';
import type { Config } from '../config/load.ts';
import { planReload, type ReloadPlan } from '../config/reload.ts';
import type { Secrets } from '../config/secrets.ts';
import type { Control, StatusView } from '../api/types.ts';
import { DaemonControl } from '../api/daemon-control.ts';
import { Thumbnails } from '../api/thumbnails.ts';
import { sweepUploads, Uploads } from '../api/uploads.ts';
import { serve } from '../api/serve.ts';
import { adviceFor, isShrinkError, policyFor } from '../core/errors.ts';
import { type Job, RESTING } from '../core/job.ts';
import { IllegalEvent } from '../core/lifecycle.ts';
import { restoreOriginal } from '../deliver/originals.ts';
import { InboxClaims } from './inbox-lock.ts';
import { createDecider } from './rulebook.ts';
import { createEngines, speaksOfNemo } from './engines.ts';
import { createExplain } from './explain.ts';
import { Folders } from './folders.ts';
import { openJournal } from '../journal/journal.ts';
import { acquireLock } from '../journal/lock.ts';
import type { OnRecord } from '../journal/replay.ts';
import { prepareStateDir } from '../journal/state-dir.ts';
import { Metrics } from '../monitor/metrics.ts';
import { Notifier } from '../notify/notify.ts';
import { deferred, every } from '../platform/async.ts';
import type { Clock } from '../platform/clock.ts';
import { findTools } from '../media/ffmpeg/tools.ts';
import { fingerprint, nodeFiles } from '../platform/files/files.ts';
import { guardedFiles } from '../platform/files/hang-guard.ts';
import { createHttp } from '../platform/http.ts';
import type { Logger } from '../platform/log.ts';
import { SpaceBook } from '../platform/files/space.ts';
import { Actions } from '../queue/actions.ts';
import { Admissions } from '../queue/admissions.ts';
import { isWithin, ReasonedGate } from '../queue/rest-gate.ts';
import { isBusy, untilIdle } from '../queue/idle.ts';
import { Ledger } from '../queue/ledger.ts';
import { replayInto } from '../queue/replaying.ts';
import { Scheduler } from '../queue/scheduler.ts';
import { createAfterRest } from '../queue/after-rest.ts';
import { createWorker } from '../queue/worker.ts';
import { Releases } from './lifetime.ts';
import { sayingWhatTakesLong } from './starting.ts';
import { stuckBecause } from './watchdog.ts';
import {
  engineViews,
  folderViews,
  logChange,
  modeOf,
  placesOf,
  restingBecause,
  totalsOf,
  watchFoldersOf,
} from './status.ts';
import { sweepLeftovers } from './sweep.ts';
import { createWatcher, type Watcher } from '../inbox/watcher.ts';
import { createStages } from './stages.ts';
import type { PauseGate } from '../platform/pause-gate.ts';

export interface DaemonOptions {
  config: Config;
  secrets: Secrets;
  clock: Clock;
  log: Logger;
  version: string;
  env: NodeJS.ProcessEnv;
  /** `run --once`: an incomplete file gets its verdict at once, and no server is opened. */
  once?: boolean;
}

export interface Daemon {
  control: Control;
  /** Resolves when nothing is left to do: no file being waited for, no job that could go on by itself soon. */
  idle(): Promise<void>;
  /**
   * Works by another configuration from now on; what runs goes on. Resolves with what counts at once and what needs a
   * restart. @throws ConfigError, with nothing changed, where the folders cannot lie to each other like that; ShrinkError
   * `locked`, with nothing changed, where another daemon watches one of them.
   */
  reload(config: Config): Promise<Pick<ReloadPlan, 'applied' | 'needsRestart'>>;
  /** Why nothing moves any more, in words, or `undefined` while all is well: what the watchdog is fed by. */
  stuck(): string | undefined;
  /** Ends gracefully: nothing new starts, children end, checkpoints stay, the journal is closed. */
  stop(): Promise<void>;
  /** Resolves with the exit code once the daemon has ended, by `stop` or because it could not go on. */
  ended: Promise<number>;
}

/** How often quiet hours and the journal's size are looked at, milliseconds. */
const HOUSEKEEPING_MS = 30_000;
/** How often archived originals are looked through for old ones, milliseconds. */
const PRUNE_MS = 6 * 3600_000;

/** @throws ShrinkError `locked`, `damaged`, `newer-version`, `tool-missing`, ...: what keeps it from starting. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const releases = new Releases(options.log);
  try {
    return await build(options, releases);
  } catch (error) {
    await releases.run();
    throw error;
  }
}

async function build(options: DaemonOptions, releases: Releases): Promise<Daemon> {
  const { clock, log, version } = options;
  let { config } = options;
  const { resolve: end, promise: ended } = deferred<number>();
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= releases.run().then(() => end(0));
    return stopping;
  };
  /** What cannot be survived ends the process; systemd starts it again, and the journal says where it was. */
  const onFatal = (error: unknown): void => {
    log.fatal({ err: error }, error instanceof Error ? error.message : String(error));
    end(exitCodeOf(error));
    stopping ??= releases.run();
  };

  const waiting = sayingWhatTakesLong(clock, log);
  await waiting('the state directory', prepareStateDir(config.stateDir));
  releases.add(await waiting('the lock', acquireLock({ stateDir: config.stateDir, version })));
  const tools = await waiting('ffmpeg to say what it can do', findTools(config.local));

  const ledger: Ledger = new Ledger({ append: entries => journal.append(entries) }, clock);
  const dir = join(config.stateDir, 'journal');
  const onRecord: OnRecord = (record, position) => replayInto(ledger, record, position);
  const journal = await waiting('the journal', openJournal({ dir, clock, log, onRecord, onFatal }));
  releases.add({ release: () => journal.close() });

  const files = guardedFiles(nodeFiles, { clock });
  const folders = new Folders(config, files);
  await waiting('the folders', folders.prepare(log));
  await waiting('the folders', folders.checkRealPaths());
  const claims = new InboxClaims(config.stateDir, files);
  releases.add(claims);
  await waiting('other daemons', claims.claim(inboxesOf(config)));
  await waiting('the folders', folders.remember(log));
  const workRoot = join(config.stateDir, 'work');
  const sweep = sweepLeftovers(config.stateDir, folders, id => progressOf(ledger.get(id)), { files, log });
  const untidied = await waiting('what a crash left behind', sweep);

  const gate = new ReasonedGate();
  let decider = createDecider(config);
  const places = () => placesOf(config);
  const metrics = new Metrics({ version, clock, files, ledger, journal, places });
  releases.add({ release: () => metrics.close() });
  const engines = await createEngines({ ...options, meter: metrics, tools });
  releases.add({ release: () => engines.nemo?.close() });
  const resight = (job: Job): void => watcher.forget(job.inbox, job.relative);
  const space = new SpaceBook({ files, minFree: config.limits.minFree });
  const stages = createStages({
    config,
    folders,
    engines,
    gate,
    tools,
    files,
    space,
    workRoot,
    get forbidden() {
      return folders.forbidden;
    },
    log,
    decide: (job, engine) => decider.again(job, engine),
    resight,
  });
  const afterRest = createAfterRest({ ledger, stages: stages, log });
  const worker = createWorker({ ledger, stages, afterRest, clock, log });
  const scheduler = new Scheduler({
    ledger,
    worker,
    clock,
    log,
    slots: config.limits,
    onFatal,
    onProgress: id => control.announceProgress(id, clock.monotonic()),
  });
  const admissions = new Admissions({
    ledger,
    log,
    decide: (sighting, version, words) => decider.decide(sighting, version, words),
    fingerprint: (path, bytes) => fingerprint(path, bytes, files),
    lookAt: path => folders.lookAt(path),
    stillThere: job => folders.stillThere(job),
    abort: (id, reason) => scheduler.abort(id, reason),
    resight,
    changed: async job => {
      scheduler.consider(job);
      await afterRest(job.id);
    },
    onFatal,
  });
  const watcher = createWatcher({
    folders: watchFoldersOf(config),
    clock,
    log,
    known: ({ inbox, relative, pin, sidecar }) => admissions.isKnown(inbox, relative, pin, sidecar),
    onSighting: sighting => admissions.offer(sighting),
    // With nobody there to wait for the rest of a file, what it is now is what counts.
    ...(options.once ? { incompleteAfterMs: 1 } : {}),
  });
  const actions = new Actions({
    ledger,
    scheduler,
    resight,
    afterRest,
    removeWorkDir: stages.removeWorkDir,
    removeReport: stages.removeReport,
    refine: (job, words) => admissions.refine(job, words),
    restoreOriginal: async job => {
      if (job.original?.kind !== 'archived') throw new IllegalEvent(`job ${job.id} has no archived original`);
      const archived = job.original.path;
      const { inbox, relative, pin } = job;
      return restoreOriginal({ job: job.id, archived, inbox, relative, sizeBytes: pin.sizeBytes, files, log });
    },
  });
  /** Why local work rests just now. */
  const resting = () => (gate.closed ? restingBecause(ledger.paused, config.limits.localHours) : undefined);
  const startedAt = clock.now();
  let page: string | null = null;
  const status = (): StatusView => ({
    version,
    running: true,
    pid: process.pid,
    started_at: startedAt,
    mode: modeOf({ stopping: stopping !== undefined, scheduler, paused: ledger.paused }),
    state_dir: config.stateDir,
    page,
    counts: ledger.counts(),
    totals: totalsOf(ledger),
    engines: engineViews(config, engines, scheduler, resting()),
    folders: folderViews(config, watcher),
  });
  const arriving = (path: string) => watcher.pending().find(file => file.path === path)?.why;
  const explain = (path: string) => createExplain({ config, folders, ledger, decider, engines, files, arriving })(path);
  const setPaused = async (paused: boolean): Promise<void> => {
    gate.set('paused', paused);
    await ledger.setPaused(paused);
    scheduler.setMode({ draining: scheduler.draining });
  };
  const control: DaemonControl = new DaemonControl({
    ...{ ledger, scheduler, actions, status, resting, explain, setPaused, clock },
  });
  releases.add({ release: () => control.close() });

  const notify = new Notifier({
    targets: () => config.notify,
    http: createHttp(),
    clock,
    log,
    onOutcome: outcome => metrics.notified(outcome),
  });
  releases.add({ release: () => notify.stop() });
  releases.add({
    release: ledger.subscribe(change => {
      if (!('job' in change)) return;
      logChange(log, change.job, change.before);
      notify.changed(change.job, change.before);
      if (RESTING.has(change.job.state.name)) admissions.rested(change.job);
    }),
  });
  if (!options.once) {
    const socketPath = join(config.stateDir, 'control.sock');
    const inboxes = () => inboxesOf(config);
    await waiting('what a crash left behind', sweepUploads(inboxes(), clock.now(), files));
    const uploads = new Uploads({ inboxes, minFree: () => config.limits.minFree, files, log });
    const parts = { uploads, thumbnails: new Thumbnails({ tools }) };
    const serving = serve({ control, socketPath, log, metering: metrics, ...parts, ...httpOf(options) });
    const server = await waiting('the control socket', serving);
    page = server.page;
    releases.add({ release: () => server.close() });
  }

  let lookedAt = clock.monotonic();
  const housekeep = () => {
    lookedAt = clock.monotonic();
    const { localHours } = config.limits;
    gate.set('hours', localHours !== undefined && !isWithin(localHours, new Date(clock.now())));
    void folders.makeMissing(log);
    if (journal.shouldCompact(ledger.size)) journal.compact([...ledger.snapshot()]).catch(onFatal);
  };
  housekeep();
  releases.add({ release: every(clock, HOUSEKEEPING_MS, housekeep) });
  const prune = () => void pruneArchives(config, ledger, clock.now(), { files, log }).catch(onFatal);
  prune();
  releases.add({ release: every(clock, PRUNE_MS, prune) });

  for (const job of ledger.all()) {
    // A crash may have come between the end of a job and its report.
    const lacksReport = (job.state.name === 'failed' || job.state.name === 'held') && !job.report;
    if (lacksReport || untidied.has(job.id)) await afterRest(job.id);
  }
  gate.set('paused', ledger.paused);
  scheduler.start();
  releases.add({ release: () => scheduler.stop() });
  releases.add({ release: () => admissions.stop() });
  await waiting('the first look into the inboxes', watcher.start());
  releases.add({ release: () => watcher.stop() });
  log.info({ version, jobs: ledger.size, state: config.stateDir }, 'shrinkbox is watching');

  const reload = async (next: Config): Promise<Pick<ReloadPlan, 'applied' | 'needsRestart'>> => {
    const { effective, applied, needsRestart } = planReload(config, next);
    await new Folders(effective, files).checkRealPaths();
    await claims.claim(inboxesOf(effective));
    config = effective;
    folders.use(config);
    await folders.prepare(log);
    await folders.remember(log);
    decider = createDecider(config);
    scheduler.setSlots(config.limits);
    space.leaveFree(config.limits.minFree);
    log.level = config.log.level;
    housekeep();
    await watcher.setFolders(watchFoldersOf(config));
    prune();
    control.announceStatus();
    const cloudLater = speaksOfNemo(config) && !engines.nemo ? ['engine: nemo (not used so far)'] : [];
    return { applied, needsRestart: [...needsRestart, ...cloudLater] };
  };
  const stuck = () =>
    stuckBecause({
      overdue: watcher.folders(),
      syncingMs: journal.fsyncStats().pendingMs,
      sinceHousekeepingMs: clock.monotonic() - lookedAt,
      housekeepingMs: HOUSEKEEPING_MS,
    });

  return {
    control,
    stop,
    ended,
    reload,
    stuck,
    idle: () => Promise.race([idle(watcher, admissions, ledger, gate), ended.then(() => {})]),
  };
}

/** Files become settled, settled files jobs, and jobs may end in a state that has the file looked at again. */
async function idle(watcher: Watcher, admissions: Admissions, ledger: Ledger, gate: PauseGate): Promise<void> {
  do {
    await watcher.settled();
    await admissions.onIdle();
    await untilIdle(ledger, gate);
  } while (watcher.pending().some(file => !file.held) || !admissions.idle || isBusy(ledger, gate));
}

function inboxesOf({ folders }: Config): string[] {
  return folders.map(folder => folder.inbox);
}

/** Where the API is offered besides the socket, and the token it asks for. */
function httpOf({ config, secrets, env }: DaemonOptions) {
  const { listen } = config.http;
  return { env, token: secrets.httpToken, ...(listen === 'off' ? {} : { listen }) };
}

/** A held job keeps its working files: after a person acted, it may go on from them. */
function progressOf(job: Job | undefined): 'unknown' | 'unfinished' | 'finished' {
  if (!job) return 'unknown';
  return RESTING.has(job.state.name) && job.state.name !== 'held' ? 'finished' : 'unfinished';
}

function exitCodeOf(error: unknown): number {
  return isShrinkError(error) && adviceFor(error.code).kind === 'stop' ? policyFor(error.code).exitCode : 1;
}
