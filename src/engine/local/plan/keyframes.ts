import { KEYFRAMES, KEYFRAMES_AV1, KEYFRAMES_STRETCH } from '../tuning.ts';
import type { Codec } from './crf.ts';

/** The most frames from one keyframe to the next. docs/encoding.md, Keyframes */
export function keyframeInterval(fps: number, codec: Codec = 'h264'): number {
  const { seconds, least, most } = codec === 'av1' ? KEYFRAMES_AV1 : KEYFRAMES;
  return Math.min(most, Math.max(least, Math.round(fps * seconds)));
}

/** The same, evenly spaced over this many frames: a keyframe right before the end would waste bits on a moment. */
export function evenKeyframes(frames: number, fps: number, codec: Codec = 'h264'): number {
  return Math.max(1, Math.ceil(frames / keyframesIn(frames, fps, codec)));
}

/** This many keyframes, evenly spaced. */
export function keyframesIn(frames: number, fps: number, codec: Codec): number {
  return Math.max(1, Math.ceil(frames / (keyframeInterval(fps, codec) * KEYFRAMES_STRETCH)));
}
