import type { ActionView, Control, JobView } from '../api/types.ts';
import type { Daemon } from '../app/daemon.ts';
import type { Configuration, ReloadOutcome } from '../app/settings.ts';
import { reportToSystemd, type StatusLine } from '../app/watchdog.ts';
import type { Config } from '../config/load.ts';
import { isShrinkError } from '../core/errors.ts';
import { escapeForTerminal } from '../core/escape.ts';
import { plural } from '../core/units.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { SystemdNotifier } from '../platform/systemd.ts';
import { rulesOf } from '../config/libraries.ts';
import { ruleLine } from './check.ts';
import { askedLines, remarkOf } from './jobs.ts';
import type { Context, Define } from './support/context.ts';
import { errorLines } from './support/error-output.ts';
import { EXIT } from './support/exit-codes.ts';
import { exitCodeOf, listenForStops, type Stops } from './support/signals.ts';
import { table } from './support/terminal.ts';

export const defineRun: Define = (program, action) => {
  program
    .command('run')
    .description('run the daemon: watch the inboxes and compress what appears there, until Ctrl-C')
    .option('--once', 'process what is in the inboxes now, then exit')
    .action(action((context, options: { once?: boolean }) => run(context, options.once === true)));
};

/** Requested from systemd at start and stop: replaying a large journal or ending an encode can take this long. */
const SLOW_MS = 90_000;

async function run(context: Context, once: boolean): Promise<number> {
  const { io, version } = context;
  const config = await context.loadConfig();
  const secrets = await context.loadSecrets(config);
  const { createLogger } = await import('../platform/log.ts');
  const log = createLogger(config.log);
  const notifier = new SystemdNotifier({ env: io.env, log });
  const reloads = new Reloads();
  const hasTerminal = io.stdout.isTTY === true || io.stderr.isTTY === true;
  const stops = listenForStops(io.signals, once || hasTerminal ? undefined : () => void reloads.request());
  let stopTelling = () => {};
  const stopExtending = keepExtendingTimeout(io.clock, notifier);
  try {
    const startedAt = io.clock.now();
    const configuration: Configuration = {
      parse: text => context.parseConfig(text, config.source),
      reload: () => reloads.request(),
    };
    const options = { config, configuration, secrets, clock: io.clock, log, version, once };
    const start = () => context.parts.startDaemon(options);
    const { startWhenRoom } = await import('./support/start-when-room.ts');
    const starting = once ? start() : startWhenRoom(start, { clock: io.clock, log, notifier, stops });
    const daemon = await Promise.race([starting, stops.requested]);
    // Leaving in the middle of a start loses nothing: the journal was only read.
    if (typeof daemon === 'string') return exitCodeOf(daemon);
    stopExtending();
    const status = reportToSystemd({ daemon, notifier, clock: io.clock, log });
    const source = config.source ?? undefined;
    reloads.start(() => reload({ context, daemon, notifier, status, log, source }));
    if (!once) await printBanner(context, config, daemon.control);
    if (io.stderr.isTTY) {
      const { keepTelling } = await import('./support/telling.ts');
      stopTelling = keepTelling(daemon.control, { clock: io.clock, log });
    }
    const code = await untilEnd({ context, daemon, notifier, stops, once });
    await reloads.stop();
    status.close();
    return once && code === EXIT.fine ? await printSummary(context, daemon.control, startedAt) : code;
  } finally {
    stopTelling();
    stopExtending();
    stops.close();
    await notifier.flush();
  }
}

/** Keeps systemd from giving up on a long start (replaying a journal of years takes a while), until the returned function is called. */
function keepExtendingTimeout(clock: Clock, notifier: SystemdNotifier): () => void {
  let cancel = () => {};
  const extend = () => {
    notifier.extendTimeout(SLOW_MS);
    cancel = clock.after(SLOW_MS / 3, extend);
  };
  if (notifier.active) extend();
  return () => cancel();
}

interface RunningDaemon {
  context: Context;
  daemon: Daemon;
  notifier: SystemdNotifier;
}

/** Resolves with the exit code once the daemon has ended: that of a failure while stopping, else that of its end. */
async function untilEnd(running: RunningDaemon & { stops: Stops; once: boolean }): Promise<number> {
  const { context, daemon, notifier, stops, once } = running;
  const reasons: Promise<number | NodeJS.Signals>[] = [daemon.ended, stops.requested];
  if (once) reasons.push(daemon.idle().then(() => EXIT.fine));
  const first = await Promise.race(reasons);
  notifier.stopping();
  notifier.extendTimeout(SLOW_MS);
  if (typeof first === 'string') context.printErr('stopping; a second signal stops at once, and loses nothing');
  const ended = daemon.stop().then(() => daemon.ended);
  const last = await Promise.race([ended, stops.forced]);
  if (typeof last === 'string') {
    await killChildren();
    return exitCodeOf(last);
  }
  if (last !== EXIT.fine) return last;
  return typeof first === 'string' ? exitCodeOf(first) : first;
}

/** If the system has setpriv, encoders die with us; otherwise they would be left behind. */
async function killChildren(): Promise<void> {
  const { activeChildren } = await import('../platform/process/run-child.ts');
  for (const { pid } of activeChildren()) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has already ended.
    }
  }
}

/** Where to drop files and where results appear, on stdout; logs go to stderr. */
async function printBanner(context: Context, config: Config, control: Control): Promise<void> {
  if (context.json) return context.printJson(control.status());
  const { paint } = context;
  context.print(paint('bold', `shrinkbox ${context.version} is watching.`));
  for (const folder of config.folders) {
    context.print(`  drop videos into    ${paint('cyan', escapeForTerminal(folder.inbox))}`);
    context.print(`  results appear in   ${paint('cyan', escapeForTerminal(folder.outbox))}`);
    for (const rule of rulesOf(folder, config)) context.print(`  rule                ${ruleLine(rule, config)}`);
  }
  for (const { library } of config.libraries)
    context.print(`  library             ${paint('cyan', escapeForTerminal(library))}, by \`shrinkbox library\` alone`);
  context.print(
    `  configuration       ${config.source === null ? 'built-in defaults (shrinkbox init writes a file)' : escapeForTerminal(config.source)}`,
  );
  const { pageLines } = await import('./support/page-link.ts');
  for (const line of pageLines(context, config, control.status())) context.print(line);
  context.print('  status              shrinkbox status; Ctrl-C stops it');
}

/** What `--once` did. Exit code 3 when a job failed in this run, or when one is held. */
async function printSummary(context: Context, control: Control, since: number): Promise<number> {
  const jobs = control.jobs();
  const touched = jobs.filter(job => job.updated_at >= since).reverse();
  const needAttention = jobs.filter(
    job => job.state === 'held' || waitsForAccount(job) || (job.state === 'failed' && job.updated_at >= since),
  );
  if (context.json) context.printJson(touched);
  else {
    const rows = touched.map(job => [
      escapeForTerminal(job.id),
      job.state,
      escapeForTerminal(job.source),
      remarkOf(job, context.io.clock.now()),
    ]);
    for (const line of table(rows, context.columns)) context.print(line);
    for (const line of askedLines(await askedOnce(touched, control))) context.print(line);
    if (touched.length === 0) context.print('nothing to do');
  }
  if (needAttention.length === 0) return EXIT.fine;
  const ids = needAttention.map(job => escapeForTerminal(job.id)).join(', ');
  context.printErr(`shrinkbox: ${plural(needAttention.length, 'job needs', 'jobs need')} attention: ${ids}`);
  return EXIT.unfinished;
}

/** It goes on once a person has done something about the account. */
function waitsForAccount({ state, action }: JobView): boolean {
  return state === 'waiting' && action !== null;
}

/** What a person is asked to do, without a promise that only a daemon keeps. */
async function askedOnce(jobs: readonly JobView[], control: Control): Promise<(ActionView | null)[]> {
  const { hintOnce } = await import('../app/hints-once.ts');
  return jobs.map(({ id, action }) => {
    const once = hintOnce(control.job(id)?.messages?.action);
    return action && once ? { ...action, text: once.text } : action;
  });
}

const NOTHING_CHANGED: ReloadOutcome = { applied: [], needsRestart: [] };

/** One reload at a time. A request during a reload, or before the start is over, is served once afterwards. */
class Reloads {
  #reload: (() => Promise<ReloadOutcome>) | undefined;
  #requested = false;
  #working: Promise<ReloadOutcome> | undefined;

  /** Resolves with what the last reload came to; at once while the daemon starts. */
  async request(): Promise<ReloadOutcome> {
    this.#requested = true;
    if (this.#reload) this.#working ??= this.#work(this.#reload);
    return (await this.#working) ?? NOTHING_CHANGED;
  }

  start(reload: () => Promise<ReloadOutcome>): void {
    this.#reload = reload;
    if (this.#requested) void this.request();
  }

  /** Resolves when the reload under way is over; starts no other. */
  async stop(): Promise<void> {
    this.#reload = undefined;
    await this.#working;
  }

  async #work(reload: () => Promise<ReloadOutcome>): Promise<ReloadOutcome> {
    let outcome = NOTHING_CHANGED;
    await Promise.resolve();
    try {
      while (this.#requested && this.#reload) {
        this.#requested = false;
        outcome = await reload();
      }
      return outcome;
    } finally {
      this.#working = undefined;
    }
  }
}

/**
 * Loads the configuration again, on SIGHUP, from the file it came from: an editor may have emptied that for a moment, and
 * another file is never taken instead. An invalid one changes nothing; its mistakes are logged line by line.
 */
async function reload(
  running: RunningDaemon & { status: StatusLine; log: Logger; source?: string },
): Promise<ReloadOutcome> {
  const { context, daemon, notifier, status, log } = running;
  notifier.reloading();
  try {
    const config = await context.reloadConfig(running.source);
    const { applied, needsRestart } = await daemon.reload(config);
    log.info(
      { applied },
      applied.length > 0
        ? `configuration reloaded: ${applied.join(', ')} changed`
        : 'configuration reloaded: nothing changed',
    );
    if (needsRestart.length > 0) {
      log.warn({ keys: needsRestart }, `restart shrinkbox to apply the new ${needsRestart.join(', ')}`);
    }
    status.remark(needsRestart.length > 0 ? `restart needed for ${needsRestart.join(', ')}` : '');
    return { applied, needsRestart };
  } catch (error) {
    if (!isShrinkError(error)) throw error;
    for (const line of errorLines(error)) log.error(line);
    log.error('the new configuration is invalid; still using the previous one');
    status.remark('the new configuration has mistakes and is not used, see the log');
    return { ...NOTHING_CHANGED, refused: error };
  } finally {
    notifier.ready();
  }
}
