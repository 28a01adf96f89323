import type { Config } from '../config/load.ts';
import type { Control } from '../control/control.ts';
import type { JobView } from '../core/job.ts';
import { isShrinkError } from '../core/errors.ts';
import type { Daemon } from '../daemon.ts';
import type { Logger } from '../platform/log.ts';
import { createNotifier, type Notifier } from '../platform/systemd.ts';
import { ruleLine, rulesOf } from './check.ts';
import type { Context, Define } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { remarkOf } from './jobs.ts';
import { tell } from './problem.ts';
import { exitCodeOf, listenForStops, type Stops } from './signals.ts';
import { plural, safe, table } from './text.ts';

export const defineRun: Define = (program, action) => {
  program
    .command('run')
    .description('the daemon: watch the inboxes and work, until Ctrl-C')
    .option('--once', 'work through what is there and exit')
    .action(action((context, options: { once?: boolean }) => run(context, options.once === true)));
};

/** Granted by systemd at start and stop: replaying a large journal or ending an encode may take its time. */
const SLOW_MS = 90_000;
/** systemd is told the counts at most this often, milliseconds: each time is a process. */
const STATUS_EVERY_MS = 5_000;

async function run(context: Context, once: boolean): Promise<number> {
  const { io, version } = context;
  const config = await context.loadConfig();
  const secrets = await context.loadSecrets(config);
  const { createLogger } = await import('../platform/log.ts');
  const log = createLogger(config.log);
  const notifier = createNotifier({ env: io.env, log });
  const reloads = new Reloads();
  const hasTerminal = io.stdout.isTTY === true || io.stderr.isTTY === true;
  const stops = listenForStops(io.signals, once || hasTerminal ? undefined : () => reloads.ask());
  try {
    notifier.extendTimeout(SLOW_MS);
    const startedAt = io.clock.now();
    const starting = context.parts.startDaemon({ config, secrets, clock: io.clock, log, version, env: io.env, once });
    const daemon = await Promise.race([starting, stops.asked]);
    // Nothing is lost by going in the middle of a start: the journal was only read.
    if (typeof daemon === 'string') return exitCodeOf(daemon);
    const status = tellSystemd(context, daemon, notifier, log);
    reloads.start(() => reload(context, daemon, notifier, status, log));
    if (!once) banner(context, config, daemon.control);
    const code = await untilTheEnd(context, daemon, notifier, stops, once);
    await reloads.stop();
    status.close();
    return once && code === EXIT.fine ? summary(context, daemon.control.jobs(), startedAt) : code;
  } finally {
    stops.close();
    await notifier.flush();
  }
}

/** Resolves with the exit code once the daemon has ended. What ended it first counts; a failure in the end counts more. */
async function untilTheEnd(
  context: Context,
  daemon: Daemon,
  notifier: Notifier,
  stops: Stops,
  once: boolean,
): Promise<number> {
  const reasons: Promise<number | NodeJS.Signals>[] = [daemon.ended, stops.asked];
  if (once) reasons.push(daemon.idle().then(() => EXIT.fine));
  const first = await Promise.race(reasons);
  notifier.stopping();
  notifier.extendTimeout(SLOW_MS);
  if (typeof first === 'string') context.say('stopping; a second signal ends it at once, and loses nothing either');
  const ended = daemon.stop().then(() => daemon.ended);
  const last = await Promise.race([ended, stops.insisted]);
  if (typeof last === 'string') {
    await killChildren();
    return exitCodeOf(last);
  }
  if (last !== EXIT.fine) return last;
  return typeof first === 'string' ? exitCodeOf(first) : first;
}

/** Encoders would die with us where the system has setpriv; elsewhere they must not be left behind. */
async function killChildren(): Promise<void> {
  const { activeChildren } = await import('../platform/subprocess.ts');
  for (const { pid } of activeChildren()) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

/** What `systemctl status` shows. */
interface StatusLine {
  /** Stands behind the counts until the next one; '' for nothing. */
  remark(text: string): void;
  close(): void;
}

/** READY, a line of counts now and then, and the watchdog, fed only while the daemon says that work can move. */
function tellSystemd({ io }: Context, daemon: Daemon, notifier: Notifier, log: Logger): StatusLine {
  if (!notifier.active) return { remark() {}, close() {} };
  const { control } = daemon;
  let remark = '';
  const tellCounts = () => {
    const { mode, counts, folders } = control.status();
    const some = (['running', 'queued', 'waiting', 'held', 'failed', 'done'] as const).filter(name => counts[name] > 0);
    const jobs = some.map(name => `${counts[name]} ${name}`).join(', ') || 'no jobs yet';
    notifier.status(`${mode}, watching ${plural(folders.length, 'folder')}: ${jobs}${remark && `; ${remark}`}`);
  };
  notifier.ready();
  tellCounts();
  let cancel: (() => void) | undefined;
  const unsubscribe = control.subscribe(() => {
    cancel ??= io.clock.after(STATUS_EVERY_MS, () => {
      cancel = undefined;
      tellCounts();
    });
  });
  let said: string | undefined;
  const unwatch = notifier.watch(() => {
    const why = daemon.stuck();
    if (why !== undefined && said === undefined) log.error(`the watchdog is not fed any more: ${why}`);
    said = why;
    return why === undefined;
  });
  return {
    remark(text) {
      remark = text;
      tellCounts();
    },
    close() {
      unsubscribe();
      cancel?.();
      unwatch();
    },
  };
}

/** One reload at a time; what is asked for meanwhile, or before the start is over, is done once after it. */
class Reloads {
  #reload: (() => Promise<void>) | undefined;
  #asked = false;
  #working: Promise<void> | undefined;

  ask(): void {
    this.#asked = true;
    if (this.#reload) this.#working ??= this.#work(this.#reload);
  }

  start(reload: () => Promise<void>): void {
    this.#reload = reload;
    if (this.#asked) this.ask();
  }

  /** No more of them; resolves when the one under way is over. */
  async stop(): Promise<void> {
    this.#reload = undefined;
    await this.#working;
  }

  async #work(reload: () => Promise<void>): Promise<void> {
    while (this.#asked && this.#reload) {
      this.#asked = false;
      await reload();
    }
    this.#working = undefined;
  }
}

/** SIGHUP: the configuration is read again. A bad one changes nothing; what is wrong with it is logged, line by line. */
async function reload(
  context: Context,
  daemon: Daemon,
  notifier: Notifier,
  status: StatusLine,
  log: Logger,
): Promise<void> {
  notifier.reloading();
  try {
    const config = await context.loadConfig();
    const { applied, needsRestart } = await daemon.reload(config);
    log.info(
      { applied },
      applied.length > 0
        ? `configuration read again: ${applied.join(', ')} changed`
        : 'configuration read again: nothing changed',
    );
    if (needsRestart.length > 0) {
      log.warn({ keys: needsRestart }, `needs a restart to take effect: ${needsRestart.join(', ')}`);
    }
    status.remark(needsRestart.length > 0 ? `restart needed for ${needsRestart.join(', ')}` : '');
  } catch (error) {
    if (!isShrinkError(error)) throw error;
    for (const line of tell(error)) log.error(line);
    log.error('the new configuration is not used; the one before goes on');
    status.remark('the new configuration has mistakes and is not used, see the log');
  }
  notifier.ready();
}

/** Where to drop files and where results appear, in plain words; logs go to stderr. */
function banner(context: Context, config: Config, control: Control): void {
  if (context.json) return context.printJson(control.status());
  const { paint } = context;
  context.print(paint('bold', `shrinkbox ${context.version} is watching.`));
  for (const folder of config.folders) {
    context.print(`  drop videos into    ${paint('cyan', safe(folder.inbox))}`);
    context.print(`  results appear in   ${paint('cyan', safe(folder.outbox))}`);
    for (const rule of rulesOf(config, folder)) context.print(`  rule                ${ruleLine(rule, config)}`);
  }
  context.print(
    `  configuration       ${config.source === null ? 'built-in defaults (shrinkbox init writes a file)' : safe(config.source)}`,
  );
  context.print(`  what is going on    shrinkbox status; Ctrl-C stops it`);
}

/** What `--once` did; 3 when a job failed in this run or one waits for a person. */
function summary(context: Context, jobs: readonly JobView[], since: number): number {
  const touched = jobs.filter(job => job.updated_at >= since).reverse();
  const needPerson = jobs.filter(job => job.state === 'held' || (job.state === 'failed' && job.updated_at >= since));
  if (context.json) context.printJson(touched);
  else {
    const rows = touched.map(job => [safe(job.id), job.state, safe(job.source), remarkOf(job)]);
    for (const line of table(rows, context.columns)) context.print(line);
    if (touched.length === 0) context.print('nothing to do');
  }
  if (needPerson.length === 0) return EXIT.fine;
  context.say(
    `shrinkbox: ${plural(needPerson.length, 'job needs', 'jobs need')} a person: ${needPerson.map(job => safe(job.id)).join(', ')}`,
  );
  return EXIT.unfinished;
}
