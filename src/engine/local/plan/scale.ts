/**
 * How small the picture must become to look right in the available bits, decided from the clip itself. Pure.
 * docs/encoding.md, Picture size and Samples
 */
import type { Floor } from '../../../core/target.ts';
import {
  COARSEST_CRF_AV1,
  DECENT_CRF,
  DECODING_SHARE,
  ENOUGH_PLACES,
  ENOUGH_SAMPLED_SHARE,
  GOOD_CRF,
  GOOD_CRF_AV1,
  GUESSED_BITS_PER_PIXEL,
  HOPELESS_CRF,
  LOOKS,
  LITTLE_STILL_DETAIL,
  MAX_STILLNESS,
  MEASURED_MISS,
  MEDIUM_OVER_VERYFAST,
  MIN_SIDE,
  ONE_PLACE_DOUBT,
  RUNGS,
  SAMPLE_CRF,
  SCALE_POWER,
  STILL_DETAIL_POWER,
  STILLNESS_PER_DOUBLING,
} from '../tuning.ts';
import { bytesAt, type Codec, crfFor, ownCrf, SCALES, x264Crf } from './crf.ts';

export interface Size {
  width: number;
  height: number;
}

/** What the samples showed: bits per second of the whole clip at full size and SAMPLE_CRF. */
export interface SampledRate {
  bitsPerSecond: number;
  /**
   * How much detail stands still: bits per pixel of a keyframe, times the seconds for which its bits would pay for the frames
   * between keyframes. Absent if unknown.
   */
  stillDetail?: number;
  /** Number of places sampled, and their share of the clip. */
  places?: number;
  share?: number;
  /** Wall time of the sample, decoded and encoded with `veryfast`; absent if none could be taken. */
  secondsPerFrame?: number;
}

/**
 * How many steps of CRF coarser looks as good: if a detailed picture stands still, x264 refines it over many frames, which a
 * smaller picture never gets.
 */
export function stillness({ stillDetail = 0 }: SampledRate): number {
  if (stillDetail <= LITTLE_STILL_DETAIL) return 0;
  return Math.min(MAX_STILLNESS, STILLNESS_PER_DOUBLING * Math.log2(stillDetail / LITTLE_STILL_DETAIL));
}

/** The CRF whose quality a two-pass encode at `rate` bits per second will roughly match. */
export function predictedCrf(sample: SampledRate, rate: number, scale: number): number {
  const atSample = sample.bitsPerSecond * MEDIUM_OVER_VERYFAST * scale ** SCALE_POWER;
  return SAMPLE_CRF + SCALES.h264.perHalf * Math.log2(atSample / rate);
}

/** Bits per second needed for a CRF at a scale; the inverse of predictedCrf. */
export function predictedRate(sample: SampledRate, crf: number, scale: number): number {
  const atSample = sample.bitsPerSecond * MEDIUM_OVER_VERYFAST * scale ** SCALE_POWER;
  return atSample * 2 ** ((SAMPLE_CRF - crf) / SCALES.h264.perHalf);
}

/** By how many more steps of CRF a prediction from few places may be wrong, if the rest of the clip differs from them. */
export function sampleDoubt({ places = 1, share = 0 }: SampledRate): number {
  return places >= ENOUGH_PLACES || share >= ENOUGH_SAMPLED_SHARE ? 0 : ONE_PLACE_DOUBT;
}

export interface Rung {
  scale: number;
  crf: number;
  /** Not even the smallest picture will be recognisable. */
  hopeless: boolean;
}

/** The largest picture that will look right at `rate` bits per second, from the samples; `size` is that of the whole picture. */
export function chooseRung(sample: SampledRate, rate: number, size: Size, codec: Codec = 'h264'): Rung {
  const rungs = allowedRungs(size);
  const good = codec === 'av1' ? x264Crf('av1', GOOD_CRF_AV1) : GOOD_CRF + stillness(sample);
  const scale = rungs.find(one => predictedCrf(sample, rate, one) <= good) ?? smallest(rungs);
  const crf = predictedCrf(sample, rate, scale);
  // Samples of x264 say little about AV1, so there the first pass decides.
  return { scale, crf, hopeless: codec !== 'av1' && crf > HOPELESS_CRF + sampleDoubt(sample) };
}

/**
 * What a CRF on x264's scale looks like at a scale, as a CRF at full size. A picture is only made smaller where all of it would look
 * worse than GOOD_CRF, and what it then lacks is the finest detail: it never looks better than decent.
 */
export function looksLike(sample: SampledRate, { scale, crf }: Pick<Rung, 'scale' | 'crf'>): number {
  const own = crf - stillness(sample);
  return scale < 1 ? Math.max(LOOKS.good, own) : own;
}

/** From this look on, as `looksLike` has it, it is worse than the floor. */
export const WORSE_THAN: Readonly<Record<Floor, number>> = {
  any: Number.POSITIVE_INFINITY,
  decent: LOOKS.decent,
  good: LOOKS.good,
};

/** Whether it looks worse than the floor, by more than `miss` steps. A smaller picture is never good. */
export function isWorseThan(floor: Floor, sample: SampledRate, rung: Pick<Rung, 'scale' | 'crf'>, miss = 0): boolean {
  if (floor === 'good' && rung.scale < 1) return true;
  return looksLike(sample, rung) >= WORSE_THAN[floor] + miss;
}

/**
 * What a first pass of x264 or x265 over a whole picture showed (bytes at a quality on its codec's scale), as samples would: nothing
 * of it is in doubt. Right for results of about `wantBytes`.
 */
export function rateMeasured(
  sample: SampledRate,
  { codec, crf, bytes }: { codec: Codec; crf: number; bytes: number },
  { scale, durationS, wantBytes }: { scale: number; durationS: number; wantBytes: number },
): SampledRate {
  const matched = x264Crf(codec, crfFor(codec, { crf, bytes }, wantBytes));
  const rate = (Math.max(1, wantBytes) * 8) / durationS;
  const atSample = rate * 2 ** ((matched - SAMPLE_CRF) / SCALES.h264.perHalf);
  const bitsPerSecond = Math.round(atSample / (MEDIUM_OVER_VERYFAST * scale ** SCALE_POWER));
  return { ...sample, bitsPerSecond, places: ENOUGH_PLACES, share: 1 };
}

/** What a first pass of AV1 at `scale` showed: the picture's bytes at a quality on its own scale. */
export interface Av1Measurement {
  scale: number;
  crf: number;
  bytes: number;
}

/** The rung for AV1 once its bytes were measured; `crf` is on its own scale. */
export function rungMeasured(measurement: Av1Measurement, wantBytes: number, size: Size): Rung {
  const { scale: measured } = measurement;
  const rungs = allowedRungs(size);
  const crfAt = (scale: number) =>
    crfFor('av1', { crf: measurement.crf, bytes: bytesAtScale(measurement, scale) }, wantBytes);
  // Another size is chosen only if it is clearly better.
  const good = (scale: number) =>
    GOOD_CRF_AV1 + (scale === measured ? MEASURED_MISS : scale > measured ? -MEASURED_MISS : 0);
  const scale = rungs.find(one => crfAt(one) <= good(one)) ?? smallest(rungs);
  const crf = crfAt(scale);
  const hopeless = scale === smallest(rungs) && scale === measured && crf > COARSEST_CRF_AV1 + MEASURED_MISS;
  return { scale, crf, hopeless };
}

/** Whether what was measured looks worse than the floor; without one, whether it is unrecognisable. */
export function isBelowMeasured({ scale, crf, hopeless }: Rung, floor: Floor | undefined): boolean {
  if (floor === undefined) return hopeless;
  if (floor === 'good') return scale < 1 || crf > ownCrf('av1', LOOKS.good) + MEASURED_MISS;
  return floor === 'decent' && crf > GOOD_CRF_AV1 + MEASURED_MISS;
}

/** The smallest number of bytes in which AV1's smallest picture looks decent, or all of it good. */
export function bytesMeasured(measurement: Av1Measurement, size: Size, floor: Floor | undefined): number {
  if (floor === 'good')
    return bytesAt('av1', { crf: measurement.crf, bytes: bytesAtScale(measurement, 1) }, ownCrf('av1', LOOKS.good));
  const bytes = bytesAtScale(measurement, smallest(allowedRungs(size)));
  return bytesAt('av1', { crf: measurement.crf, bytes }, ownCrf('av1', DECENT_CRF));
}

function bytesAtScale({ bytes, scale: measured }: Av1Measurement, scale: number): number {
  return bytes * (scale / measured) ** SCALE_POWER;
}

/** The lowest bit rate at which the smallest picture looks decent. */
export function decentRate(sample: SampledRate, size: Size): number {
  return predictedRate(sample, DECENT_CRF, smallest(allowedRungs(size)));
}

/** What a sample of a smaller picture means at full size. */
export function atFullSize(sample: SampledRate, scale: number): SampledRate {
  const { bitsPerSecond, secondsPerFrame, stillDetail } = sample;
  return {
    ...sample,
    bitsPerSecond: Math.round(bitsPerSecond / scale ** SCALE_POWER),
    stillDetail: stillDetail === undefined ? undefined : stillDetail * scale ** STILL_DETAIL_POWER,
    secondsPerFrame: secondsPerFrame === undefined ? undefined : Number((secondsPerFrame / timeAt(scale)).toFixed(5)),
  };
}

/** Share of the full-size time that a picture of this scale takes. */
export function timeAt(scale: number): number {
  return DECODING_SHARE + (1 - DECODING_SHARE) * scale ** 2;
}

/** Used if no sample could be taken. */
export function guessedRate(size: Size, fps: number): SampledRate {
  return { bitsPerSecond: size.width * size.height * Math.max(1, fps) * GUESSED_BITS_PER_PIXEL };
}

function allowedRungs(size: Size): number[] {
  const shortSide = Math.min(size.width, size.height);
  return RUNGS.filter(scale => scale === 1 || shortSide * scale >= MIN_SIDE);
}

function smallest(rungs: readonly number[]): number {
  return rungs.at(-1) ?? 1;
}
