import { InvalidArgumentError } from 'commander';
import type { JobDetail } from '../api/types.ts';
import type { EngineName } from '../core/job.ts';
import { parseResolution, type Resolution, type Target } from '../core/target.ts';
import { formatDuration, parseSize } from '../core/units.ts';
import type { Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { ProgressBar } from './support/progress.ts';
import { exitCodeOf, listenForStops } from './support/signals.ts';
import { formatSaving, safe } from './support/terminal.ts';

interface Options {
  size?: Target['size'];
  resolution?: Resolution;
  engine?: EngineName;
  ask?: string;
  output?: string;
}

export const defineCompress: Define = (program, action) => {
  program
    .command('compress')
    .description('make files smaller now, without a daemon or a configuration')
    .argument('<file...>')
    .option('--size <size>', 'at most this: 50MB, 10MiB or 25% of the original', parseTargetSize)
    .option('--resolution <resolution>', 'at most this: 1080p, 720p or 1280x720', parseResolutionOption)
    .option('--engine <engine>', 'local or nemo', parseEngine)
    .option('--ask <words>', 'what to do in plain words: "under 25MB, 720p, no sound"')
    .option('-o, --output <path>', 'a name ending in .mp4, or a folder (default: beside each file, NAME.small.mp4)')
    .action(action((context, files: string[], options: Options) => compress(context, files, options)));
};

function parseTargetSize(written: string): Target['size'] {
  const percent = /^(\d{1,3}(?:\.\d+)?) ?%$/.exec(written.trim());
  const share = Number(percent?.[1]) / 100;
  if (percent && share > 0 && share <= 1) return { kind: 'share', share };
  const bytes = parseSize(written);
  if (bytes === undefined || bytes === 0) throw new InvalidArgumentError('Write 50MB, 10MiB or 25%.');
  return { kind: 'bytes', bytes };
}

function parseResolutionOption(written: string): Resolution {
  const resolution = parseResolution(written);
  if (!resolution) throw new InvalidArgumentError('Write 1080p, 720p or 1280x720.');
  return resolution;
}

function parseEngine(written: string): EngineName {
  if (written !== 'local' && written !== 'nemo') throw new InvalidArgumentError('Engines are: local, nemo.');
  return written;
}

async function compress(context: Context, files: readonly string[], options: Options): Promise<number> {
  const { io, parts } = context;
  const config = await context.loadConfig();
  const secrets = await context.loadSecrets(config);
  // Progress and results say it all; a log beside them would only tear the bar apart.
  const { silentLogger: log } = await import('../platform/log.ts');
  const stops = listenForStops(io.signals);
  const abort = new AbortController();
  let signal: NodeJS.Signals | undefined;
  const stopped = stops.asked.then(name => {
    signal = name;
    abort.abort();
    return stops.insisted;
  });
  const bar = new ProgressBar(context);
  const startedAt = new Map<string, number>();
  const { output, ...wishes } = options;
  try {
    const work = parts.compressFiles({
      files,
      wishes,
      ...(output === undefined ? {} : { output }),
      config,
      secrets,
      clock: io.clock,
      log,
      signal: abort.signal,
      events: {
        progress(file, progress) {
          if (!startedAt.has(file)) startedAt.set(file, io.clock.monotonic());
          bar.show(file, progress);
        },
        finished(file, job) {
          bar.clear();
          if (!context.json)
            tellResult(context, file, job, io.clock.monotonic() - (startedAt.get(file) ?? io.clock.monotonic()));
        },
      },
    });
    const result = await Promise.race([work, stopped]);
    if (typeof result === 'string') return exitCodeOf(result);
    if (context.json) context.printJson(result.jobs);
    if (signal) return exitCodeOf(signal);
    return result.jobs.every(job => job.state === 'done') ? EXIT.fine : EXIT.unfinished;
  } finally {
    bar.clear();
    stops.close();
  }
}

/** `clip.mov: 120 MB -> 48.2 MB (60 % saved) in 1m 05s: /videos/clip.small.mp4`; what did not work goes to stderr. */
function tellResult(context: Context, file: string, job: JobDetail, tookMs: number): void {
  if (job.state !== 'done') {
    const sentences = [job.reason, job.hint].flatMap(text => (text === null ? [] : [safe(text).replace(/[.]?$/, '.')]));
    return context.say(`${safe(file)}: ${[`${job.state}:`, ...sentences].join(' ')}`);
  }
  const saving = formatSaving(job.source_bytes, job.output_bytes ?? 0);
  context.print(
    `${safe(file)}: ${context.paint('green', saving)} in ${formatDuration(tookMs)}: ${safe(job.output ?? '')}`,
  );
  if (job.how) context.say(`  ${safe(job.how)}`);
  for (const note of job.notes) context.say(`  ${safe(note)}`);
}
