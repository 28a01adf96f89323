import { KEYFRAMES, KEYFRAMES_AV1, KEYFRAMES_STRETCH } from '../tuning.ts';
import type { Codec } from './crf.ts';

/** Frames from one keyframe to the next, at most. docs/encoding.md, Keyframes */
export function keyframeInterval(fps: number, codec: Codec = 'h264'): number {
  const { seconds, least, most } = codec === 'av1' ? KEYFRAMES_AV1 : KEYFRAMES;
  return Math.min(most, Math.max(least, Math.round(fps * seconds)));
}

/** The same, in equal distances over so many frames: a keyframe right before the end would be bits for a moment. */
export function evenKeyframes(frames: number, fps: number, codec: Codec = 'h264'): number {
  return Math.max(1, Math.ceil(frames / keyframesIn(frames, fps, codec)));
}

/** So many keyframes, in equal distances. */
export function keyframesIn(frames: number, fps: number, codec: Codec): number {
  return Math.max(1, Math.ceil(frames / (keyframeInterval(fps, codec) * KEYFRAMES_STRETCH)));
}
