/**
 * Start reading here. A file passes through these rooms of src/, in this order:
 *
 *   inbox/watcher.ts        notices it; inbox/stability.ts waits until it no longer changes
 *   inbox/inspect.ts        accepts it as complete once media/completeness/index.ts finds nothing missing
 *   queue/admissions.ts     makes it a job, as rules/decide.ts says; queue/ledger.ts holds the jobs and alone writes journal/journal.ts
 *   queue/scheduler.ts      gives the job a slot; queue/worker.ts takes it through the rooms below, and queue/failure-policy.ts
 *                           decides what follows an error
 *   engine/local/engine.ts  encodes on this machine: engine/local/plan/strategy.ts decides how, engine/local/encode/rate-control.ts
 *                           spends the size asked for, engine/local/run/ffmpeg-args.ts turns that into -b:v
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
import { createEngines, usesNemo } from './engines.ts';
import { diskPathsOf, openFolders } from './folders.ts';
import { Housekeeping, HOUSEKEEPING_MS, sweepLeftovers } from './housekeeping.ts';
import { openInbox } from './inbox.ts';
import { Lifetime } from './lifetime.ts';
import { LiveConfig } from './live-config.ts';
import { Queue, type QueueEvents } from './queue.ts';
import { mustNotBeRefused, startFacts } from './start-checks.ts';
import { openState } from './state.ts';
import { stuckBecause } from './watchdog.ts';

export interface DaemonOptions {
  config: Config;
  secrets: Secrets;
  clock: Clock;
  log: Logger;
  version: string;
  env: NodeJS.ProcessEnv;
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
  const base = { ...options, live, life, state, tools, files, events };

  const folders = await openFolders(base);
  const sweeping = sweepLeftovers({ stateDir: state.dir, folders, ledger, files, log });
  const interruptedEnds = await life.starting('the removal of what a crash left behind', sweeping);

  const metrics = new Metrics({ version, clock, files, ledger, journal, places: () => diskPathsOf(live.current) });
  life.defer(() => metrics.close());
  const engines = await createEngines({ ...base, meter: metrics });
  life.defer(() => engines.nemo?.close());

  const queue = new Queue({ ...base, folders, engines });
  const housekeeping = new Housekeeping({ ...base, folders, gate: queue.gate });
  const watcher = openInbox({ ...base, queue, once });
  const control = await openControl({ ...base, folders, engines, queue, watcher, metrics }, { serves: !once });

  housekeeping.start();
  await queue.start(interruptedEnds);
  await life.starting('the first scan of the inboxes', watcher.start());
  life.defer(() => watcher.stop());
  log.info({ version, jobs: ledger.size, state: state.dir }, 'shrinkbox is watching');

  return {
    control,
    ended: life.ended,
    stop: () => life.stop(),
    idle: () => Promise.race([idle(watcher, queue, ledger), life.ended.then(() => {})]),
    async reload(config) {
      const { applied, needsRestart } = await live.reload(config);
      const isNemoNew = usesNemo(live.current) && !engines.nemo;
      return { applied, needsRestart: [...needsRestart, ...(isNemoNew ? ['engine: nemo (not used so far)'] : [])] };
    },
    stuck: () =>
      stuckBecause({
        overdue: watcher.folders(),
        syncingMs: journal.fsyncStats().pendingMs,
        sinceHousekeepingMs: housekeeping.sinceLastRunMs,
        housekeepingMs: HOUSEKEEPING_MS,
      }),
  };
}

/** In rounds, because files become jobs, and a job that ends may send its file back to the watcher. */
async function idle(watcher: Watcher, { admissions, gate }: Queue, ledger: Ledger): Promise<void> {
  do {
    await watcher.settled();
    await admissions.onIdle();
    await untilIdle(ledger, gate);
  } while (watcher.pending().some(file => !file.held) || !admissions.idle || isBusy(ledger, gate));
}
