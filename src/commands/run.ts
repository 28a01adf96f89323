import type { Config } from '../config/load.ts';
import type { Control, JobView } from '../api/types.ts';
import { plural } from '../core/units.ts';
import type { Daemon } from '../app/daemon.ts';
import type { Clock } from '../platform/clock.ts';
import { createNotifier, type Notifier } from '../platform/systemd.ts';
import { ruleLine, rulesOf } from './check.ts';
import type { Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { remarkOf } from './jobs.ts';
import { Reloads, reload } from './reload.ts';
import { exitCodeOf, listenForStops, type Stops } from './support/signals.ts';
import { reportToSystemd } from '../app/watchdog.ts';
import { safe, table } from './support/terminal.ts';

export const defineRun: Define = (program, action) => {
  program
    .command('run')
    .description('the daemon: watch the inboxes and work, until Ctrl-C')
    .option('--once', 'work through what is there and exit')
    .action(action((context, options: { once?: boolean }) => run(context, options.once === true)));
};

/** Granted by systemd at start and stop: replaying a large journal or ending an encode may take its time. */
const SLOW_MS = 90_000;

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
  const beQuiet = keepAsking(io.clock, notifier);
  try {
    const startedAt = io.clock.now();
    const starting = context.parts.startDaemon({ config, secrets, clock: io.clock, log, version, env: io.env, once });
    const daemon = await Promise.race([starting, stops.asked]);
    // Nothing is lost by going in the middle of a start: the journal was only read.
    if (typeof daemon === 'string') return exitCodeOf(daemon);
    beQuiet();
    const status = reportToSystemd({ daemon, notifier, clock: io.clock, log });
    reloads.start(() => reload(context, daemon, notifier, status, log));
    if (!once) banner(context, config, daemon.control);
    const code = await untilTheEnd(context, daemon, notifier, stops, once);
    await reloads.stop();
    status.close();
    return once && code === EXIT.fine ? summary(context, daemon.control.jobs(), startedAt) : code;
  } finally {
    beQuiet();
    stops.close();
    await notifier.flush();
  }
}

/** systemd waits for as long as the start goes on: a journal of years takes its time. Returns what ends the asking. */
function keepAsking(clock: Clock, notifier: Notifier): () => void {
  let cancel = () => {};
  const ask = () => {
    notifier.extendTimeout(SLOW_MS);
    cancel = clock.after(SLOW_MS / 3, ask);
  };
  if (notifier.active) ask();
  return () => cancel();
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
  const { activeChildren } = await import('../platform/process/run-child.ts');
  for (const { pid } of activeChildren()) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
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
  const { page } = control.status();
  if (page) context.print(`  to look at          ${paint('cyan', safe(page))}`);
  // Started by `npm start` in a clone, the program is on nobody's PATH.
  const program = context.io.env['npm_lifecycle_event'] === 'start' ? 'npx shrinkbox' : 'shrinkbox';
  context.print(`  what is going on    ${program} status; Ctrl-C stops it`);
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
