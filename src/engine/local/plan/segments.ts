import type { Cut, MediaFacts } from '../../../core/media-info.ts';

/** A stretch of the picture that is encoded by itself. Times on the source's own clock, seconds. */
export interface Segment {
  index: number;
  /** Frames from this time on; absent for the first part. Lies between two frames, so that rounding does no harm. */
  fromS?: number;
  /** ... and before this one; absent for the last part. */
  toS?: number;
  /** Presentation time of its first frame, and of the one before. */
  atS: number;
  beforeS?: number;
  durationS: number;
  frames: number;
}

/**
 * Why the picture is worked on in parts:
 * - Each part is a checkpoint: a crash three hours in loses minutes.
 * - What one part took too much, the following ones give up again; the last is small, and made once more if it still does not fit.
 *
 * What is not longer than one part stays whole. Cutting such clips too, to land on the size with the last part, cost more than the
 * misses it cured: two starts and the decoding up to the cut, 13 % of a naive two-pass at 12 s of 480p, and a keyframe; while one
 * whole second pass behind a first one of about the right quality lands within half a percent (rounds.ts).
 */
export interface Cutting {
  /** No part is longer. Three minutes of a two-hour film are lost at most, and its 40 parts cost no quality that shows. */
  longestS: number;
}

export const CUTTING: Cutting = { longestS: 180 };

/** Cuts come at multiples of this, and at keyframes of the source that are less than half of it away. */
const KEYFRAMES_S = 5;
/** The next part takes this share of what is left ... */
const NEXT_SHARE = 0.6;
/** ... until so little is left of the whole: an error of 3 % in it is then 0.3 % of the file. */
const LAST_SHARE = 0.12;
/** A larger last part is cut in two. */
const LARGE_SHARE = 0.25;
/** Shorter than this rate control has nothing to work with. */
const MIN_PART_S = 0.8;

/** One part: the whole picture. */
export function wholeSegment(facts: MediaFacts): Segment[] {
  return [{ index: 0, atS: facts.startS, durationS: facts.durationS, frames: facts.video.frames }];
}

/** The parts of a source, in order; one where it cannot be cut. Pure. */
export function planSegments(
  facts: MediaFacts,
  cutting: Cutting = CUTTING,
  allButLast = lengths(facts.durationS, cutting),
): Segment[] {
  const cuts: Cut[] = [];
  let at = 0;
  for (const length of allButLast) {
    at += length;
    const cut = nearest(facts.cuts, facts.startS + at, Math.min(length * 0.2, KEYFRAMES_S / 2));
    const before = cuts.at(-1)?.atS ?? facts.startS;
    const isRoom = cut && cut.atS - before >= MIN_PART_S && facts.startS + facts.durationS - cut.atS >= MIN_PART_S;
    if (isRoom) cuts.push(cut);
  }
  return [undefined, ...cuts].map((cut, index) => {
    const next = cuts[index];
    const atS = cut?.atS ?? facts.startS;
    return {
      index,
      atS,
      durationS: (next?.atS ?? facts.startS + facts.durationS) - atS,
      frames: (next?.frame ?? facts.video.frames) - (cut?.frame ?? 0),
      ...(cut ? { fromS: (cut.atS + cut.beforeS) / 2, beforeS: cut.beforeS } : {}),
      ...(next ? { toS: (next.atS + next.beforeS) / 2 } : {}),
    };
  });
}

/** Lengths of all parts but the last. */
export function lengths(durationS: number, { longestS }: Cutting): number[] {
  const found: number[] = [];
  let left = durationS;
  const take = (length: number) => {
    found.push(length);
    left -= length;
  };
  if (durationS <= longestS) return found;
  while (left > longestS || left > Math.max(KEYFRAMES_S * 1.3, durationS * LAST_SHARE)) {
    const grid = longestS < 2 * KEYFRAMES_S ? longestS / 2 : KEYFRAMES_S;
    take(Math.min(longestS, Math.max(grid, Math.round((left * NEXT_SHARE) / grid) * grid)));
  }
  if (left > durationS * LARGE_SHARE) take(left * (1 - LARGE_SHARE));
  return found;
}

/** A keyframe within `slackS` where there is one: the source's encoder put many of them where the picture changes. */
function nearest(cuts: readonly Cut[], atS: number, slackS: number): Cut | undefined {
  const distance = (cut: Cut) => Math.abs(cut.atS - atS) - (cut.key && Math.abs(cut.atS - atS) <= slackS ? slackS : 0);
  return cuts.reduce<Cut | undefined>((best, cut) => (!best || distance(cut) < distance(best) ? cut : best), undefined);
}

/**
 * Parts one after the other, each at its own time: without the lengths, concat would put them where the one before it seems to
 * end, and picture and sound drift apart (47 ms over five parts, encoding.md section 5). Pure.
 */
export function segmentList(parts: readonly { file: string; atS: number }[]): string {
  const microseconds = (one: { atS: number }) => Math.round(one.atS * 1e6);
  const lines = parts.map((part, at) => {
    const next = parts[at + 1];
    const lengthS = next && ((microseconds(next) - microseconds(part)) / 1e6).toFixed(6);
    return `file '${part.file}'\n${lengthS === undefined ? '' : `duration ${lengthS}\n`}`;
  });
  return `ffconcat version 1.0\n${lines.join('')}`;
}
