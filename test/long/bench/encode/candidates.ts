/** Who is asked for the same size: shrinkbox as a user runs it, and what people use today. */
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { JobDetail } from '../../../../src/api/types.ts';
import type { Tools } from '../../../../src/media/ffmpeg/tools.ts';
import type { Clip } from './clips.ts';
import { type Child, meteredTools, timed } from './cost.ts';

export interface Made {
  path: string | undefined;
  bytes: number;
  cpuS: number;
  wallS: number;
  /** Why nothing came out, or how it was done. */
  said: string;
  /** Of shrinkbox alone. */
  children?: Child[];
  ownCpuS?: number;
}

export interface Request {
  clip: Clip;
  bytes: number;
  dir: string;
  tools: Tools;
}

export const CANDIDATES = {
  shrinkbox: (request: Request) => shrinkbox(request, {}),
  naive: (request: Request) => naive(request),
  handbrake,
  constrict,
};
export type CandidateName = keyof typeof CANDIDATES;

/** `shrinkbox compress CLIP --size N`, in a process of its own. */
export async function shrinkbox(
  { clip, bytes, dir, tools }: Request,
  wishes: { effort?: string; ask?: string; resolution?: string },
): Promise<Made> {
  const metered = await meteredTools(dir, tools);
  const config = join(dir, 'bench.yaml');
  const local = { ffmpeg: metered.ffmpeg, ffprobe: metered.ffprobe, effort: wishes.effort ?? 'balanced' };
  await writeFile(config, JSON.stringify({ state_dir: join(dir, 'state'), local }));
  const output = join(dir, 'shrinkbox.mp4');
  await rm(output, { force: true });
  const own = join(dir, 'own-cpu');
  const words = [
    ...['--size', `${bytes}B`, ...(wishes.ask ? ['--ask', wishes.ask] : [])],
    ...(wishes.resolution ? ['--resolution', wishes.resolution] : []),
    ...['-o', output, '--json', '--config', config],
  ];
  const run = await timed([process.execPath, resolve('dist/cli.js'), 'compress', clip.path, ...words], {
    cwd: dir,
    env: {
      SHRINKBOX_BENCH_OWN: own,
      NODE_OPTIONS: `--import=${resolve('test/long/bench/encode/own-cost.mjs')}`,
    },
  });
  const job = jobIn(run.stdout);
  const children = await metered.children();
  const ownCpuS = Number(await readFile(own, 'utf8').catch(() => 'NaN'));
  const said =
    job?.state === 'done' ? (job.how ?? '') : `${job?.state ?? 'crashed'}: ${job?.reason ?? run.stderr.trim()}`;
  // The bench's own stand-ins are left out of the sum.
  const cpuS = children.reduce((sum, child) => sum + child.cpuS, ownCpuS);
  return { ...(await fileAt(output)), cpuS, wallS: run.wallS, said, children, ownCpuS };
}

function jobIn(stdout: string): JobDetail | undefined {
  try {
    return (JSON.parse(stdout) as JobDetail[])[0];
  } catch {
    return undefined;
  }
}

const SOUND_BITS = 128_000;

/**
 * The recipe of every forum: bits from size and length, less 128 kb/s, x264 medium twice. `filters` for a smaller picture, `share` of the
 * bits for a smaller file. Where ffmpeg
 * counts other frames in the second pass (cut files) and gives up, people who search long enough find the cure.
 */
export async function naive(
  { clip, bytes, dir, tools }: Request,
  { filters, share = 1 }: { filters?: string; share?: number } = {},
): Promise<Made> {
  const sound = clip.facts.audio.length > 0;
  const bits = (bytes * 8) / clip.facts.durationS - (sound ? SOUND_BITS : 0);
  const rate = Math.max(1000, Math.floor(bits * share));
  const picture = [...(filters ? ['-vf', filters] : []), '-c:v', 'libx264', '-preset', 'medium', '-b:v', String(rate)];
  const audio = sound ? ['-c:a', 'aac', '-b:a', '128k'] : ['-an'];
  const work = { clip, dir, tools, audio, output: join(dir, 'naive.mp4') };
  const made = await twoPasses({ ...work, picture });
  if (made.path) return made;
  const cured = await twoPasses({ ...work, picture: [...picture, '-fps_mode', 'passthrough'] });
  return { ...cured, said: `failed as it is; with -fps_mode passthrough: ${cured.said || 'made'}` };
}

export async function twoPasses(options: {
  clip: Clip;
  dir: string;
  tools: Tools;
  picture: string[];
  audio: string[];
  output: string;
}): Promise<Made> {
  const { clip, dir, tools, picture, audio, output } = options;
  const head = [tools.ffmpeg, '-v', 'error', '-nostdin', '-y', '-i', clip.path];
  await rm(output, { force: true });
  const first = await timed([...head, ...picture, '-pass', '1', '-an', '-f', 'null', '/dev/null'], { cwd: dir });
  const second = await timed([...head, ...picture, '-pass', '2', ...audio, output], { cwd: dir });
  const ok = first.ok && second.ok;
  const made = ok ? await fileAt(output) : { path: undefined, bytes: 0 };
  const said = ok ? '' : `failed: ${(first.stderr + second.stderr).trim().split('\n').at(-1)}`;
  return { ...made, cpuS: first.cpuS + second.cpuS, wallS: first.wallS + second.wallS, said };
}

/** HandBrakeCLI with two passes at the same bits; told to leave size, crop and frame rate alone. */
async function handbrake({ clip, bytes, dir }: Request): Promise<Made> {
  const sound = clip.facts.audio.length > 0;
  const rate = Math.max(1, Math.floor(((bytes * 8) / clip.facts.durationS - (sound ? SOUND_BITS : 0)) / 1000));
  const output = join(dir, 'handbrake.mp4');
  await rm(output, { force: true });
  const run = await timed(
    [
      ...['HandBrakeCLI', '-i', clip.path, '-o', output, '-f', 'av_mp4', '-e', 'x264', '--encoder-preset', 'medium'],
      ...['-b', String(rate), '--two-pass', '-T', '--vfr', '--crop', '0:0:0:0', '--no-comb-detect', '--no-decomb'],
      ...['--maxWidth', '8192', '--maxHeight', '8192'],
      ...(sound ? ['-E', 'av_aac', '-B', '128'] : ['-a', 'none']),
    ],
    { cwd: dir },
  );
  const made = run.ok ? await fileAt(output) : { path: undefined, bytes: 0 };
  return { ...made, cpuS: run.cpuS, wallS: run.wallS, said: made.path ? '' : 'failed' };
}

/** Google's table for VP9: from so many bits per second on, so many lines. */
const LADDER: readonly [number, number][] = [
  [1_800_000, 1080],
  [1_024_000, 720],
  [750_000, 480],
  [276_000, 360],
  [0, 240],
];

/**
 * As Constrict works: lines from a fixed table, both passes again with the error multiplied in until the
 * result has between 90 and 100 % of the size.
 */
async function constrict({ clip, bytes, dir, tools }: Request): Promise<Made> {
  const { durationS, video, audio } = clip.facts;
  let factor = 1;
  let cpuS = 0;
  let wallS = 0;
  for (let tries = 1; tries <= 6; tries += 1) {
    const total = ((bytes * 8) / durationS) * 0.965 * factor;
    const crush = total * 0.05 < 24_000;
    const soundBits = audio.length > 0 ? Math.max(8_000, Math.min(96_000, total * (crush ? 0.2 : 0.05))) : 0;
    const rate = Math.max(5_000, Math.floor(total - soundBits));
    const short = Math.min(video.displayWidth, video.displayHeight);
    const lines = Math.min(short, LADDER.find(([from]) => rate >= from)?.[1] ?? 240);
    const scale = video.displayWidth >= video.displayHeight ? `scale=-2:${lines}` : `scale=${lines}:-2`;
    const fps = crush && video.fps > 24 ? ',fps=24' : '';
    const picture = ['-vf', `${scale}${fps}`, '-c:v', 'libx264', '-preset', 'medium', '-pix_fmt', 'yuv420p'];
    const made = await twoPasses({
      ...{ clip, dir, tools, output: join(dir, 'constrict.mp4') },
      picture: [...picture, '-b:v', String(rate)],
      audio: audio.length > 0 ? ['-c:a', 'aac', '-b:a', String(Math.floor(soundBits))] : ['-an'],
    });
    cpuS += made.cpuS;
    wallS += made.wallS;
    const filled = made.bytes / bytes;
    if (!made.path || (filled <= 1 && filled >= 0.9) || tries === 6) {
      return { ...made, cpuS, wallS, said: made.path ? `${lines}p after ${tries} tries` : made.said };
    }
    factor *= 0.98 / filled;
  }
  throw new Error('unreachable');
}

async function fileAt(path: string): Promise<{ path: string | undefined; bytes: number }> {
  return await stat(path).then(
    found => ({ path, bytes: found.size }),
    () => ({ path: undefined, bytes: 0 }),
  );
}
