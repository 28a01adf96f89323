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
  /** Over all frames, and of the worst 5 % of them. SSIM 0..1, VMAF 0..100, XPSNR in dB (luma). */
  mean: number;
  worst: number;
  /** Means of the eighths of the clip, in order: whether the end pays for the beginning. */
  eighths: number[];
}

const AS_IT_IS: Target = { audio: { kind: 'keep' }, quality: 'auto', minSaving: 0 };

export type Metric = 'ssim' | 'xpsnr' | 'vmaf';

/** Between an untagged picture and a tagged one, ffmpeg 7 converts colours on the way, which moves VMAF by more than a point. */
const UNTAGGED = ',setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown:range=tv';

export async function compare(
  metric: Metric,
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
  const tags = metric === 'vmaf' ? UNTAGGED : '';
  const judge =
    metric === 'vmaf'
      ? `[shown][reference]libvmaf=log_fmt=csv:log_path=${stats}`
      : `[reference][shown]${metric}=stats_file=${stats}`;
  const graph = [
    `[0:${clip.facts.video.index}]${chain(clip.facts)}${tags},${theirs}[reference]`,
    `[1:${facts.video.index}]${chain(facts)}${tags},scale=${size.width}:${size.height}:flags=bicubic,${ours}[shown]`,
    judge,
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

/** `n:1 Y:0.98 U:0.99 V:0.99 All:0.98 (18.1)`, `n:    1  XPSNR y: 37.9  XPSNR u: 42.1 ...`, and a table with a column `vmaf`. */
function valuesOf(metric: Metric, text: string): number[] {
  if (metric === 'vmaf') {
    const [names = [], ...lines] = text.split('\n').map(line => line.split(','));
    const at = names.indexOf('vmaf');
    return lines.flatMap(fields => (fields[at] ? [Number(fields[at])] : []));
  }
  const pattern = metric === 'ssim' ? /All:([\d.]+)/g : /XPSNR y:\s*([\d.]+|inf)/g;
  return [...text.matchAll(pattern)].map(([, value]) => (value === 'inf' ? 100 : Number(value)));
}

function summaryOf(frames: readonly number[]): Quality {
  const mean = (of: readonly number[]) => of.reduce((sum, value) => sum + value, 0) / Math.max(1, of.length);
  const sorted = frames.toSorted((a, b) => a - b);
  const eighth = (n: number) => Math.round((n * frames.length) / 8);
  const eighths = Array.from({ length: 8 }, (_, n) =>
    mean(frames.slice(eighth(n), Math.max(eighth(n) + 1, eighth(n + 1)))),
  );
  return { mean: mean(sorted), worst: mean(sorted.slice(0, Math.max(1, Math.ceil(sorted.length * 0.05)))), eighths };
}
