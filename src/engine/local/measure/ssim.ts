import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError } from '../../../platform/files/file-error.ts';
import { isShrinkError } from '../../../core/errors.ts';
import type { Cut, MediaFacts } from '../../../core/media-info.ts';
import { ssimArgs } from '../run/ffmpeg-args.ts';
import { type LocalJob, forget, runStep } from '../run/local-job.ts';
import type { PicturePlan } from '../plan/video.ts';

/** How alike source and result are, frame by frame, as structural similarity: 1 is the same picture. */
export interface Ssim {
  frames: number;
  mean: number;
  /** Mean of the worst twentieth of the frames. */
  worst: number;
}

/**
 * What counts as proven. Real footage at CRF 20 has means of 0.983 to 0.995 and no frame below 0.978; at CRF 26, where a
 * difference can be seen, a hand-held camera has 0.963 and 0.956. VMAF says more, but no ffmpeg of a distribution has it, and one
 * line that holds everywhere is worth more than three that depend on the build.
 */
const MIN_MEAN = 0.975;
const MIN_WORST = 0.965;

const PLACES = 3;
const PLACE_S = 2;
/** A long film has more kinds of scenes, and time enough. */
const MORE_FROM_S = 600;
const MORE_PLACES = 8;
/** Of the clip: both are decoded there, which costs 2 to 3 % of the encode. */
const MAX_SHARE_OF_CLIP = 0.08;
const MIN_FRAMES = 8;
const SHARE = 0.02;
const STATS = 'proof.txt';

export const isCloseEnough = (ssim: Ssim): boolean => ssim.mean >= MIN_MEAN && ssim.worst >= MIN_WORST;

/** `SSIM 0.985 on 180 sampled frames, 0.978 on the worst 5 %`. */
export function describeSsim({ frames, mean, worst }: Ssim): string {
  return `SSIM ${mean.toFixed(3)} on ${frames} sampled frames, ${worst.toFixed(3)} on the worst 5 %`;
}

/** Where to look: at cuts, which stand between the same two frames in both files. */
export function ssimWindows({
  durationS,
  startS,
  cuts,
  video,
}: MediaFacts): { cut: Cut | undefined; frames: number }[] {
  const places = durationS >= MORE_FROM_S ? MORE_PLACES : PLACES;
  const lengthS = Math.min(PLACE_S, (durationS * MAX_SHARE_OF_CLIP) / places);
  const frames = Math.max(MIN_FRAMES, Math.round(lengthS * video.fps));
  if (cuts.length === 0) return [{ cut: undefined, frames: frames * places }];
  const chosen = new Set<Cut>();
  for (let at = 0; at < places; at += 1) {
    const middle = startS + (durationS / places) * (at + 0.5);
    const key = cuts.find(cut => cut.key && Math.abs(cut.atS - middle) < durationS / places / 2);
    const near = cuts.reduce((best, cut) => (Math.abs(cut.atS - middle) < Math.abs(best.atS - middle) ? cut : best));
    chosen.add(key ?? near);
  }
  return [...chosen].map(cut => ({ cut, frames }));
}

/** Compares a result with what its encoder was given; `undefined` where the source cannot be read from its middle. */
export async function measureSsim(job: LocalJob, picture: PicturePlan, file: string): Promise<Ssim | undefined> {
  const { facts, input, tools, context } = job;
  await context.step('compare');
  const found: number[] = [];
  const places = ssimWindows(facts);
  for (const { cut, frames } of places) {
    try {
      await runStep(job, {
        doing: 'comparing with the source',
        args: ssimArgs({ tools, facts, input, picture, cut, frames, file, stats: STATS }),
        share: SHARE / places.length,
        note: 'comparing',
      });
      found.push(...similarities(await readStats(context.workDir)));
    } catch (error) {
      if (!isShrinkError(error, 'child-failed', 'incomplete-media')) throw error;
    }
  }
  await forget(job, STATS);
  return parseSsim(found);
}

export function parseSsim(similar: readonly number[]): Ssim | undefined {
  if (similar.length === 0) return undefined;
  const mean = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / values.length;
  const worst = similar.toSorted((a, b) => a - b).slice(0, Math.max(1, Math.round(similar.length / 20)));
  return { frames: similar.length, mean: mean(similar), worst: mean(worst) };
}

async function readStats(workDir: string): Promise<string> {
  const path = join(workDir, STATS);
  return await readFile(path, 'utf8').catch((error: unknown) => {
    throw fileError(error, 'reading the comparison', path);
  });
}

/** `n:1 Y:0.983 U:0.99 V:0.99 All:0.985 (18.2)` */
function similarities(text: string): number[] {
  return [...text.matchAll(/All:([\d.]+)/g)].map(match => Number(match[1]));
}
