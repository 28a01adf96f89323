/** What shrinkbox itself costs beside the ffmpegs it runs, on a clip of a minute. */
import type { Tools } from '../../../../src/media/ffmpeg/tools.ts';
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { shrinkbox } from './candidates.ts';
import { type Clip, clipAt, sizeFor } from './clips.ts';
import { timed } from './cost.ts';
import { type Goal, median, percent } from './report.ts';

const LENGTH_S = 60;

export async function overheadGoal(options: { tools: Tools; dir: string; say: (line: string) => void }): Promise<Goal> {
  const { tools, dir, say } = options;
  const clip = await aMinute(join(dir, 'minute.mp4'), tools);
  const made = await shrinkbox({ clip, bytes: sizeFor(clip, 'normal'), dir, tools }, {});
  const own = made.ownCpuS ?? Number.NaN;
  const starting = await toStart(clip, { dir, tools });
  say(
    `overhead: ${made.said}, ${own.toFixed(2)} s of ${made.cpuS.toFixed(1)} s, ${starting.toFixed(2)} s for starting`,
  );
  const ffmpegs = made.cpuS - own;
  const share = own / ffmpegs;
  const ofJob = own - starting;
  return {
    what: `shrinkbox itself, over its ffmpegs (${LENGTH_S} s of 1280x720 at 30)`,
    reach: '<= 1 %',
    measured: `${percent(share)}: ${own.toFixed(2)} s beside ${ffmpegs.toFixed(1)} s; ${percent(ofJob / ffmpegs)} once it is started, as a service is`,
    reached: share <= 0.01,
  };
}

/** `compress` of two seconds, once the answers of ffmpeg are kept: what is left is Node, its modules and the running of children. */
export async function shortGoal(options: { tools: Tools; dir: string; say: (line: string) => void }): Promise<Goal> {
  const { tools, dir, say } = options;
  const clip = join(dir, 'short.mp4');
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25:duration=2'];
  const sound = ['-f', 'lavfi', '-i', 'sine=frequency=300:duration=2'];
  const args = ['-v', 'error', '-nostdin', '-y', ...picture, ...sound, '-pix_fmt', 'yuv420p', clip];
  await promisify(execFile)(tools.ffmpeg, args);
  const own = join(dir, 'own-cpu');
  const output = join(dir, 'short.small.mp4');
  const env = {
    XDG_CACHE_HOME: join(dir, 'cache'),
    SHRINKBOX_BENCH_OWN: own,
    NODE_OPTIONS: `--import=${resolve('test/long/bench/encode/own-cost.mjs')}`,
  };
  const seconds: number[] = [];
  for (let run = 0; run <= SHORT_RUNS; run += 1) {
    await rm(output, { force: true });
    const compress = [resolve('dist/cli.js'), 'compress', clip, '--size', '60kB', '-o', output];
    const { ok, stderr } = await timed([process.execPath, ...compress], { cwd: dir, env });
    if (!ok) throw new Error(`the short clip was not compressed: ${stderr}`);
    // The first run asks ffmpeg.
    if (run > 0) seconds.push(Number(await readFile(own, 'utf8')));
  }
  say(`short: ${seconds.map(one => one.toFixed(2)).join(', ')} s`);
  const middle = median(seconds);
  return {
    what: 'shrinkbox itself, for 2 s of 320x180',
    reach: '<= 0.35 s of processor time',
    measured: `${middle.toFixed(2)} s (median of ${SHORT_RUNS} runs after the first)`,
    reached: middle <= 0.35,
  };
}

const SHORT_RUNS = 9;

/** Node, the configuration, asking ffmpeg what it can do: a service does that once. What is no video is refused right behind it. */
async function toStart(clip: Clip, { dir, tools }: { dir: string; tools: Tools }): Promise<number> {
  const path = join(dir, 'no-video.mp4');
  await writeFile(path, 'no video\n'.repeat(1000));
  const made = await shrinkbox({ clip: { ...clip, path }, bytes: 1000, dir, tools }, {});
  if (!made.said.startsWith('failed')) throw new Error(`what is no video was not refused: ${made.said}`);
  return made.ownCpuS ?? Number.NaN;
}

/** Made, so that it is there on every machine: noise over moving shapes at the size phones send. */
async function aMinute(to: string, tools: Tools): Promise<Clip> {
  const picture = `testsrc2=size=1280x720:rate=30:duration=${LENGTH_S},noise=alls=6:allf=t`;
  const args = [
    ...['-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', picture],
    ...['-f', 'lavfi', '-i', `sine=frequency=300:sample_rate=48000:duration=${LENGTH_S}`],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '26', '-pix_fmt', 'yuv420p', '-c:a', 'aac', to],
  ];
  await promisify(execFile)(tools.ffmpeg, args);
  return await clipAt(to, tools);
}
