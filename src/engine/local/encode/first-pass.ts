/** At which quality x264's first pass runs, decided from what earlier ones took. Pure, sizes in bytes. docs/encoding.md, First pass */
import {
  FIRST_PASS_ENOUGH,
  FIRST_PASS_FINER,
  FIRST_PASS_OVER,
  FIRST_PASS_PER_HALF,
  MAX_FIRST_PASSES,
} from '../tuning.ts';
import { SCALES } from '../plan/crf.ts';

/** A first pass over the whole picture: its quality and what it took. */
export interface FirstPass {
  crf: number;
  bytes: number;
}

/** The quality of the first of them, for a result expected at `crf`. */
export const firstPassCrf = (crf: number, finest: number): number =>
  Math.max(finest, Number((crf - FIRST_PASS_FINER).toFixed(1)));

/**
 * The quality of another first pass; `undefined` if the last one tells the second enough about a picture of `wantBytes`, or another
 * would tell no more. `finest` is the best quality that makes sense.
 */
export function nextFirstPass(tries: readonly FirstPass[], wantBytes: number, finest: number): number | undefined {
  const last = tries.at(-1);
  if (!last || tries.length >= MAX_FIRST_PASSES) return undefined;
  const aim = Math.max(1, wantBytes * FIRST_PASS_OVER);
  const { least, most } = FIRST_PASS_ENOUGH;
  const took = last.bytes / Math.max(1, wantBytes);
  if (took >= least && took <= most) return undefined;
  const steps = Math.log2(Math.max(1, last.bytes) / aim) * stepsPerHalf(tries);
  const crf = Math.min(SCALES.h264.most, Math.max(finest, Math.round((last.crf + steps) * 10) / 10));
  // At the end of the scale.
  return tries.some(one => Math.abs(one.crf - crf) < SAME_CRF) ? undefined : crf;
}

const SAME_CRF = 0.25;

/** How many steps halve this clip's bits: what the last two tries say, else the usual. */
function stepsPerHalf(tries: readonly FirstPass[]): number {
  const { usual, least, most } = FIRST_PASS_PER_HALF;
  const [before, last] = tries.slice(-2);
  if (!before || !last) return usual;
  const halvings = Math.log2(Math.max(1, before.bytes) / Math.max(1, last.bytes));
  const seen = halvings === 0 ? usual : (last.crf - before.crf) / halvings;
  return Math.min(most, Math.max(least, seen > 0 ? seen : usual));
}
