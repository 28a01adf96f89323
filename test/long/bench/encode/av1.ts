/** The AV1 tier: the naive recipe's picture in 70 % of its bytes. */
import { rm } from 'node:fs/promises';
import type { Tools } from '../../../../src/media/ffmpeg/tools.ts';
import { naive, shrinkbox } from './candidates.ts';
import { type Clip, sizeFor } from './clips.ts';
import { compare } from './quality.ts';
import { type Goal, median, percent } from './report.ts';

const SHARE = 0.7;

export async function av1Goal(
  clips: readonly Clip[],
  options: { tools: Tools; modern: Tools; dir: string; say: (line: string) => void },
): Promise<Goal> {
  const { tools, modern, dir, say } = options;
  const differences: number[] = [];
  const worse: string[] = [];
  const sizes: number[] = [];
  const failed: string[] = [];
  for (const clip of clips) {
    const plain = await naive({ clip, bytes: sizeFor(clip, 'normal'), dir, tools });
    if (!plain.path) {
      say(`${clip.name}: naive ${plain.said}`);
      continue;
    }
    const before = await compare('ssim', plain.path, clip, { tools, with: modern, dir });
    const bytes = Math.floor(plain.bytes * SHARE);
    const made = await shrinkbox({ clip, bytes, dir, tools: modern }, { ask: 'AV1' });
    if (!made.path) {
      failed.push(`${clip.name} (${made.said})`);
      say(`${clip.name}: ${made.said}`);
      continue;
    }
    const after = await compare('ssim', made.path, clip, { tools, with: modern, dir });
    const better = after.mean - before.mean;
    differences.push(better);
    sizes.push(made.bytes / plain.bytes);
    if (better < 0) worse.push(`${clip.name} ${better.toFixed(4)}`);
    say(
      `${clip.name}: naive ${before.mean.toFixed(4)}/${before.worst.toFixed(4)} at ${plain.bytes} B, CPU ${plain.cpuS.toFixed(1)} s; ` +
        `AV1 ${after.mean.toFixed(4)}/${after.worst.toFixed(4)} at ${made.bytes} of ${bytes} B, CPU ${made.cpuS.toFixed(1)} s; ${made.said}`,
    );
    await rm(made.path);
  }
  const list = worse.length === 0 ? 'worse on none' : `worse: ${worse.join(', ')}`;
  return {
    what: `AV1 (ffmpeg ${modern.version}): naive's SSIM at 70 % of its bytes, normal sizes`,
    reach: 'as good',
    measured:
      `median ${median(differences) >= 0 ? '+' : ''}${median(differences).toFixed(4)} at ${percent(median(sizes))} of the bytes ` +
      `(${differences.length} clips); ${list}${failed.length > 0 ? `; not made: ${failed.join(', ')}` : ''}`,
    reached: differences.length > 0 && worse.length === 0 && failed.length === 0,
  };
}
