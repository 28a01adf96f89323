/** How much of the picture is left, as a viewer sees it: at the source's size, HDR tone-mapped on both sides, frame by frame. */
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { MediaFacts } from '../../../../src/core/media-info.ts';
import type { Target } from '../../../../src/core/target.ts';
import { planPicture } from '../../../../src/engine/local/plan/video.ts';
import { probe } from '../../../../src/media/probe/probe.ts';
import type { Tools } from '../../../../src/media/ffmpeg/tools.ts';
import type { Clip } from './clips.ts';
import { ownFile } from '../../../../src/platform/files/files.ts';

export interface Quality {
  /** Over all frames, and of the worst 5 % of them. SSIM 0..1, XPSNR in dB (luma). */
  mean: number;
  worst: number;
}

const AS_IT_IS: Target = { audio: { kind: 'keep' }, quality: 'auto', minSaving: 0 };

export async function compare(
  metric: 'ssim' | 'xpsnr',
  path: string,
  clip: Clip,
  options: { tools: Tools; with: Tools; dir: string },
): Promise<Quality> {
  const { tools, dir } = options;
  const facts = await probe(ownFile(path), { tools });
  const size = planPicture(clip.facts, AS_IT_IS, 1, tools);
  const chain = (of: MediaFacts) => planPicture(of, AS_IT_IS, 1, tools).filters;
  const [theirs, ours] = clocks(clip.facts, facts);
  const stats = join(dir, 'frames.log');
  const graph = [
    `[0:${clip.facts.video.index}]${chain(clip.facts)},${theirs}[reference]`,
    `[1:${facts.video.index}]${chain(facts)},scale=${size.width}:${size.height}:flags=bicubic,${ours}[shown]`,
    `[reference][shown]${metric}=stats_file=${stats}`,
  ];
  const args = [
    ...['-v', 'error', '-nostdin', '-copyts', '-i', clip.path, '-i', path, '-an', '-sn', '-dn'],
    ...['-filter_complex', graph.join(';'), '-fps_mode', 'passthrough', '-f', 'null', '-'],
  ];
  await promisify(execFile)(options.with.ffmpeg, args, { cwd: dir, maxBuffer: 1e8 });
  const frames = valuesOf(metric, await readFile(stats, 'utf8'));
  await rm(stats);
  return summaryOf(frames);
}

/**
 * Frame n against frame n where both have as many. Otherwise (frames dropped or doubled) each frame of the source against what is
 * on the screen in the middle of its time.
 */
function clocks(source: MediaFacts, result: MediaFacts): [string, string] {
  if (source.video.frames === result.video.frames) return ['settb=1/25,setpts=N', 'settb=1/25,setpts=N'];
  const half = 0.5 / Math.max(1, source.video.fps);
  return ['settb=1/90000,setpts=PTS-STARTPTS', `settb=1/90000,setpts=PTS-STARTPTS-${half.toFixed(6)}/TB`];
}

/** `n:1 Y:0.98 U:0.99 V:0.99 All:0.98 (18.1)` and `n:    1  XPSNR y: 37.9  XPSNR u: 42.1 ...`. */
function valuesOf(metric: 'ssim' | 'xpsnr', text: string): number[] {
  const pattern = metric === 'ssim' ? /All:([\d.]+)/g : /XPSNR y:\s*([\d.]+|inf)/g;
  return [...text.matchAll(pattern)].map(([, value]) => (value === 'inf' ? 100 : Number(value)));
}

function summaryOf(frames: readonly number[]): Quality {
  const mean = (of: readonly number[]) => of.reduce((sum, value) => sum + value, 0) / Math.max(1, of.length);
  const sorted = frames.toSorted((a, b) => a - b);
  return { mean: mean(sorted), worst: mean(sorted.slice(0, Math.max(1, Math.ceil(sorted.length * 0.05)))) };
}
