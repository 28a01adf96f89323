/** What shrinkbox itself costs beside the ffmpegs it runs, on a clip of a minute. */
import type { Tools } from '../../../src/platform/ffmpeg/tools.ts';
import { execFile } from 'node:child_process';
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
  say(`overhead: ${made.said}, ${own.toFixed(2)} s of ${made.cpuS.toFixed(1)} s`);
  const share = own / (made.cpuS - own);
  return {
    what: `shrinkbox itself, over its ffmpegs (${LENGTH_S} s of 1280x720 at 30)`,
    reach: '<= 1 %',
    measured: `${percent(share)}: ${own.toFixed(2)} s beside ${(made.cpuS - own).toFixed(1)} s`,
    reached: share <= 0.01,
  };
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
