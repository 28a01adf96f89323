import { copyFile, mkdir, mkdtemp, rename, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, extname, join, resolve } from 'node:path';
import type { JobView } from '../api/types.ts';
import { RESTING } from '../core/job.ts';
import { formatBytes, formatDuration } from '../core/units.ts';
import type { Daemon } from '../app/daemon.ts';
import type { Context, Define } from './support/context.ts';
import { fileErrorOf } from './support/error-output.ts';
import { EXIT } from './support/exit-codes.ts';
import { exitCodeOf, listenForStops } from './support/signals.ts';
import { ProgressBar } from './support/terminal.ts';
import { escapeForTerminal } from '../core/escape.ts';

export const defineDemo: Define = (program, action) => {
  program
    .command('demo', { hidden: true })
    .description('show a whole job: make a clip or copy yours, drop it, wait, and print the sizes')
    .argument('[file]', 'a video of yours to use instead')
    .action(action((context, file: string | undefined) => demo(context, file)));
};

async function demo(context: Context, file: string | undefined): Promise<number> {
  const { io, version } = context;
  const stops = listenForStops(io.signals);
  try {
    const dir = await mkdtemp(join(tmpdir(), 'shrinkbox-demo-'));
    const clip = file === undefined ? await makeClip(context, dir) : await copyClip(resolve(io.cwd, file), dir);
    const { size } = await stat(clip);
    const configFile = join(dir, 'config.yaml');
    await writeFile(configFile, configText(size));
    for (const folder of ['inbox', 'outbox']) await mkdir(join(dir, folder));
    const config = await context.loadConfig(configFile);
    const { createLogger } = await import('../platform/log.ts');
    const log = createLogger({ ...config.log, level: 'warn' });
    const daemon = await context.parts.startDaemon({ config, secrets: {}, clock: io.clock, log, version });
    try {
      const startedAt = io.clock.monotonic();
      const dropped = join(dir, 'inbox', basename(clip));
      await rename(clip, dropped);
      context.printErr(
        `dropped ${escapeForTerminal(dropped)} (${formatBytes(size)}), asking for at most ${formatBytes(Math.floor(size / 4))}`,
      );
      const job = await Promise.race([firstResult(context, daemon), daemon.ended, stops.requested]);
      if (typeof job === 'string') return exitCodeOf(job);
      if (typeof job === 'number') return job;
      return printResult(context, job, io.clock.monotonic() - startedAt);
    } finally {
      await daemon.stop();
    }
  } finally {
    stops.close();
  }
}

/** Asks for a quarter of the clip's size, and opens no port that another daemon may use. */
function configText(bytes: number): string {
  return `folders:
  - { inbox: ./inbox, outbox: ./outbox, settle: 1s }
rules:
  - { name: demo, size: ${Math.floor(bytes / 4)}B, resolution: 1080p }
http: { listen: "off" }
`;
}

/** Six seconds of flight into a fractal, with a tone: about as hard to compress as a video from a phone. */
async function makeClip(context: Context, dir: string): Promise<string> {
  const [{ findTools }, { runChild }] = await Promise.all([
    import('../media/ffmpeg/tools.ts'),
    import('../platform/process/run-child.ts'),
  ]);
  const tools = await findTools();
  const clip = join(dir, 'demo.mp4');
  context.printErr('making a clip with ffmpeg ...');
  const args = [
    ...['-hide_banner', '-nostdin', '-v', 'error'],
    ...['-f', 'lavfi', '-i', 'mandelbrot=size=1280x720:rate=30', '-f', 'lavfi', '-i', 'sine=frequency=440', '-t', '6'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '16', '-pix_fmt', 'yuv420p', '-c:a', 'aac'],
    ...['-movflags', '+faststart', clip],
  ];
  await runChild({ doing: 'making a clip', command: tools.ffmpeg, args });
  return clip;
}

async function copyClip(source: string, dir: string): Promise<string> {
  const copy = join(dir, `clip${extname(source)}`);
  try {
    await copyFile(source, copy);
    return copy;
  } catch (error) {
    throw await fileErrorOf(error, `copying ${source}`, source);
  }
}

/** The first job to finish, fail or be held; shows its progress until then. */
function firstResult(context: Context, { control }: Daemon): Promise<JobView> {
  const bar = new ProgressBar(context.io);
  return new Promise(resolve => {
    const onJob = (job: JobView) => {
      if (!RESTING.has(job.state)) {
        const step = job.step ?? job.state;
        return bar.show(basename(job.source), job.progress === null ? { step } : { step, fraction: job.progress });
      }
      unsubscribe();
      bar.clear();
      resolve(job);
    };
    const unsubscribe = control.subscribe(event => {
      if (event.kind === 'job') onJob(event.job);
    });
    for (const job of control.jobs()) onJob(job);
  });
}

function printResult(context: Context, job: JobView, tookMs: number): number {
  if (context.json) context.printJson(job);
  else if (job.state !== 'done')
    context.printErr(`the demo job is ${job.state}: ${escapeForTerminal(job.reason ?? '')}`);
  else {
    const after = job.output_bytes ?? 0;
    context.print(`before   ${formatBytes(job.source_bytes)}   ${escapeForTerminal(job.source)}`);
    context.print(`after    ${formatBytes(after)}   ${escapeForTerminal(job.output ?? '')}`);
    context.print(`ratio    ${(job.source_bytes / Math.max(1, after)).toFixed(1)} times smaller`);
    context.print(`time     ${formatDuration(tookMs)}`);
  }
  return job.state === 'done' ? EXIT.fine : EXIT.unfinished;
}
