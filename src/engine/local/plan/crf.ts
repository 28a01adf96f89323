/**
 * Constant rate factors: what each codec's scale means, how bytes follow it, and how SVT-AV1 reaches a size through quality alone.
 * Pure. docs/encoding.md, Quality scales and AV1
 */
import type { Target } from '../../../core/target.ts';
import {
  AIM_DOUBT,
  ENCODE_OVER_MEASURING,
  LAMBDA_DOUBLINGS_PER_HALF,
  MAX_AIM_DOUBT,
  MAX_BY_LAMBDA,
  MAX_STEEPNESS,
  MIN_AIM_DOUBT,
  MIN_QUALITY_STEP,
  MIN_STEEPNESS,
  SCALES as TUNED,
  STEEPER_WITHIN,
  SVT_FRAME_KINDS,
  SVT_LAMBDA_UNIT,
  SVT_MAX_CRF,
  SVT_MAX_PARALLELISM,
  SVT_TUNE,
} from '../tuning.ts';

export type Codec = NonNullable<Target['codec']>;

interface Scale {
  /** Beyond this, more bits can no longer be seen, so none are spent. */
  ceiling: number;
  /** The target where no size was requested. */
  losslessLook: number;
  /** Steps that halve the bits; beyond `steeperFrom`, fewer and fewer. */
  perHalf: number;
  steeperFrom?: number;
  /** The quality that matches x264 at CRF 26, and how many steps equal one of x264's. */
  at26: number;
  perStep: number;
  /** Steps smaller than this make no difference to the encoder. */
  step: number;
  least: number;
  most: number;
}

export const SCALES: Readonly<Record<Codec, Scale>> = TUNED;

/** Converts a quality on x264's scale, as the samples use, to the codec's own. */
export function ownCrf(codec: Codec, x264Crf: number): number {
  const { at26, perStep } = SCALES[codec];
  return onScale(codec, at26 + (x264Crf - 26) * perStep);
}

/** The inverse, not rounded. */
export function x264Crf(codec: Codec, crf: number): number {
  const { at26, perStep } = SCALES[codec];
  return 26 + (crf - at26) / perStep;
}

/** `crf` as the encoder accepts it. */
export function onScale(codec: Codec, crf: number): number {
  const { step, least, most } = SCALES[codec];
  const steps = Math.round(Number((crf / step).toFixed(6)));
  return Math.min(most, Math.max(least, Number((steps * step).toFixed(3))));
}

/** The bytes that a given number of bytes at one quality becomes at another. */
export function bytesAt(codec: Codec, from: { crf: number; bytes: number }, crf: number): number {
  return from.bytes * 2 ** halvings(codec, crf, from.crf);
}

/** The quality, not rounded, at which they become `bytes`. */
export function crfFor(codec: Codec, from: { crf: number; bytes: number }, bytes: number): number {
  return crfBelow(codec, from.crf, Math.log2(Math.max(1, from.bytes) / Math.max(1, bytes)));
}

/** About how many times the bits of `from` are halved at `to`. */
export function halvings(codec: Codec, from: number, to: number): number {
  return (to - from) / SCALES[codec].perHalf + (bend(codec, to) - bend(codec, from));
}

/** The quality at which the bits of `from` are halved this many times; the inverse of halvings. */
export function crfBelow(codec: Codec, from: number, times: number): number {
  const { perHalf, steeperFrom } = SCALES[codec];
  const straight = from + perHalf * (times + bend(codec, from));
  if (steeperFrom === undefined || straight <= steeperFrom) return straight;
  return steeperFrom + STEEPER_WITHIN * (Math.sqrt(1 + (2 * (straight - steeperFrom)) / STEEPER_WITHIN) - 1);
}

/** SVT-AV1's quantiser grows ever faster towards the end of its scale. */
function bend(codec: Codec, crf: number): number {
  const { perHalf, steeperFrom } = SCALES[codec];
  if (steeperFrom === undefined || crf <= steeperFrom) return 0;
  return (crf - steeperFrom) ** 2 / (2 * STEEPER_WITHIN * perHalf);
}

/**
 * A quality of SVT-AV1, whose CRF accepts only whole numbers. Values in between are made by changing the weight of bits against
 * errors (lambda), beside the whole number given here, or the nearest one.
 */
export interface SvtQuality {
  crf: number;
  whole?: number;
}

/** Arguments for libsvtav1. It ignores ffmpeg's own `-threads`; one thread makes the same bytes in a fifth less memory. */
export function svtArgs(quality: SvtQuality, threads?: number): string[] {
  const whole = wholeOf(quality);
  const lambda = Math.round(SVT_LAMBDA_UNIT * 2 ** (LAMBDA_DOUBLINGS_PER_HALF * halvings('av1', whole, quality.crf)));
  const params = [`tune=${SVT_TUNE}`];
  if (threads !== undefined) params.push(`lp=${Math.min(SVT_MAX_PARALLELISM, threads)}`);
  if (lambda !== SVT_LAMBDA_UNIT) {
    const factors = Array.from({ length: SVT_FRAME_KINDS }, () => lambda);
    params.push(`lambda-scale-factors=[${factors.join(',')}]`);
  }
  return ['-crf', String(whole), '-svtav1-params', params.join(':')];
}

function wholeOf({ crf, whole }: SvtQuality): number {
  return whole ?? Math.min(SVT_MAX_CRF, Math.round(crf));
}

/** A quality and the bytes it gave. */
interface TriedQuality extends SvtQuality {
  bytes: number;
}

/**
 * The quality that should give `wantBytes`: between the nearest tries above and below, or extrapolated from the nearest one as
 * steeply as two tries suggest. `first` is the expectation for an untried segment.
 */
export function nextQuality(
  tries: readonly TriedQuality[],
  first: TriedQuality,
  wantBytes: number,
): Required<SvtQuality> {
  const off = ({ bytes }: TriedQuality) => Math.abs(Math.log(Math.max(1, bytes) / Math.max(1, wantBytes)));
  const byDistance = tries.toSorted((a, b) => off(a) - off(b));
  const [nearest] = byDistance;
  if (!nearest) return svtQuality(crfFor('av1', first, wantBytes));
  const whole = wholeOf(nearest);
  const alike = byDistance.filter(one => wholeOf(one) === whole);
  const below = alike.find(one => one.bytes <= wantBytes);
  const above = alike.find(one => one.bytes > wantBytes);
  // The further away a known point is, the less it is trusted.
  const lower = wantBytes * (1 - Math.min(MAX_AIM_DOUBT, Math.max(MIN_AIM_DOUBT, AIM_DOUBT * off(nearest))));
  if (below && above && below.crf - above.crf > MIN_QUALITY_STEP) {
    const part = Math.log(above.bytes / lower) / Math.log(above.bytes / Math.max(1, below.bytes));
    return svtQuality(crfBelow('av1', above.crf, part * halvings('av1', above.crf, below.crf)), whole);
  }
  const wanted = Math.log2(Math.max(1, nearest.bytes) / Math.max(1, lower));
  const crf = crfBelow('av1', nearest.crf, wanted / steepness(nearest, alike[1]));
  const moved =
    nearest.bytes > wantBytes
      ? Math.max(crf, nearest.crf + MIN_QUALITY_STEP)
      : Math.min(crf, nearest.crf - MIN_QUALITY_STEP);
  // Once the first miss is known, another whole number would add a jump of its own.
  const jump = tries.length === 1 && Math.abs(moved - whole) > MAX_BY_LAMBDA;
  return svtQuality(moved, jump ? undefined : whole);
}

function svtQuality(crf: number, whole?: number): Required<SvtQuality> {
  const fine = onScale('av1', crf);
  return { crf: fine, whole: whole ?? wholeOf({ crf: fine }) };
}

function steepness(one: TriedQuality, other: TriedQuality | undefined): number {
  const usual = other ? halvings('av1', one.crf, other.crf) : 0;
  if (!other || Math.abs(usual) < 0.01) return 1;
  const seen = Math.log2(Math.max(1, one.bytes) / Math.max(1, other.bytes));
  return Math.min(MAX_STEEPNESS, Math.max(MIN_STEEPNESS, seen / usual));
}

/** Bytes of an encode per byte of the quick first pass at the same quality, from the segments done so far. */
export function slowerNeeds(done: readonly { first: TriedQuality; last: TriedQuality }[]): number {
  const got = done.reduce((sum, { last }) => sum + last.bytes, 0);
  const expected = done.reduce((sum, { first, last }) => sum + bytesAt('av1', first, last.crf), 0);
  return expected > 0 ? got / expected : ENCODE_OVER_MEASURING;
}
