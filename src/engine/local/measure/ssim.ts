/** Comparing a result with its source on sampled frames. docs/encoding.md, Comparing with the source */
import { readFile } from 'node:fs/promises';
import { isShrinkError } from '../../../core/errors.ts';
import type { Cut, MediaFacts } from '../../../core/media-info.ts';
import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import {
  MAX_COMPARED_SHARE,
  MIN_COMPARED_FRAMES,
  MIN_SSIM_MEAN,
  MIN_SSIM_WORST,
  MORE_SSIM_WINDOWS,
  MORE_SSIM_WINDOWS_FROM_S,
  SSIM_WINDOW_S,
  SSIM_WINDOWS,
  SSIM_WORST_SHARE,
  WORK_SHARE,
} from '../tuning.ts';
import type { PicturePlan } from '../plan/video.ts';
import type { Ssim } from '../run/checkpoints.ts';
import { ssimArgs } from '../run/picture-args.ts';
import type { LocalJob } from '../run/local-job.ts';

const STATS = 'ssim.txt';

/** Whether nobody would see a difference. */
export const isCloseEnough = (ssim: Ssim): boolean => ssim.mean >= MIN_SSIM_MEAN && ssim.worst >= MIN_SSIM_WORST;

/** `SSIM 0.985 on 180 sampled frames, 0.978 on the worst 5 %`. */
export function describeSsim({ frames, mean, worst }: Ssim): Sentence {
  return say('local.ssim', { frames, mean, worst });
}

/** What is compared: stretches that begin at cuts between the same two frames in both files. */
export function ssimWindows({
  durationS,
  startS,
  cuts,
  video,
}: MediaFacts): { cut: Cut | undefined; frames: number }[] {
  const windows = durationS >= MORE_SSIM_WINDOWS_FROM_S ? MORE_SSIM_WINDOWS : SSIM_WINDOWS;
  const lengthS = Math.min(SSIM_WINDOW_S, (durationS * MAX_COMPARED_SHARE) / windows);
  const frames = Math.max(MIN_COMPARED_FRAMES, Math.round(lengthS * video.fps));
  if (cuts.length === 0) return [{ cut: undefined, frames: frames * windows }];
  const chosen = new Set<Cut>();
  for (let at = 0; at < windows; at += 1) {
    const middle = startS + (durationS / windows) * (at + 0.5);
    const key = cuts.find(cut => cut.key && Math.abs(cut.atS - middle) < durationS / windows / 2);
    const near = cuts.reduce((best, cut) => (Math.abs(cut.atS - middle) < Math.abs(best.atS - middle) ? cut : best));
    chosen.add(key ?? near);
  }
  return [...chosen].map(cut => ({ cut, frames }));
}

/** Compares a result with its encoder's input; `undefined` if the source cannot be read from its middle. */
export async function measureSsim(job: LocalJob, picture: PicturePlan, file: string): Promise<Ssim | undefined> {
  const { facts, input, tools, context } = job;
  await context.step('compare');
  const similar: number[] = [];
  const windows = ssimWindows(facts);
  for (const { cut, frames } of windows) {
    try {
      await job.run({
        doing: say('local.doing-compare'),
        args: ssimArgs({ tools, facts, input, picture, cut, frames, file, stats: STATS }),
        share: WORK_SHARE.compare / windows.length,
        note: say('step.compare', {}),
      });
      similar.push(...parseStats(await readStats(job)));
    } catch (error) {
      if (!isShrinkError(error, 'child-failed', 'incomplete-media')) throw error;
    }
  }
  await job.remove(STATS);
  return summarise(similar);
}

/** Mean and worst of the frames' similarities; `undefined` without any. */
export function summarise(similar: readonly number[]): Ssim | undefined {
  if (similar.length === 0) return undefined;
  const mean = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / values.length;
  const worst = Math.max(1, Math.round(similar.length * SSIM_WORST_SHARE));
  return {
    frames: similar.length,
    mean: mean(similar),
    worst: mean(similar.toSorted((a, b) => a - b).slice(0, worst)),
  };
}

async function readStats(job: LocalJob): Promise<string> {
  const path = job.path(STATS);
  return await readFile(path, 'utf8').catch((error: unknown) => {
    throw fileError(error, say('files.reading', { path }), path);
  });
}

/** `n:1 Y:0.983 U:0.99 V:0.99 All:0.985 (18.2)` */
function parseStats(text: string): number[] {
  return [...text.matchAll(/All:([\d.]+)/g)].map(match => Number(match[1]));
}
