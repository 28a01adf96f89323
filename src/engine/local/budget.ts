/** How many bits go where, and what to try next. All pure; sizes in bytes, rates in bits per second. */

export interface Budget {
  /** The muxed file may have at most this. */
  capBytes: number;
  /** Sound, subtitles and all tables: what is there whatever the picture takes. */
  fixedBytes: number;
  durationS: number;
  /** Bits per second from which on more cannot be seen; no further try is spent on going above it. */
  ceilingRate?: number;
}

/** One finished try: what was asked of the encoder, and the size of the whole muxed file. */
export interface Attempt {
  bitsPerSecond: number;
  bytes: number;
}

export type Next = { kind: 'encode'; bitsPerSecond: number } | { kind: 'done'; best: number } | { kind: 'give-up' };

/** First try with ratetol 0.3: fits in 7 of 11 clips, the others meet the retry (encoding.md section 4a). */
const FIRST_AIM = 0.99;
/** A retry scaled from measured bytes landed within 0.12 % in 10 of 10. */
const RETRY_AIM = 0.998;
/** Filled well enough: the last 3 % are worth less than another pass. */
const FULL = 0.97;
/** The ceiling is a prediction: from here on it counts as reached. */
const NEAR_CEILING = 0.8;
const MOST_ATTEMPTS = 6;
/** Tries that may be spent on filling up; for staying below the cap all of them may. */
const MOST_UPWARD = 3;
/** Below this no encoder makes a picture of anything. */
export const LEAST_VIDEO_RATE = 10_000;

/** Bytes of MP4 tables for a picture track: 12 per frame, 8 more where frames differ in length, 16 per chunk of a second. */
export function videoTables(frames: number, durationS: number, variableFrameRate: boolean): number {
  return frames * (variableFrameRate ? 20 : 12) + Math.ceil(durationS) * 32 + 2_000;
}

export function videoBytes(budget: Budget): number {
  return budget.capBytes - budget.fixedBytes;
}

/** Bits per second left for the picture. */
export function videoRate(budget: Budget): number {
  return (videoBytes(budget) * 8) / budget.durationS;
}

/** `604 kb/s`, `1.21 Mb/s`. */
export function formatRate(bitsPerSecond: number): string {
  return bitsPerSecond >= 1e6 ? `${(bitsPerSecond / 1e6).toFixed(2)} Mb/s` : `${Math.round(bitsPerSecond / 1000)} kb/s`;
}

/**
 * What to do after these attempts: another one with that many bits, or stop with the best one. Never picks one over the cap;
 * ends after six at the latest.
 */
export function nextAttempt(attempts: readonly Attempt[], budget: Budget): Next {
  const room = videoBytes(budget);
  if (videoRate(budget) < LEAST_VIDEO_RATE) return { kind: 'give-up' };
  const last = attempts.at(-1);
  if (!last) return { kind: 'encode', bitsPerSecond: Math.floor((room * FIRST_AIM * 8) / budget.durationS) };

  const best = bestFitting(attempts, budget.capBytes);
  const fitting = attempts[best];
  const done: Next = fitting ? { kind: 'done', best } : { kind: 'give-up' };
  if (attempts.length >= MOST_ATTEMPTS || (fitting && fitting.bytes >= budget.capBytes * FULL)) return done;
  if (fitting && (attempts.length >= MOST_UPWARD || foundNoUse(attempts))) return done;

  const from = fitting ?? last;
  const measured = Math.max(1, from.bytes - budget.fixedBytes);
  // Twice over after scaling means that the model is wrong for this clip: then lower by 3 % each time.
  const caution = fitting ? 1 : 0.97 ** Math.max(0, attempts.length - 2);
  let rate = (from.bitsPerSecond * RETRY_AIM * caution * room) / measured;
  rate = Math.min(rate, from.bitsPerSecond * 4);
  if (fitting && budget.ceilingRate !== undefined) {
    if (fitting.bitsPerSecond >= budget.ceilingRate * NEAR_CEILING) return done;
    rate = Math.min(rate, budget.ceilingRate);
  }
  for (const over of attempts) {
    // What was too much once is too much again.
    if (over.bytes > budget.capBytes) rate = Math.min(rate, over.bitsPerSecond * 0.99);
  }
  if (fitting && rate <= fitting.bitsPerSecond * 1.005) return done;
  if (rate < LEAST_VIDEO_RATE / 2) return done;
  return { kind: 'encode', bitsPerSecond: Math.floor(rate) };
}

/** More bits were asked for and the file hardly grew: the picture has no use for them. */
function foundNoUse(attempts: readonly Attempt[]): boolean {
  const [before, last] = attempts.slice(-2);
  if (!before || !last || last.bitsPerSecond <= before.bitsPerSecond) return false;
  return last.bytes - before.bytes < before.bytes * 0.01;
}

function bestFitting(attempts: readonly Attempt[], capBytes: number): number {
  let best = -1;
  for (const [at, attempt] of attempts.entries()) {
    if (attempt.bytes <= capBytes && attempt.bytes > (attempts[best]?.bytes ?? -1)) best = at;
  }
  return best;
}
