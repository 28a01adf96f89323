/** One clip and one size, given to every candidate in turn. */
import { rm } from 'node:fs/promises';
import { planPicture } from '../../../../src/engine/local/plan/video.ts';
import { probe } from '../../../../src/media/probe/probe.ts';
import type { Tools } from '../../../../src/media/ffmpeg/tools.ts';
import { CANDIDATES, type CandidateName, type Made, naive, type Request } from './candidates.ts';
import { type Clip, sizeFor, type TargetName } from './clips.ts';
import { compare, type Quality } from './quality.ts';
import { ownFile } from '../../../../src/platform/files/files.ts';

export interface Scored extends Made {
  ssim?: Quality;
  xpsnr?: Quality;
  vmaf?: Quality;
}

export interface Row {
  clip: string;
  target: TargetName;
  /** Bytes asked for. */
  bytes: number;
  scored: Partial<Record<CandidateName, Scored>>;
  /** Shrinkbox's picture is smaller than the source's. */
  downsized?: boolean;
  /** Processor time of the naive recipe with shrinkbox's picture size (and its tone mapping). */
  sameWorkCpuS?: number;
  /** SSIM of the naive recipe in as many bytes as shrinkbox took, where by itself it took more. */
  naiveAlike?: Pick<Quality, 'mean' | 'worst'>;
}

export async function measure(
  clip: Clip,
  target: TargetName,
  names: readonly CandidateName[],
  options: { tools: Tools; judge: Tools; dir: string; say: (line: string) => void },
): Promise<Row> {
  const { tools, dir, say } = options;
  const request: Request = { clip, bytes: sizeFor(clip, target), dir, tools };
  const row: Row = { clip: clip.name, target, bytes: request.bytes, scored: {} };
  for (const name of names) {
    const made: Scored = await CANDIDATES[name](request);
    row.scored[name] = made;
    if (made.path) {
      const judged = { tools, with: options.judge, dir };
      made.ssim = await compare('ssim', made.path, clip, judged);
      if (options.judge.filters.has('xpsnr')) made.xpsnr = await compare('xpsnr', made.path, clip, judged);
      if (options.judge.filters.has('libvmaf')) made.vmaf = await compare('vmaf', made.path, clip, judged);
      if (name === 'shrinkbox' && names.includes('naive')) await sameWork(row, made.path, request);
      await rm(made.path, { force: true });
    }
    say(inWords(row, name, made));
  }
  await naiveAtOurSize(row, request, { tools, with: options.judge, dir });
  return row;
}

/** What the naive recipe costs at the size shrinkbox chose; at full size and without HDR it is the naive run itself. */
async function sameWork(row: Row, path: string, request: Request): Promise<void> {
  const { clip, tools } = request;
  const { video } = clip.facts;
  const after = (await probe(ownFile(path), { tools })).video;
  row.downsized = after.displayWidth < video.displayWidth - 1;
  if (!row.downsized && video.hdr === 'sdr') return;
  const resolution = { kind: 'box' as const, width: after.displayWidth, height: after.displayHeight };
  const plan = planPicture(
    clip.facts,
    { audio: { kind: 'keep' }, quality: 'auto', minSaving: 0, resolution },
    1,
    tools,
  );
  const again = await naive(request, { filters: plan.filters });
  if (again.path) row.sameWorkCpuS = again.cpuS;
}

/** A file that is over the size looks better for it: what the recipe makes of the bytes that shrinkbox had, between two runs of it. */
async function naiveAtOurSize(row: Row, request: Request, judged: Parameters<typeof compare>[3]): Promise<void> {
  const { shrinkbox, naive: plain } = row.scored;
  if (!shrinkbox?.path || !plain?.ssim || plain.bytes <= shrinkbox.bytes) return;
  const sound = request.clip.facts.audio.length > 0 ? (128_000 * request.clip.facts.durationS) / 8 : 0;
  const share = Math.max(0.05, (shrinkbox.bytes - sound) / (plain.bytes - sound));
  const less = await naive(request, { share: share ** 1.1 });
  if (!less.path || less.bytes >= plain.bytes) return;
  const ssim = await compare('ssim', less.path, request.clip, judged);
  await rm(less.path, { force: true });
  const at = Math.log(shrinkbox.bytes / less.bytes) / Math.log(plain.bytes / less.bytes);
  const between = (low: number, high: number) => low + (high - low) * at;
  row.naiveAlike = { mean: between(ssim.mean, plain.ssim.mean), worst: between(ssim.worst, plain.ssim.worst) };
}

/** Processor time of one naive two-pass encode with the same preset and picture size. */
export function referenceCpuS(row: Row): number | undefined {
  if (row.sameWorkCpuS !== undefined) return row.sameWorkCpuS;
  const { naive: plain } = row.scored;
  return row.downsized === false && plain?.path ? plain.cpuS : undefined;
}

function inWords(row: Row, name: string, made: Scored): string {
  const filled = made.path ? (made.bytes / row.bytes).toFixed(4) : 'nothing';
  const ssim = made.ssim ? `SSIM ${made.ssim.mean.toFixed(4)} worst ${made.ssim.worst.toFixed(4)}` : '';
  return `${row.clip} ${row.target} ${name}: ${filled} of ${row.bytes} B, ${ssim}, CPU ${made.cpuS.toFixed(1)} s, ${made.said}`;
}
