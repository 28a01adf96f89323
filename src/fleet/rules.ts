/** Decisions of a fleet that need no clock, disk or network. All pure. docs/decisions/0019-fleet.md */
import type { MediaFacts } from '../core/media-info.ts';
import { type Codec, doorbellId, queueAt } from './protocol.ts';
import type { Held, Offer } from './leases.ts';

/** How long the worker that made the first pass is asked alone for the second. */
export const PREFERRED_MS = 30_000;

/** The queue that is rung for a part. */
export function queueFor(offer: Offer, waitedMs: number): string {
  if (offer.preferred !== undefined && waitedMs < PREFERRED_MS) return queueAt(offer.preferred);
  return offer.fingerprint ?? offer.codec;
}

export interface Ring {
  task: string;
  want: string;
  queue: string;
  id: string;
}

/** What should be ringing now. */
export function ringsFor(queued: readonly { offer: Offer; n: number; offeredMs: number }[], now: number): Ring[] {
  return queued.map(({ offer, n, offeredMs }) => ({
    task: offer.task,
    want: offer.want,
    queue: queueFor(offer, now - offeredMs),
    id: doorbellId(offer.task, n),
  }));
}

export interface Finished {
  job: string;
  /** As PartSpec has it. */
  work: string;
  frames: number;
  ms: number;
}

/** A part at more than this many times the median of its film, in the same kind of work, is taken for stuck. */
const SLOW = 3;
/** Below so many finished parts, nobody knows what is usual. */
const MIN_FINISHED = 2;

/**
 * The one part of each film that a second worker should make as well: far slower than the others, while somebody is idle. None of a
 * film that had one before.
 */
export function stragglers(
  held: readonly (Held & Pick<Finished, 'job' | 'work' | 'frames'>)[],
  seen: { finished: readonly Finished[]; idle: number; had: ReadonlySet<string> },
  now: number,
): string[] {
  if (seen.idle === 0) return [];
  const slowest = new Map<string, { task: string; times: number }>();
  for (const lease of held) {
    const of = seen.finished.filter(({ job, work }) => job === lease.job && work === lease.work);
    const usual = median(of.map(({ ms, frames }) => ms / Math.max(1, frames)));
    if (of.length < MIN_FINISHED || usual === undefined || seen.had.has(lease.job)) continue;
    const doneFrames = Math.max(1, lease.fraction * lease.frames);
    const elapsed = now - lease.sinceMs;
    // What it has done so far, or that it should have been over long ago.
    const times = lease.fraction > 0 ? elapsed / doneFrames / usual : elapsed / (usual * lease.frames);
    if (elapsed > usual * lease.frames && times > SLOW && times > (slowest.get(lease.job)?.times ?? 0))
      slowest.set(lease.job, { task: lease.task, times });
  }
  return [...slowest.values()].slice(0, seen.idle).map(({ task }) => task);
}

function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

/** Whether the frames of a piece of the source are surely those of the source itself. */
export function maySlice({ video, window }: Pick<MediaFacts, 'video' | 'window'>): boolean {
  return (
    video.rotation === 0 &&
    video.hiddenFrames === 0 &&
    !video.untimedFrames &&
    video.hdr === 'sdr' &&
    window === undefined
  );
}

/** Seconds of the source besides the part: after it, since frames are written out of order; before it, since clocks are read roughly. */
const AFTER_S = 2;
const BEFORE_S = 1;
/** What is sought by its clock may be entered after the keyframe that is needed. */
const SEARCH_BACK_S = 5;

/** About how many seconds more than the part: with a keyframe every two or three. */
export function sliceMarginS(isSearched: boolean): number {
  return BEFORE_S + AFTER_S + 2 + (isSearched ? SEARCH_BACK_S : 0);
}

/**
 * Cuts a piece of the source without decoding it, on the source's own clock. Without random ids: cut again, it is the same file. Sought
 * from the source's beginning, because that is what the length is counted from.
 *
 * @param input the arguments that open the source
 * @param part `isSearched`: the source is sought by its clock, as a transport stream is, and not by an index
 */
export function sliceArgs<Arg>(
  input: readonly Arg[],
  part: { fromS?: number | undefined; toS?: number | undefined; startS: number; track: number; isSearched: boolean },
  output: string,
): (Arg | string)[] {
  const { fromS, toS, startS, track, isSearched } = part;
  const backS = BEFORE_S + (isSearched ? SEARCH_BACK_S : 0);
  const skipS = fromS === undefined ? 0 : Math.max(0, fromS - startS - backS);
  return [
    '-copyts',
    ...(skipS === 0 ? [] : ['-ss', skipS.toFixed(6), '-noaccurate_seek']),
    ...(toS === undefined ? [] : ['-t', (toS + AFTER_S - startS - skipS).toFixed(6)]),
    ...input,
    ...['-map', `0:${track}`, '-c', 'copy', '-map_metadata', '-1', '-map_chapters', '-1'],
    ...['-avoid_negative_ts', 'disabled', '-fflags', '+bitexact', '-flags', '+bitexact', '-f', 'matroska', output],
  ];
}

/** Scratch a worker needs for a part: the slice, the result as large again, and what the first pass leaves. */
export function needsBytes(sliceBytes: number, logBytes: number): number {
  return Math.ceil(sliceBytes * 2 + logBytes + 16_000_000);
}

/** x264's tree of a 1080p minute is about 48 MB: bytes for each pixel of a frame and each frame. */
const LOG_BYTES_PER_BLOCK = 4;

export function logBytes(codec: Codec, size: { width: number; height: number }, frames: number): number {
  if (codec === 'av1') return 0;
  const blocks = Math.ceil(size.width / 16) * Math.ceil(size.height / 16);
  return frames * (blocks * LOG_BYTES_PER_BLOCK + 200);
}

/** Whether another slice may be cut now: no more than two for each connected slot, within the disk they may use. */
export function mayCut(
  slices: { count: number; bytes: number },
  limits: { slots: number; maxBytes: number },
  next: number,
): boolean {
  return slices.count < Math.max(1, limits.slots) * 2 && slices.bytes + next <= limits.maxBytes;
}
