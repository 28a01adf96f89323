import type { MediaFacts } from '../../../core/media-info.ts';
import { MEMORY_BYTES, MEMORY_PER_PIXEL, ONE_THREAD_BELOW_PIXELS, PRESETS as TUNED } from '../tuning.ts';
import type { Codec } from './crf.ts';

/** How much time a result is worth: `local.effort` of the configuration. */
export type Effort = 'fast' | 'balanced' | 'best';

/** The encoder's name for an effort. */
export const PRESETS: Readonly<Record<Codec, Readonly<Record<Effort, string>>>> = TUNED;

/** ffprobe's names of the codecs. */
export const CODEC_NAMES: Readonly<Record<Codec, string>> = { h264: 'h264', h265: 'hevc', av1: 'av1' };

/** Threads of every step of one job: as configured, or one where there is little to do. */
export function threadsFor({ video }: Pick<MediaFacts, 'video'>, configured: number | undefined): number | undefined {
  return video.width * video.height * video.frames < ONE_THREAD_BELOW_PIXELS ? 1 : configured;
}

/** Bytes of memory a child may use: decoder, filters and look-ahead each hold dozens of frames. */
export function memoryFor({ video }: Pick<MediaFacts, 'video'>): number {
  return MEMORY_BYTES + video.width * video.height * MEMORY_PER_PIXEL;
}
