import { bytesAt, type Codec, crfFor, ownCrf, x264Crf } from './crf.ts';

/**
 * How small the picture must become to look right in so many bits. Decided from the clip itself: a fixed table of bits per pixel
 * costs easy content 9 VMAF (a street at half size where full size was right), encoding.md sections 4a and 4e. All pure.
 */

/** Parts of the asked size that are tried, largest first. */
const RUNGS = [1, 0.75, 0.5, 0.35] as const;
/** The largest rung whose predicted quality is this or better wins; brutal winners ran at CRF 27 to 30. */
const GOOD_CRF = 31;
/**
 * On AV1's own scale: it throws detail away by itself where x264 shows blocks, so its picture stays large for longer. From where on three
 * quarters of the side had more SSIM at the same bytes: CRF 59.5 to 61 of four clips (02, 05, 08, 16), 57 of one that mostly stands still (12).
 */
const GOOD_CRF_AV1 = 60;
/** What a look may be wrong by, steps: no other rung is looked at for less. */
const LOOK_MISS = 1;
/** Coarser than this it cannot. */
const COARSEST_AV1 = 63;
/** Looks bad, whatever is done. Asked for all the same, it is said before hours are spent. */
const HOPELESS_CRF = 42;
/** Blocky but recognisable: what "would look decent" means. */
const DECENT_CRF = 34;
/** Steps of CRF that halve the bits (6 to 7 in encoding.md section 4f). */
const CRF_PER_HALF = 6.5;
/** Bits grow with the side of the picture by this power; 1.5 to 1.65 on five clips. */
const SCALE_POWER = 1.6;
const MIN_SIDE = 120;

/** What the samples showed: bits per second of the whole clip at full size and SAMPLE_CRF. */
export interface SampledRate {
  bitsPerSecond: number;
  /**
   * How much detail stands still: bits per pixel of a keyframe, times the seconds that the frames between keyframes can be had for its
   * bits. Absent where that is not known.
   */
  stillDetail?: number;
  /** So many places of the clip were looked at, and what share of it that was. */
  places?: number;
  share?: number;
  /** Wall time the sample took, decoded and encoded with `veryfast`; absent where none could be taken. */
  secondsPerFrame?: number;
}

export const SAMPLE_CRF = 28;
/** Samples are encoded with `veryfast`, which needs 0.83 of the bits of `medium` at the same CRF (and looks worse for it). */
const MEDIUM_OVER_VERYFAST = 1.2;

/**
 * Where a picture rich in detail stands still, x264 refines it over many frames, far beyond the nominal CRF, while a smaller picture
 * never has it: so many steps coarser are as good. SSIM at brutal sizes, at the rung this leads to and at the one without it: street
 * (2.1) 0.930 at three quarters (0.931 at full size) and 0.918 at half; car park (1.2) 0.964 and at a third 0.951; a square (0.8) 0.940 and at
 * half 0.933 (0.4 in a sample of half its size). What moves has 0.01 to 0.15: there the best rungs lie where GOOD_CRF says.
 */
const LITTLE_STILL_DETAIL = 0.25;
const STILL_PER_DOUBLING = 7;
const MAX_STILLNESS = 6.2;

export function stillness({ stillDetail = 0 }: SampledRate): number {
  if (stillDetail <= LITTLE_STILL_DETAIL) return 0;
  return Math.min(MAX_STILLNESS, STILL_PER_DOUBLING * Math.log2(stillDetail / LITTLE_STILL_DETAIL));
}

/** The CRF a two-pass encode at `rate` bits per second will be about as good as. */
export function predictedCrf(sample: SampledRate, rate: number, scale: number): number {
  const atSample = sample.bitsPerSecond * MEDIUM_OVER_VERYFAST * scale ** SCALE_POWER;
  return SAMPLE_CRF + CRF_PER_HALF * Math.log2(atSample / rate);
}

/** Bits per second needed for a CRF at a scale; the inverse of predictedCrf. */
export function predictedRate(sample: SampledRate, crf: number, scale: number): number {
  return sample.bitsPerSecond * MEDIUM_OVER_VERYFAST * scale ** SCALE_POWER * 2 ** ((SAMPLE_CRF - crf) / CRF_PER_HALF);
}

const ENOUGH_PLACES = 3;
const ENOUGH_SHARE = 0.15;
/** 02 generous by 8, 12 by 10: whatever is decided from one place alone must be so much clearer. */
const ONE_PLACE_DOUBT = 9;

/** Steps of CRF by which a prediction from few places may be wrong besides, where the rest of the clip is not like them. */
export function sampleDoubt({ places = 1, share = 0 }: SampledRate): number {
  return places >= ENOUGH_PLACES || share >= ENOUGH_SHARE ? 0 : ONE_PLACE_DOUBT;
}

export interface Rung {
  scale: number;
  crf: number;
  /** Not even the smallest picture will be recognisable. */
  hopeless: boolean;
}

export function chooseRung(
  sample: SampledRate,
  rate: number,
  size: { width: number; height: number },
  codec: Codec = 'h264',
): Rung {
  const allowed = allowedRungs(size);
  const good = codec === 'av1' ? x264Crf('av1', GOOD_CRF_AV1) : GOOD_CRF + stillness(sample);
  const scale = allowed.find(one => predictedCrf(sample, rate, one) <= good) ?? allowed[allowed.length - 1] ?? 1;
  const crf = predictedCrf(sample, rate, scale);
  // Samples of x264 were wrong by a factor of five about AV1 (12, held though it did 0.95 SSIM): there the first pass says it.
  return { scale, crf, hopeless: codec !== 'av1' && crf > HOPELESS_CRF + sampleDoubt(sample) };
}

/** What a first pass of AV1 at `scale` showed: the picture's bytes at a quality of its own scale. */
export interface Av1Measurement {
  scale: number;
  crf: number;
  bytes: number;
}

/** The rung for AV1 once it has been seen how many bytes it needs; `crf` is on its own scale. */
export function rungSeen(
  measurement: Av1Measurement,
  wantBytes: number,
  size: { width: number; height: number },
): Rung {
  const crfAt = (scale: number) =>
    crfFor(
      'av1',
      { crf: measurement.crf, bytes: measurement.bytes * (scale / measurement.scale) ** SCALE_POWER },
      wantBytes,
    );
  const allowed = allowedRungs(size);
  const smallest = allowed[allowed.length - 1] ?? 1;
  const good = (scale: number) =>
    GOOD_CRF_AV1 + (scale === measurement.scale ? LOOK_MISS : scale > measurement.scale ? -LOOK_MISS : 0);
  const scale = allowed.find(one => crfAt(one) <= good(one)) ?? smallest;
  const crf = crfAt(scale);
  return { scale, crf, hopeless: scale === smallest && scale === measurement.scale && crf > COARSEST_AV1 + LOOK_MISS };
}

/** Bytes from which on AV1's smallest picture looks decent. */
export function decentBytesSeen(measurement: Av1Measurement, size: { width: number; height: number }): number {
  const allowed = allowedRungs(size);
  const smallest = allowed[allowed.length - 1] ?? 1;
  const bytes = measurement.bytes * (smallest / measurement.scale) ** SCALE_POWER;
  return bytesAt('av1', { crf: measurement.crf, bytes }, ownCrf('av1', DECENT_CRF));
}

/** Bits per second from which on the smallest picture looks decent. */
export function decentRate(sample: SampledRate, size: { width: number; height: number }): number {
  const allowed = allowedRungs(size);
  return predictedRate(sample, DECENT_CRF, allowed[allowed.length - 1] ?? 1);
}

/** Of two clips of 1080p, seen at full size and at half of it. */
const STILL_DETAIL_POWER = 1.2;

/** Of a sample taken at a smaller picture, what it is at full size. */
export function atFullSize(sample: SampledRate, scale: number): SampledRate {
  const { bitsPerSecond, secondsPerFrame, stillDetail } = sample;
  return {
    ...sample,
    bitsPerSecond: Math.round(bitsPerSecond / scale ** SCALE_POWER),
    ...(stillDetail === undefined ? {} : { stillDetail: stillDetail * scale ** STILL_DETAIL_POWER }),
    ...(secondsPerFrame === undefined ? {} : { secondsPerFrame: Number((secondsPerFrame / timeAt(scale)).toFixed(5)) }),
  };
}

/** Of the work that is left at a tiny picture: the source is decoded all the same. */
const DECODING = 0.35;

/** Share of the time that a picture of this scale takes. */
export function timeAt(scale: number): number {
  return DECODING + (1 - DECODING) * scale ** 2;
}

/** Where no sample could be taken: 0.04 bits per pixel at SAMPLE_CRF, the middle of the clips measured. */
export function guessedRate(size: { width: number; height: number }, fps: number): SampledRate {
  return { bitsPerSecond: size.width * size.height * Math.max(1, fps) * 0.04 };
}

function allowedRungs(size: { width: number; height: number }): number[] {
  const shortSide = Math.min(size.width, size.height);
  return RUNGS.filter(scale => scale === 1 || shortSide * scale >= MIN_SIDE);
}
