export type Codec = 'h264' | 'h265' | 'av1';

/**
 * Constant rate factors: what each codec's scale means. Numbers for x264 and SVT-AV1 from encoding.md sections 4d and 4f; x265
 * lies two steps above x264 for the same picture.
 */
interface Scale {
  /** Where more bits can no longer be seen: VMAF 98 to 99. Nothing is spent above it. */
  ceiling: number;
  /** Asked for no size: VMAF about 98, the worst frames about 95. */
  losslessLook: number;
  /** Steps that halve the bits; from `steeperFrom` on fewer and fewer, down to half of them nine steps further. */
  perHalf: number;
  steeperFrom?: number;
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
  av1: {
    ...{ ceiling: 24, losslessLook: 28, perHalf: 10, steeperFrom: 54, at26: 40, perStep: 1.5 },
    // Parts of a step and what lies above 63 are made with lambda (svt-av1.ts).
    ...{ step: 0.02, least: 10, most: 66 },
  },
};

/** A quality on x264's scale, which the samples speak, on the codec's own. */
export function ownCrf(codec: Codec, x264Crf: number): number {
  const { at26, perStep } = SCALES[codec];
  return onScale(codec, at26 + (x264Crf - 26) * perStep, Math.round);
}

/** The other way round, not rounded. */
export function x264Crf(codec: Codec, crf: number): number {
  const { at26, perStep } = SCALES[codec];
  return 26 + (crf - at26) / perStep;
}

/** `crf` as the encoder can have it. */
export function onScale(codec: Codec, crf: number, round: (steps: number) => number): number {
  const { step, least, most } = SCALES[codec];
  const steps = round(Number((crf / step).toFixed(6)));
  return Math.min(most, Math.max(least, Number((steps * step).toFixed(3))));
}

/** What so many bytes at one quality become at another. */
export function bytesAt(codec: Codec, from: { crf: number; bytes: number }, crf: number): number {
  return from.bytes * 2 ** halvings(codec, crf, from.crf);
}

/** The quality, not rounded, at which they become `bytes`. */
export function crfFor(codec: Codec, from: { crf: number; bytes: number }, bytes: number): number {
  return crfBelow(codec, from.crf, Math.log2(Math.max(1, from.bytes) / Math.max(1, bytes)));
}

const STEEPER_WITHIN = 9;

/** How many times the bits of `from` are halved at `to`, about. */
export function halvings(codec: Codec, from: number, to: number): number {
  return (to - from) / SCALES[codec].perHalf + (bend(codec, to) - bend(codec, from));
}

/** The quality at which the bits of `from` are halved so many times; the inverse of halvings. */
export function crfBelow(codec: Codec, from: number, times: number): number {
  const { perHalf, steeperFrom } = SCALES[codec];
  const straight = from + perHalf * (times + bend(codec, from));
  if (steeperFrom === undefined || straight <= steeperFrom) return straight;
  return steeperFrom + STEEPER_WITHIN * (Math.sqrt(1 + (2 * (straight - steeperFrom)) / STEEPER_WITHIN) - 1);
}

/**
 * SVT-AV1's quantizer grows faster and faster towards its end. Steps that halve the bits, at CRF 42 to 54 and 54 to 57: a moving camera 12 and 9 (57
 * to 63: 4), two people 8.5 and 6, a street, most of it keyframe, 11 and 11.
 */
function bend(codec: Codec, crf: number): number {
  const { perHalf, steeperFrom } = SCALES[codec];
  if (steeperFrom === undefined || crf <= steeperFrom) return 0;
  return (crf - steeperFrom) ** 2 / (2 * STEEPER_WITHIN * perHalf);
}
