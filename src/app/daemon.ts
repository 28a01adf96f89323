/**
 * Start reading here. A file passes through these rooms of src/, in this order:
 *
 *   inbox/watcher.ts        notices it; inbox/stability.ts waits until it no longer changes
 *   inbox/inspect.ts        accepts it as complete once media/completeness/index.ts finds nothing missing
 *   queue/admissions.ts     makes it a job, as rules/decide.ts says; queue/ledger.ts holds the jobs and alone writes journal/journal.ts
 *   queue/scheduler.ts      gives the job a slot; queue/worker.ts takes it through the rooms below, and queue/failure-policy.ts
 *                           decides what follows an error
 *   engine/local/engine.ts  encodes on this machine: engine/local/plan/strategy.ts decides how, engine/local/encode/rate-control.ts
 *                           spends the size asked for, engine/local/run/picture-args.ts turns that into -b:v
 *   engine/nemo/engine.ts   has the cloud service do it; engine/nemo/http/rate-limit.ts waits out a 429, or sends the job back to
 *                           the queue if that takes more than two minutes
 *   verify/verify.ts        decodes the result and checks what the engine promised
 *   deliver/deliver.ts      gives it its final name in the outbox; deliver/originals.ts keeps, archives or deletes the original
 *
 * api/serve.ts answers the command line and the page meanwhile, monitor/metrics.ts counts, notify/notify.ts calls webhooks.
 *
 * `start` below builds all this in order, each part from those before it. Whatever must flow back is an event (QueueEvents) or is
 * read when needed (LiveConfig). Each part registers with `life` how to close it; the last one is closed first. This room, app/,
 * may import every other one except commands/.
 */
import { EventEmitter } from 'node:events';
import { AfterCommands, commandsDue } from '../after/after.ts';
import type { Control } from '../api/types.ts';
import type { Config } from '../config/load.ts';
import type { ReloadPlan } from '../config/reload.ts';
import type { Secrets } from '../config/secrets.ts';
import type { Watcher } from '../inbox/watcher.ts';
import { findTools } from '../media/ffmpeg/tools.ts';
import { Metrics } from '../monitor/metrics.ts';
import type { Clock } from '../platform/clock.ts';
import { nodeFiles } from '../platform/files/files.ts';
import { guardedFiles } from '../platform/files/hang-guard.ts';
import type { Logger } from '../platform/log.ts';
import { isBusy, untilIdle } from '../queue/idle.ts';
import type { Ledger } from '../queue/ledger.ts';
import { openControl } from './control.ts';
import { createEngines, type Engines, usesNemo } from './engines.ts';
import type { Fleet } from './fleet.ts';
import { diskPathsOf, openFolders } from './folders.ts';
import { Housekeeping, HOUSEKEEPING_MS, type HousekeepingOptions, sweepLeftovers } from './housekeeping.ts';
import { openInbox } from './inbox.ts';
import { Libraries } from './library.ts';
import { Lifetime } from './lifetime.ts';
import type { Configuration } from './settings.ts';
import { LiveConfig } from './live-config.ts';
import { Queue, type QueueEvents, type QueueOptions } from './queue.ts';
import { SetClock } from './set-clock.ts';
import { mustNotBeRefused, startFacts } from './start-checks.ts';
import { openState } from './state.ts';
import { stuckBecause } from './watchdog.ts';

export interface DaemonOptions {
  config: Config;
  /** What the page needs to change the file; absent where nothing is changed. */
  configuration?: Configuration | undefined;
  secrets: Secrets;
  clock: Clock;
  log: Logger;
  version: string;
  /** `run --once`: an incomplete file is judged at once, and no server is opened. */
  once?: boolean;
}

export interface Daemon {
  control: Control;
  /** Resolves when nothing is left to do: no file is pending, and no job will continue by itself soon. */
  idle(): Promise<void>;
  /**
   * Switches to another configuration; what is running continues. Resolves with the keys that take effect at once and those
   * that need a restart. @throws ConfigError where links make folders overlap, ShrinkError `locked` where another daemon
   * watches one of them; then nothing has changed.
   */
  reload(config: Config): Promise<Pick<ReloadPlan, 'applied' | 'needsRestart'>>;
  /** Why no work can progress; `undefined` while all is well. The watchdog is fed accordingly. */
  stuck(): string | undefined;
  /** Stops gracefully: nothing new starts, children end, checkpoints stay, the journal is closed. */
  stop(): Promise<void>;
  /** Resolves with the exit code once the daemon has ended, through `stop` or an error it cannot survive. */
  ended: Promise<number>;
}

/** @throws ShrinkError `locked`, `damaged`, `newer-version`, `tool-missing`, ...: whatever prevents the start. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const life = new Lifetime(options);
  try {
    return await start(options, life);
  } catch (error) {
    await life.close();
    throw error;
  }
}

async function start(options: DaemonOptions, life: Lifetime): Promise<Daemon> {
  const { clock, log, version, once = false } = options;
  const live = new LiveConfig(options.config);
  live.onChange(config => void (log.level = config.log.level));
  const events: QueueEvents = new EventEmitter();

  const files = guardedFiles(nodeFiles, { clock, giveUp: life.giveUp });
  const hasHttpToken = options.secrets.httpToken !== undefined;
  const facts = startFacts({ config: options.config, hasHttpToken, listens: !once, files });
  mustNotBeRefused(await life.starting('the folders', facts));

  const state = await openState(options.config.stateDir, { clock, log, version, life });
  const { journal, ledger } = state;
  const finding = findTools({ ...options.config.local, cacheDir: options.config.stateDir });
  const tools = await life.starting('ffmpeg to list its features', finding);
  for (const { isGood, said, fix } of tools.hardware?.findings ?? [])
    log[isGood ? 'info' : 'warn']({ fix: fix?.text }, said.text);
  const base = { ...options, live, life, state, tools, files, events };

  const folders = await openFolders(base);
  const sweeping = sweepLeftovers({ stateDir: state.dir, folders, ledger, files, log });
  const interruptedEnds = await life.starting('the removal of what a crash left behind', sweeping);

  const metrics = new Metrics({ version, clock, files, ledger, journal, places: () => diskPathsOf(live.current) });
  life.defer(() => metrics.close());
  const made = await openEngines(base, metrics);

  const queue = new Queue({ ...base, ...made, folders });
  const housekeeping = housekeepingFor({ ...base, folders, queue });
  const watcher = openInbox({ ...base, queue, once });
  const stuck = () =>
    stuckBecause({
      overdue: watcher.folders(),
      syncingMs: journal.fsyncStats().pendingMs,
      sinceHousekeepingMs: housekeeping.sinceLastRunMs,
      housekeepingMs: HOUSEKEEPING_MS,
    });
  const libraries = new Libraries({ ...base, ...made, folders, queue });
  const parts = { ...base, ...made, folders, queue, watcher, metrics, libraries, stuck };
  const control = await openControl(parts, { serves: !once });

  ledger.alsoRecord((job, before) => commandsDue(job, before, live.current.after));
  housekeeping.start();
  await queue.start(interruptedEnds);
  if (!once) await life.starting('the libraries', libraries.start());
  // Whoever runs it again has done what the last run asked for.
  if (once) queue.scheduler.resumeEngine('nemo');
  await life.starting('the first scan of the inboxes', watcher.start());
  life.defer(() => watcher.stop());
  const commands = await startCommands(base);
  log.info({ version, jobs: ledger.size, state: state.dir }, 'shrinkbox is watching');

  return {
    control,
    ended: life.ended,
    stop: () => life.stop(),
    idle: () => Promise.race([idle(watcher, queue, { ledger, commands }), life.ended.then(() => {})]),
    async reload(config) {
      const { applied, needsRestart } = await live.reload(config);
      const isNemoNew = usesNemo(live.current) && !made.engines.nemo;
      return { applied, needsRestart: [...needsRestart, ...(isNemoNew ? ['engine: nemo (not used so far)'] : [])] };
    },
    stuck,
  };
}

/** The engines, and the workers of the fleet: their code is loaded only where the configuration has one. */
async function openEngines(
  base: DaemonOptions & Pick<QueueOptions, 'state' | 'life' | 'tools'>,
  meter: Metrics,
): Promise<{ engines: Engines; fleet: Fleet | undefined }> {
  const { config, state, life } = base;
  const opening = config.fleet && (await import('./fleet.ts')).openFleet;
  const more = { stateDir: state.dir, ledger: state.ledger };
  const fleet = config.fleet && (await opening?.({ ...base, ...more, fleet: config.fleet, meter: meter.fleet() }));
  const engines = await createEngines({ ...base, meter, coordinator: fleet?.coordinator });
  life.defer(() => engines.nemo?.close());
  return { engines, fleet };
}

function housekeepingFor(
  base: Omit<HousekeepingOptions, 'gate' | 'endMissing' | 'sweepCancelled' | 'setClock'> & { queue: Queue },
) {
  const { state, clock, files, log } = base;
  const { gate, admissions, sweepCancelled } = base.queue;
  const setClock = new SetClock({ stateDir: state.dir, clock, files, log });
  return new Housekeeping({ ...base, gate, setClock, sweepCancelled, endMissing: () => admissions.endMissing() });
}

/** Started last, so that it ends first: what is due after that is for the next start. */
async function startCommands({
  live,
  state,
  clock,
  log,
  life,
}: Pick<QueueOptions, 'live' | 'state' | 'clock' | 'log' | 'life'>): Promise<AfterCommands> {
  const { ledger } = state;
  const commands = new AfterCommands({
    ...{ commands: () => live.current.after, ledger, env: process.env, clock, log, onFatal: life.fail },
  });
  life.defer(() => commands.stop());
  await commands.start();
  return commands;
}

/** In rounds, because files become jobs, and a job that ends may send its file back to the watcher. */
async function idle(
  watcher: Watcher,
  { admissions, gate }: Queue,
  { ledger, commands }: { ledger: Ledger; commands: AfterCommands },
): Promise<void> {
  do {
    await watcher.settled();
    await admissions.onIdle();
    await untilIdle(ledger, gate);
    await commands.onIdle();
  } while (watcher.pending().some(file => !file.held) || !admissions.idle || isBusy(ledger, gate));
}
