/** What a result should be: which part, its size, its picture and its quality. */
import type { Trim } from './trim.ts';

/** `1080p` limits the shorter side, `1280x720` the whole frame (turned for portrait); a picture is never upscaled. */
export type Resolution = { kind: 'lines'; lines: number } | { kind: 'box'; width: number; height: number };

/** The worst look that is accepted for the size's sake, in the words of `explain`; `any` accepts what an encoder can make at all. */
export type Floor = 'any' | 'decent' | 'good';

/** What a rule and an instruction together ask for. */
export interface Target {
  /**
   * At most this many bytes, this share (0-1] of the source or its part, or this many bits a second, sound and tables included;
   * absent: as small as it stays visually lossless.
   */
  size?: { kind: 'bytes'; bytes: number } | { kind: 'share'; share: number } | { kind: 'rate'; bitsPerSecond: number };
  /** How it must look in that size. Absent, as in journals of 0.1.0: recognisable. */
  floor?: Floor;
  /** What follows where it would look worse; absent: `hold`. `keep-quality` gives up the size: as if none had been asked for. */
  belowFloor?: 'hold' | 'keep-quality';
  /** Absent: all of the source. */
  trim?: Trim;
  resolution?: Resolution;
  /** At most this many frames per second. */
  fps?: number;
  audio: { kind: 'keep' } | { kind: 'mute' } | { kind: 'bitrate'; bitsPerSecond: number };
  /** Absent: H.264, or whichever MP4 codec the source has when no re-encode is needed. */
  codec?: 'h264' | 'h265' | 'av1';
  /** `auto` stops spending bits once the result is visually lossless; `max` fills the size. */
  quality: 'auto' | 'max';
  /** A result that saves less than this share of the source (0..1) is not worth keeping. */
  minSaving: number;
}

/**
 * The largest size in bytes a result may have; `undefined` if no size was requested, or a bit rate while nobody knows how many
 * seconds the result will have.
 */
export function targetBytes({ size }: Target, sourceBytes: number, durationS?: number): number | undefined {
  if (size?.kind === 'bytes') return size.bytes;
  if (size?.kind === 'share') return Math.floor(size.share * sourceBytes);
  return size && durationS !== undefined ? Math.floor((size.bitsPerSecond * durationS) / 8) : undefined;
}

/** The same where the size is a promise: nothing larger will come out. */
export function promisedBytes(target: Target, sourceBytes: number): number | undefined {
  return target.belowFloor === 'keep-quality' ? undefined : targetBytes(target, sourceBytes);
}

/** `1080p` or `1280x720` as people write it; `undefined` for anything else. */
export function parseResolution(text: string): Resolution | undefined {
  const lines = /^(\d{3,4})p$/i.exec(text.trim());
  if (lines) return { kind: 'lines', lines: Number(lines[1]) };
  const box = /^(\d{2,5}) ?[x×*] ?(\d{2,5})$/i.exec(text.trim());
  if (box) return { kind: 'box', width: Number(box[1]), height: Number(box[2]) };
  return undefined;
}

export function formatResolution(resolution: Resolution): string {
  return resolution.kind === 'lines' ? `${resolution.lines}p` : `${resolution.width}x${resolution.height}`;
}

/** Display size after fitting into `resolution`: same aspect, both sides even, never larger than the source. */
export function fitInto(
  display: { width: number; height: number },
  resolution: Resolution | undefined,
): { width: number; height: number } {
  const even = (n: number) => Math.max(2, Math.round(n / 2) * 2);
  let scale = 1;
  if (resolution?.kind === 'lines') scale = resolution.lines / Math.min(display.width, display.height);
  if (resolution?.kind === 'box') {
    const portrait = display.height > display.width;
    const long = Math.max(resolution.width, resolution.height);
    const short = Math.min(resolution.width, resolution.height);
    scale = Math.min((portrait ? short : long) / display.width, (portrait ? long : short) / display.height);
  }
  // An odd size loses its last row or column rather than growing: chroma is 4:2:0.
  if (scale >= 1) return { width: Math.max(2, display.width & ~1), height: Math.max(2, display.height & ~1) };
  return { width: even(display.width * scale), height: even(display.height * scale) };
}
