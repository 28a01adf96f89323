/** How many parts this machine encodes at once. Pure. docs/encoding.md, Several parts at once */
import type { MediaFacts } from '../../../core/media-info.ts';
import { LINES_PER_CORE, MEMORY_OF_PART, SHARE_OF_MEMORY } from '../tuning.ts';
import { threadsFor } from './presets.ts';
import type { PicturePlan } from './video.ts';

/** What a job may use of this machine. */
export interface Machine {
  cores: number;
  memoryBytes: number;
}

export interface Capacity {
  atOnce: number;
  /** Of each encoder; absent if it decides for itself. */
  threads: number | undefined;
}

/**
 * One encoder, unless it would leave cores idle: the fewer lines a picture has, the fewer cores one encoder keeps busy.
 * `threads` is `local.threads`: all encoders together have no more.
 */
export function capacityFor(
  { facts, picture }: { facts: Pick<MediaFacts, 'video'>; picture: Pick<PicturePlan, 'width' | 'height'> },
  { cores, memoryBytes }: Machine,
  threads: number | undefined,
): Capacity {
  const alone = threadsFor(facts, threads);
  const all = threads ?? cores;
  // A small film has one thread, because more would cost it more than they give.
  const filled = alone === 1 ? 1 : Math.max(1, picture.height / LINES_PER_CORE);
  const { bytes, perPixel, perSourcePixel } = MEMORY_OF_PART;
  const { width, height } = facts.video;
  const needed = bytes + picture.width * picture.height * perPixel + width * height * perSourcePixel;
  const fitting = Math.floor((memoryBytes * SHARE_OF_MEMORY) / needed);
  const atOnce = Math.max(1, Math.min(Math.round(all / filled), fitting));
  return atOnce === 1 ? { atOnce, threads: alone } : { atOnce, threads: Math.max(1, Math.floor(all / atOnce)) };
}
