/** Where the picture of a long film is cut into segments that are encoded one by one. Pure. docs/encoding.md, Parts */
import type { Cut, MediaFacts, Window } from '../../../core/media-info.ts';
import {
  CUT_GRID_S,
  LARGE_LAST_SHARE,
  LAST_GRIDS,
  LAST_SHARE,
  LEAST_AT_ONCE_S,
  MAX_SEGMENT_S,
  MIN_SEGMENT_S,
  NEAR_KEYFRAME_SHARE,
  NEXT_SHARE,
} from '../tuning.ts';

/** A stretch of the picture that is encoded separately. Times on the source's own clock, seconds. */
export interface Segment {
  index: number;
  /** Frames from this time on; absent for the first segment. Lies between two frames, so that rounding does no harm. */
  fromS?: number;
  /** ... and before this one; absent for the last segment. */
  toS?: number;
  /** Presentation time of its first frame, and of the one before. */
  atS: number;
  beforeS?: number;
  durationS: number;
  frames: number;
  /** Its first frame is found by decoding from the film's first, because decoding from a keyframe in the middle failed. */
  isReadFromStart?: boolean;
}

/** A film no longer than one segment stays whole: two starts and a keyframe would cost more than the misses they avoid. */
export interface Cutting {
  longestS: number;
}

export const CUTTING: Cutting = { longestS: MAX_SEGMENT_S };

/** One segment: the whole picture, or the whole part. */
export function wholeSegment(facts: MediaFacts): Segment[] {
  const { startS, durationS, window, video } = facts;
  const whole = { index: 0, atS: startS, durationS, frames: video.frames };
  return [window ? { ...whole, ...ends(window), isReadFromStart: true } : whole];
}

/** Where the part of a source begins and ends, if it is one. */
function ends({ fromS, beforeS, toS }: Window): Pick<Segment, 'fromS' | 'beforeS' | 'toS'> {
  return {
    ...(fromS !== undefined && beforeS !== undefined && { fromS, beforeS }),
    ...(toS !== undefined && { toS }),
  };
}

/** The segments of a source, in order; just one if it cannot be cut. */
export function planSegments(
  facts: MediaFacts,
  cutting: Cutting = CUTTING,
  allButLast = lengths(facts.durationS, cutting),
): Segment[] {
  const cuts: Cut[] = [];
  let at = 0;
  for (const length of allButLast) {
    at += length;
    const slackS = Math.min(length * NEAR_KEYFRAME_SHARE, CUT_GRID_S / 2);
    const cut = nearest(facts.cuts, facts.startS + at, slackS);
    const before = cuts.at(-1)?.atS ?? facts.startS;
    const isRoom = cut && cut.atS - before >= MIN_SEGMENT_S && endOf(facts) - cut.atS >= MIN_SEGMENT_S;
    if (isRoom) cuts.push(cut);
  }
  return [undefined, ...cuts].map((cut, index) => {
    const next = cuts[index];
    const atS = cut?.atS ?? facts.startS;
    return {
      index,
      atS,
      durationS: (next?.atS ?? endOf(facts)) - atS,
      frames: (next?.frame ?? facts.video.frames) - (cut?.frame ?? 0),
      ...(facts.window && (cut ? {} : ends({ ...facts.window, toS: undefined }))),
      ...(facts.window && !next && facts.window.toS !== undefined && { toS: facts.window.toS }),
      ...(cut && { fromS: (cut.atS + cut.beforeS) / 2, beforeS: cut.beforeS }),
      ...(next && { toS: (next.atS + next.beforeS) / 2 }),
    };
  });
}

function endOf({ startS, durationS }: MediaFacts): number {
  return startS + durationS;
}

/** Lengths of all segments but the last. */
export function lengths(durationS: number, { longestS }: Cutting): number[] {
  const found: number[] = [];
  let left = durationS;
  const take = (length: number) => {
    found.push(length);
    left -= length;
  };
  if (durationS <= longestS) return found;
  while (left > longestS || left > Math.max(CUT_GRID_S * LAST_GRIDS, durationS * LAST_SHARE)) {
    const grid = longestS < 2 * CUT_GRID_S ? longestS / 2 : CUT_GRID_S;
    take(Math.min(longestS, Math.max(grid, Math.round((left * NEXT_SHARE) / grid) * grid)));
  }
  if (left > durationS * LARGE_LAST_SHARE) take(left * (1 - LARGE_LAST_SHARE));
  return found;
}

/**
 * The same where that many segments are encoded at once: all are about as long, because none comes last, and everybody has as many, as
 * long as they are not too short.
 */
export function evenLengths(durationS: number, { longestS }: Cutting, atOnce: number): number[] {
  if (durationS <= longestS) return [];
  const least = Math.min(LEAST_AT_ONCE_S, longestS / 2);
  const needed = Math.ceil(durationS / longestS);
  const forAll = Math.ceil(needed / atOnce) * atOnce;
  const count = Math.max(needed, Math.min(forAll, Math.floor(durationS / least)));
  return Array.from({ length: count - 1 }, () => durationS / count);
}

/** A keyframe within `slackS` if there is one: the source's encoder often put them where the picture changes. */
function nearest(cuts: readonly Cut[], atS: number, slackS: number): Cut | undefined {
  const distance = (cut: Cut) => Math.abs(cut.atS - atS) - (cut.key && Math.abs(cut.atS - atS) <= slackS ? slackS : 0);
  return cuts.reduce<Cut | undefined>((best, cut) => (!best || distance(cut) < distance(best) ? cut : best), undefined);
}

/**
 * A list for ffmpeg's concat demuxer, with each segment at its own time: without the durations, each would start where the one
 * before seems to end, and picture and sound would drift apart.
 */
export function segmentList(segments: readonly { file: string; atS: number }[]): string {
  const microseconds = (one: { atS: number }) => Math.round(one.atS * 1e6);
  const lines = segments.map((segment, at) => {
    const next = segments[at + 1];
    const durationS = next && ((microseconds(next) - microseconds(segment)) / 1e6).toFixed(6);
    return `file '${segment.file}'\n${durationS === undefined ? '' : `duration ${durationS}\n`}`;
  });
  return `ffconcat version 1.0\n${lines.join('')}`;
}
