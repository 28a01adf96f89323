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
import { ProgressBar } from './support/progress.ts';
import { exitCodeOf, listenForStops } from './support/signals.ts';
import { safe } from './support/terminal.ts';

export const defineDemo: Define = (program, action) => {
  program
    .command('demo', { hidden: true })
    .description('the whole job in one go: make or take a clip, drop it, wait, say what came out')
    .argument('[file]', 'a video to use instead of a made one')
    .action(action((context, file: string | undefined) => demo(context, file)));
};

async function demo(context: Context, given: string | undefined): Promise<number> {
  const { io, version } = context;
  const stops = listenForStops(io.signals);
  try {
    const dir = await mkdtemp(join(tmpdir(), 'shrinkbox-demo-'));
    const clip = given === undefined ? await makeClip(context, dir) : await takeClip(resolve(io.cwd, given), dir);
    const { size } = await stat(clip);
    const configFile = join(dir, 'config.yaml');
    await writeFile(configFile, configText(size));
    for (const folder of ['inbox', 'outbox']) await mkdir(join(dir, folder));
    const config = await context.loadConfig(configFile);
    const { createLogger } = await import('../platform/log.ts');
    const log = createLogger({ ...config.log, level: 'warn' });
    const daemon = await context.parts.startDaemon({ config, secrets: {}, clock: io.clock, log, version, env: io.env });
    try {
      const startedAt = io.clock.monotonic();
      const dropped = join(dir, 'inbox', basename(clip));
      await rename(clip, dropped);
      context.say(
        `dropped ${safe(dropped)} (${formatBytes(size)}), asking for at most ${formatBytes(Math.floor(size / 4))}`,
      );
      const job = await Promise.race([rested(context, daemon), daemon.ended, stops.asked]);
      if (typeof job === 'string') return exitCodeOf(job);
      if (typeof job === 'number') return job;
      return tell(context, job, io.clock.monotonic() - startedAt);
    } finally {
      await daemon.stop();
    }
  } finally {
    stops.close();
  }
}

/** A quarter of the size, whatever the clip is; nothing opened that another daemon may have. */
function configText(bytes: number): string {
  return `folders:
  - { inbox: ./inbox, outbox: ./outbox, settle: 1s }
rules:
  - { name: demo, size: ${Math.floor(bytes / 4)}B, resolution: 1080p }
http: { listen: "off" }
`;
}

/** Six seconds of flight into a fractal, with a tone: about as hard to compress as a phone's video. */
async function makeClip(context: Context, dir: string): Promise<string> {
  const [{ findTools }, { runChild }] = await Promise.all([
    import('../media/ffmpeg/tools.ts'),
    import('../platform/process/run-child.ts'),
  ]);
  const tools = await findTools();
  const clip = join(dir, 'demo.mp4');
  context.say('making a clip with ffmpeg ...');
  const inputs = ['-f', 'lavfi', '-i', 'mandelbrot=size=1280x720:rate=30', '-f', 'lavfi', '-i', 'sine=frequency=440'];
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '16', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
  const args = [
    '-hide_banner',
    '-nostdin',
    '-v',
    'error',
    ...inputs,
    '-t',
    '6',
    ...coding,
    '-movflags',
    '+faststart',
    clip,
  ];
  await runChild({ doing: 'making a clip', command: tools.ffmpeg, args });
  return clip;
}

async function takeClip(source: string, dir: string): Promise<string> {
  const copy = join(dir, `clip${extname(source)}`);
  try {
    await copyFile(source, copy);
    return copy;
  } catch (error) {
    throw await fileErrorOf(error, `taking ${source}`, source);
  }
}

/** The first job that comes to rest, its progress shown until then. */
function rested(context: Context, { control }: Daemon): Promise<JobView> {
  const bar = new ProgressBar(context);
  return new Promise(resolve => {
    const look = (job: JobView) => {
      if (!RESTING.has(job.state)) {
        const step = job.step ?? job.state;
        return bar.show(basename(job.source), job.progress === null ? { step } : { step, fraction: job.progress });
      }
      unsubscribe();
      bar.clear();
      resolve(job);
    };
    const unsubscribe = control.subscribe(event => {
      if (event.kind === 'job') look(event.job);
    });
    for (const job of control.jobs()) look(job);
  });
}

function tell(context: Context, job: JobView, tookMs: number): number {
  if (context.json) context.printJson(job);
  else if (job.state !== 'done') context.say(`the demo's job is ${job.state}: ${safe(job.reason ?? '')}`);
  else {
    const after = job.output_bytes ?? 0;
    context.print(`before   ${formatBytes(job.source_bytes)}   ${safe(job.source)}`);
    context.print(`after    ${formatBytes(after)}   ${safe(job.output ?? '')}`);
    context.print(`ratio    ${(job.source_bytes / Math.max(1, after)).toFixed(1)} times smaller`);
    context.print(`time     ${formatDuration(tookMs)}`);
  }
  return job.state === 'done' ? EXIT.fine : EXIT.unfinished;
}
