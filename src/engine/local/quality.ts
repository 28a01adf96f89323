import type { Codec } from './argv.ts';

/**
 * Constant rate factors: what each codec's scale means. Numbers for x264 and SVT-AV1 from encoding.md sections 4d and 4f; x265
 * lies two steps above x264 for the same picture.
 */
interface Scale {
  /** Where more bits can no longer be seen: VMAF 98 to 99. Nothing is spent above it. */
  ceiling: number;
  /** Asked for no size: VMAF about 98, the worst frames about 95. */
  losslessLook: number;
  /** Steps that halve the bits. */
  perHalf: number;
  /** The same picture as x264 at CRF 26, and how many steps one of x264's is. */
  at26: number;
  perStep: number;
  /** Steps smaller than this mean nothing to the encoder. */
  step: number;
  least: number;
  most: number;
}

export const SCALES: Readonly<Record<Codec, Scale>> = {
  h264: { ceiling: 18, losslessLook: 20, perHalf: 6.5, at26: 26, perStep: 1, step: 0.1, least: 10, most: 45 },
  h265: { ceiling: 20, losslessLook: 22, perHalf: 6.5, at26: 28, perStep: 1, step: 0.1, least: 10, most: 45 },
  av1: { ceiling: 24, losslessLook: 28, perHalf: 10, at26: 40, perStep: 1.5, step: 1, least: 10, most: 60 },
};

/** A quality on x264's scale, which the samples speak, on the codec's own. */
export function ownCrf(codec: Codec, x264Crf: number): number {
  const { at26, perStep } = SCALES[codec];
  return onScale(codec, at26 + (x264Crf - 26) * perStep, Math.round);
}

/** `crf` as the encoder can have it. */
export function onScale(codec: Codec, crf: number, round: (steps: number) => number): number {
  const { step, least, most } = SCALES[codec];
  const steps = round(Number((crf / step).toFixed(6)));
  return Math.min(most, Math.max(least, Number((steps * step).toFixed(3))));
}

/** What so many bytes at one quality become at another. */
export function bytesAt(codec: Codec, from: { crf: number; bytes: number }, crf: number): number {
  return from.bytes * 2 ** ((from.crf - crf) / SCALES[codec].perHalf);
}

/** The quality, not rounded, at which they become `bytes`. */
export function crfFor(codec: Codec, from: { crf: number; bytes: number }, bytes: number): number {
  return from.crf + SCALES[codec].perHalf * Math.log2(Math.max(1, from.bytes) / Math.max(1, bytes));
}
