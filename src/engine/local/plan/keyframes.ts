import type { Codec } from './crf.ts';

/**
 * Frames from one keyframe to the next, at most. One every eight seconds keeps seeking quick. Every five cost a recording of ten frames
 * a second more than its size gave back: there an I frame is worth twenty others. x264's own default is 250 frames.
 */
export function keyframeInterval(fps: number, codec: Codec = 'h264'): number {
  // Of AV1 a keyframe is dearer: another one in 194 frames of a square (16) took 24 % more bytes. Naive's x264 has one in 250 as well.
  if (codec === 'av1') return Math.min(300, Math.max(250, Math.round(fps * 15)));
  return Math.min(300, Math.max(150, Math.round(fps * 8)));
}

/** A tenth longer, so that no keyframe comes right before the end. */
const LONGER_AT_MOST = 1.1;

/**
 * The same, in equal distances over so many frames: a keyframe four frames before the end took a fifth of what a minute of a car park
 * needs for all of them, and x264, which cannot spend that on the few frames behind it, left 1.3 % of the size unused.
 */
export function evenKeyframes(frames: number, fps: number, codec: Codec = 'h264'): number {
  return Math.max(1, Math.ceil(frames / keyframesIn(frames, fps, codec)));
}

/** So many keyframes, in equal distances. */
export function keyframesIn(frames: number, fps: number, codec: Codec): number {
  return Math.max(1, Math.ceil(frames / (keyframeInterval(fps, codec) * LONGER_AT_MOST)));
}
