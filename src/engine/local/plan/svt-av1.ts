import { bytesAt, crfBelow, crfFor, halvings, onScale } from './crf.ts';

/**
 * What SVT-AV1 is told, and how a size is hit with it. All pure.
 *
 * Its CRF knows whole numbers only (up to version 3), 6 to 9 % of the size apart. In between the weight it gives to bits against
 * errors (lambda) is changed: for all kinds of frames alike that is as good as the CRF between. Street, CRF 42, lambda times 0.78, 0.9, 1.11
 * and 1.25: 110, 104, 96.4 and 92 % of the bytes, SSIM +0.0013, +0.0005, -0.0002, -0.0010; CRF 41 and 43: 106 and 93 %, +0.0007 and -0.0009.
 *
 * Tried and not built, ffmpeg 7.1 with SVT-AV1 2.3, preset 8, 12 s each of a street (08) and two people (17), at equal bytes:
 * - ten and more parts of neighbouring whole CRFs, which landed as well: each begins with a keyframe, 20 % of the street's bytes (SSIM
 *   0.9529 in seven parts, 0.9788 in one; two people 0.9121 and 0.9160), and four of seven clips were worse than naive for it;
 * - 10 bits: SSIM -0.0005 to -0.0009 on the street, -0.0002 on 09 (HDR), a fifth more processor time, and older players cannot show it;
 * - variance boost: +0.0003 and +0.001 beside tune=2, the worst frames of 17 -0.002, 5 to 15 % more processor time;
 * - quantization matrices 0.0000 and 0.0000, overlays -0.0002, no temporal filter -0.002, a longer look-ahead no change at all;
 * - variable bit rate: misses by up to 14 % and looks worse than CRF at the same size (encoding.md 4d).
 */

/**
 * Decides by structural similarity instead of squared error: SSIM +0.0012 (08) and +0.003 (17), XPSNR +0.1 dB and the same, no more
 * time.
 */
const TUNE = 'tune=2';
const MAX_WHOLE_CRF = 63;
const KINDS_OF_FRAMES = 7;
const LAMBDA_UNIT = 128;
/** Bits fall with lambda to the power of 0.37 (street), 0.5 (two people), 0.28 (a bird at CRF 60): so many doublings of it halve them. */
const LAMBDAS_PER_HALF = 2.5;

/** A quality, and the whole number beside which it is made with lambda; the nearest one where none is given. */
export interface SvtQuality {
  crf: number;
  whole?: number;
}

/** So much parallelism it knows. */
const MAX_PARALLELISM = 6;

/**
 * Quality, and the rest that is not left to its own choice. It does not hear ffmpeg's own -threads; with one thread it makes the same
 * bytes and needs a fifth less memory.
 */
export function svtArgs(quality: SvtQuality, threads?: number): string[] {
  const whole = wholeOf(quality);
  const lambda = Math.round(LAMBDA_UNIT * 2 ** (LAMBDAS_PER_HALF * halvings('av1', whole, quality.crf)));
  const params = [TUNE, ...(threads === undefined ? [] : [`lp=${Math.min(MAX_PARALLELISM, threads)}`])];
  if (lambda !== LAMBDA_UNIT)
    params.push(`lambda-scale-factors=[${Array.from({ length: KINDS_OF_FRAMES }, () => lambda).join(',')}]`);
  return ['-crf', String(whole), '-svtav1-params', params.join(':')];
}

function wholeOf({ crf, whole }: SvtQuality): number {
  return whole ?? Math.min(MAX_WHOLE_CRF, Math.round(crf));
}

interface Known extends SvtQuality {
  bytes: number;
}

/**
 * A prediction is believed less the further away it is from what was tried: so much lower is aimed for each part it lies away. Never nothing: what
 * is wanted lies a fifth of a percent below the size, and the middle of what is good enough three more.
 */
const DOUBT = 0.1;
const MIN_DOUBT = 0.0025;
const MAX_DOUBT = 0.0045;
/** How much faster or slower than usual bits may fall with the quality of a clip. */
const MAX_STEEPNESS = 1.7;
const MIN_STEEPNESS = 0.5;
/** Steps between which bytes are expected to differ. */
const MIN_STEP = 0.04;
/**
 * Lambda alone makes up for so many steps of the first miss, and for any of a later one: another whole number would be a jump of its own (5 % at CRF
 * 60, four tries in vain).
 */
const MAX_BY_LAMBDA = 1.5;

/**
 * The quality at which `wantBytes` come out: between the nearest tries above and below, or from the nearest one on, as steeply as
 * two tries say. `first` is what is expected of an untried part.
 */
export function nextQuality(tries: readonly Known[], first: Known, wantBytes: number): Required<SvtQuality> {
  const off = ({ bytes }: Known) => Math.abs(Math.log(Math.max(1, bytes) / Math.max(1, wantBytes)));
  const byDistance = tries.toSorted((a, b) => off(a) - off(b));
  const [nearest] = byDistance;
  if (!nearest) return rounded(crfFor('av1', first, wantBytes));
  const whole = wholeOf(nearest);
  const alike = byDistance.filter(one => wholeOf(one) === whole);
  const below = alike.find(one => one.bytes <= wantBytes);
  const above = alike.find(one => one.bytes > wantBytes);
  const lower = wantBytes * (1 - Math.min(MAX_DOUBT, Math.max(MIN_DOUBT, DOUBT * off(nearest))));
  if (below && above && below.crf - above.crf > MIN_STEP) {
    const part = Math.log(above.bytes / lower) / Math.log(above.bytes / Math.max(1, below.bytes));
    return rounded(crfBelow('av1', above.crf, part * halvings('av1', above.crf, below.crf)), whole);
  }
  const wanted = Math.log2(Math.max(1, nearest.bytes) / Math.max(1, lower));
  const crf = crfBelow('av1', nearest.crf, wanted / steepness(nearest, alike[1]));
  const moved =
    nearest.bytes > wantBytes ? Math.max(crf, nearest.crf + MIN_STEP) : Math.min(crf, nearest.crf - MIN_STEP);
  const jump = tries.length === 1 && Math.abs(moved - whole) > MAX_BY_LAMBDA;
  return rounded(moved, jump ? undefined : whole);
}

function rounded(crf: number, whole?: number): Required<SvtQuality> {
  const fine = onScale('av1', crf, Math.round);
  return { crf: fine, whole: whole ?? wholeOf({ crf: fine }) };
}

function steepness(one: Known, other: Known | undefined): number {
  const usual = other ? halvings('av1', one.crf, other.crf) : 0;
  if (!other || Math.abs(usual) < 0.01) return 1;
  const seen = Math.log2(Math.max(1, one.bytes) / Math.max(1, other.bytes));
  return Math.min(MAX_STEEPNESS, Math.max(MIN_STEEPNESS, seen / usual));
}

const USUALLY = 0.95;

/**
 * How many bytes the encode takes of what the quick first pass took at the same quality, from what is done so far: bytes each.
 * 0.83 (02), 0.92 (08), 0.99 (16), 1.02 (17).
 */
export function slowerNeeds(done: readonly { first: Known; last: Known }[]): number {
  const got = done.reduce((sum, { last }) => sum + last.bytes, 0);
  const expected = done.reduce((sum, { first, last }) => sum + bytesAt('av1', first, last.crf), 0);
  return expected > 0 ? got / expected : USUALLY;
}
