import { SystemdNotifier } from '../platform/systemd.ts';
import type { Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { exitCodeOf, listenForStops } from './support/signals.ts';

export const defineWorker: Define = (program, action) => {
  const worker = program
    .command('worker')
    .description('take parts of films from a daemon with a fleet, and send them back');
  worker
    .command('run', { isDefault: true })
    .description('work until Ctrl-C; SIGHUP finishes what is being made, then ends')
    .action(action(run));
  worker
    .command('drain')
    .description('have the running worker of this configuration finish what it makes, then end')
    .action(action(drain));
  worker
    .command('doctor')
    .description('check both ways to the daemon, the encoders, the scratch folder and the line')
    .action(action(async context => (await import('./worker-doctor.ts')).workerDoctor(context)));
};

async function run(context: Context): Promise<number> {
  const { io, version, parts } = context;
  const config = await context.loadConfig();
  const { createLogger } = await import('../platform/log.ts');
  const log = createLogger(config.log);
  const notifier = new SystemdNotifier({ env: io.env, log });
  const { holdPidFile } = await import('../worker/pid-file.ts');
  const pidFile = await holdPidFile(config.worker?.scratch);
  const drains: (() => void)[] = [];
  const stops = listenForStops(io.signals, () => drains.forEach(begin => begin()));
  try {
    const starting = parts.startWorker({ config, clock: io.clock, log, version });
    const worker = await Promise.race([starting, stops.requested]);
    if (typeof worker === 'string') return exitCodeOf(worker);
    drains.push(() => worker.drain());
    notifier.ready();
    const first = await Promise.race([worker.ended.then(() => EXIT.fine), stops.requested]);
    if (typeof first === 'number') return first;
    notifier.stopping();
    worker.stop();
    await Promise.race([worker.ended, stops.forced]);
    return exitCodeOf(first);
  } finally {
    stops.close();
    await pidFile.release();
    await notifier.flush();
  }
}

/** The running worker is told by a signal: it has no socket, because it serves nobody. */
async function drain(context: Context): Promise<number> {
  const config = await context.loadConfig();
  const { pidOfWorker } = await import('../worker/pid-file.ts');
  const pid = await pidOfWorker(config.worker?.scratch);
  if (pid === undefined) {
    context.printErr('shrinkbox: no worker of this configuration is running');
    return EXIT.unexpected;
  }
  try {
    process.kill(pid, 'SIGHUP');
  } catch (error) {
    context.printErr(`shrinkbox: cannot signal the worker (process ${pid}): ${(error as NodeJS.ErrnoException).code}`);
    return EXIT.unexpected;
  }
  context.print(`the worker (process ${pid}) finishes what it is making, then ends`);
  return EXIT.fine;
}
