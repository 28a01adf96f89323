/** What shrinkbox itself costs beside the ffmpegs it runs, on a clip of a minute. */
import type { Tools } from '../../../../src/media/ffmpeg/tools.ts';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { shrinkbox } from './candidates.ts';
import { type Clip, clipAt, sizeFor } from './clips.ts';
import { type Goal, percent } from './report.ts';

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
