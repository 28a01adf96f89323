import { isAbsolute, join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import type { JobDetail } from '../api/types.ts';
import type { OneShotEvents, OneShotResult } from '../app/one-shot.ts';
import type { Config } from '../config/load.ts';
import { escapeForTerminal } from '../core/escape.ts';
import { ShrinkError } from '../core/errors.ts';
import type { EngineName } from '../core/job.ts';
import { parseResolution, type Resolution, type Target } from '../core/target.ts';
import { formatClock, parseClock, type Trim } from '../core/trim.ts';
import { formatDuration, parseDuration, parsePercent, parseSize } from '../core/units.ts';
import type { Context, Define, Io } from './support/context.ts';
import { errorLines, mistakeLines } from './support/error-output.ts';
import { EXIT, exitCodeFor } from './support/exit-codes.ts';
import { exitCodeOf, listenForStops } from './support/signals.ts';
import { formatSaving } from '../core/saving.ts';
import { ProgressBar } from './support/terminal.ts';

interface Options {
  size?: Target['size'];
  resolution?: Resolution;
  from?: number;
  to?: number;
  engine?: EngineName;
  ask?: string;
  output?: string;
}

export const defineCompress: Define = (program, action) => {
  program
    .command('compress')
    .description('compress files now, without a daemon; needs no configuration')
    .addHelpText(
      'after',
      '\nOf several files, all that can be are compressed; the exit code is 3 if that was not all of them.',
    )
    .argument('<file...>')
    .option('--size <size>', 'at most this large: 50MB, 10MiB or 25% of the original', parseTargetSize)
    .option('--resolution <resolution>', 'at most this: 1080p, 720p or 1280x720', parseResolutionOption)
    .option('--from <time>', 'begin here: 0:10, 1:02:03 or 90s', parseMoment)
    .option('--to <time>', 'end here', parseMoment)
    .option('--engine <engine>', 'local or nemo', parseEngine)
    .option('--ask <words>', 'an instruction in plain words: "under 25MB, 720p, no sound"')
    .option('-o, --output <path>', 'a name ending in .mp4, or a folder (default: beside each file, NAME.small.mp4)')
    .action(action((context, files: string[], options: Options) => compress(context, files, options)));
};

const WRITE_SIZE = 'Write 50MB, 10MiB or 25%. Units are case sensitive: kB is 1000 bytes, KiB is 1024 bytes.';

function parseTargetSize(written: string): Target['size'] {
  const percent = parsePercent(written);
  if (percent !== undefined && percent > 0 && percent <= 100) return { kind: 'share', share: percent / 100 };
  const bytes = parseSize(written);
  if (bytes === undefined || bytes === 0) throw new InvalidArgumentError(WRITE_SIZE);
  return { kind: 'bytes', bytes };
}

function parseResolutionOption(written: string): Resolution {
  const resolution = parseResolution(written);
  if (!resolution) throw new InvalidArgumentError('Write 1080p, 720p or 1280x720.');
  return resolution;
}

/** Seconds. */
function parseMoment(written: string): number {
  const ms = parseDuration(written);
  const seconds = parseClock(written) ?? (ms === undefined ? undefined : ms / 1000);
  if (seconds === undefined) throw new InvalidArgumentError('Write 0:10, 1:02:03 or 90s.');
  return seconds;
}

function parseEngine(written: string): EngineName {
  if (written !== 'local' && written !== 'nemo') throw new InvalidArgumentError('Engines are: local, nemo.');
  return written;
}

/** @throws ShrinkError `usage` if it ends before it begins */
function trimOf({ from = 0, to }: Options): Trim | undefined {
  if (to !== undefined && to <= from) {
    const began = formatClock(from);
    throw new ShrinkError('usage', `--to ${formatClock(to)} is not after --from ${began}; name a later time`);
  }
  if (from === 0 && to === undefined) return undefined;
  return { ...(from > 0 && { from }), ...(to !== undefined && { to }) };
}

async function compress(context: Context, files: readonly string[], options: Options): Promise<number> {
  const trim = trimOf(options);
  const { io, parts } = context;
  const config = await configFor(context, options);
  // What stays on this machine needs no token, and whoever compresses a file may not be allowed to read the daemon's.
  const secrets = (options.engine ?? config.engine) === 'nemo' ? await context.loadSecrets(config) : {};
  // A log would tear the progress bar apart, and could only repeat what the results say.
  const { silentLogger: log } = await import('../platform/log.ts');
  const stops = listenForStops(io.signals);
  const abort = new AbortController();
  let signal: NodeJS.Signals | undefined;
  const stopped = stops.requested.then(name => {
    signal = name;
    abort.abort();
    return stops.forced;
  });
  const bar = new ProgressBar(io);
  const { output, from: _, to: __, ...asked } = options;
  const request = { ...asked, ...(trim && { trim }) };
  try {
    const events = eventsFor(context, bar);
    const work = parts.compressFiles({
      ...{ files, request, output, config, secrets, cacheDir: cacheDirOf(io) },
      ...{ clock: io.clock, log, signal: abort.signal, events },
    });
    const result = await Promise.race([work, stopped]);
    if (typeof result === 'string') return exitCodeOf(result);
    const { jobs, refused } = result;
    if (context.json) context.printJson([...jobs, ...refused.map(asJson)]);
    if (signal) return exitCodeOf(signal);
    if (jobs.length === 0 && refused[0]) return exitCodeFor(refused[0].error);
    return refused.length === 0 && jobs.every(job => job.state === 'done') ? EXIT.fine : EXIT.unfinished;
  } finally {
    bar.clear();
    stops.close();
  }
}

/**
 * The configuration, if there is a valid one: nothing in it is needed here, unless the person named it or the cloud is to be
 * used, whose address it may say. People compress files in folders of others, so a `./config.yaml` must be named.
 *
 * @throws ConfigError in those two cases
 */
async function configFor(context: Context, { engine }: Options): Promise<Config> {
  const { config, broken } = await context.loadConfigLeniently({ notHere: true });
  if (!broken) return config;
  if (engine === 'nemo' || (await context.isConfigNamed())) throw broken;
  const { problems } = broken;
  context.warn(['the configuration is not used:', ...mistakeLines(problems)], { problems });
  return config;
}

/** `compress` has no state directory: whatever it keeps between runs is in the user's cache. */
function cacheDirOf({ env, home }: Io): string {
  const base = env['XDG_CACHE_HOME'];
  return join(base && isAbsolute(base) ? base : join(home, '.cache'), 'shrinkbox');
}

/** Shows progress on stderr, and each result as it is finished. */
function eventsFor(context: Context, bar: ProgressBar): OneShotEvents {
  const { clock } = context.io;
  const startedAt = new Map<string, number>();
  return {
    progress(file, progress) {
      if (!startedAt.has(file)) startedAt.set(file, clock.monotonic());
      bar.show(file, progress);
    },
    finished(file, job) {
      bar.clear();
      const now = clock.monotonic();
      if (!context.json) printResult(context, file, job, now - (startedAt.get(file) ?? now));
    },
    refused(_, error) {
      bar.clear();
      if (!context.json) for (const line of errorLines(error)) context.printErr(line);
    },
  };
}

/** In the place of a job: one never came about. */
function asJson({ file, error }: OneShotResult['refused'][number]): object {
  const { message, hint = null } = error;
  return { id: null, source: file, state: 'failed', reason: message, hint };
}

/** `clip.mov: 120 MB -> 48.2 MB (60 % smaller) in 1m 05s: /videos/clip.small.mp4`; failures go to stderr. */
function printResult(context: Context, file: string, job: JobDetail, tookMs: number): void {
  if (job.state !== 'done') {
    const sentences = [job.reason, job.hint].flatMap(text =>
      text === null ? [] : [escapeForTerminal(text).replace(/[.]?$/, '.')],
    );
    // Nobody waits once the command has ended.
    const state = job.state === 'waiting' ? 'not done' : job.state;
    return context.printErr(`${escapeForTerminal(file)}: ${[`${state}:`, ...sentences].join(' ')}`);
  }
  const saving = formatSaving(job.source, job.source_bytes, job.output_bytes ?? 0);
  const took = `in ${formatDuration(tookMs)}`;
  context.print(
    `${escapeForTerminal(file)}: ${context.paint('green', saving)} ${took}: ${escapeForTerminal(job.output ?? '')}`,
  );
  if (job.how) context.printErr(`  ${escapeForTerminal(job.how)}`);
  for (const note of job.notes) context.printErr(`  ${escapeForTerminal(note)}`);
}
