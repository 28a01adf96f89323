/**
 * When is a file quiet? Pure: samples and monotonic times in, an answer out. Quiet means that identity and stat (device,
 * inode, size, mtime, ctime, blocks) were the same in at least three samples over a whole window. The wall clock and the age
 * of mtime never count: mtime can be years old while the copy is still running (cp -p, SMB).
 */

/** One lstat, condensed. */
export interface Sample {
  /** Hash of device, inode, size, mtime and ctime: changes whenever the file is written to or replaced. */
  key: number;
  /** Blocks may change without a new ctime (delayed allocation): somebody wrote a moment ago. */
  blocks: number;
  ino: number;
  sizeBytes: number;
}

/** A round in which every pending file is sampled once. */
export interface SampleTick {
  no: number;
  /** Monotonic ms, taken before the sample. */
  at: number;
}

/** The same object as long as the file stays the same: 100,000 of them are sampled without creating garbage. */
export interface Settling extends Sample {
  /** Monotonic ms and round number of the last change seen; the first sample counts as one. */
  changedAt: number;
  changedIn: number;
  /** Longest time between two changes seen, ms: this writer is known to pause that long. */
  longestGapMs: number;
  /** It was quiet long enough before and is only being rechecked; blocks were not kept and are not compared. */
  vouched: boolean;
}

export const MIN_SAMPLES = 3;
/** A writer that paused for a while may pause that long again, and longer. */
const GAP_FACTOR = 4;
/** Signs that bytes are missing (sparse, unknown container over a network) lengthen the window by this factor. */
export const DOUBT_FACTOR = 4;
/** Downloads into space that was allocated beforehand pause for minutes: as long as is waited at all. */
export const EMPTY_END_FACTOR = 120;
export const MAX_WINDOW_MS = 10 * 60_000;

export function firstSample(sample: Sample, tick: SampleTick): Settling {
  return settling(sample, tick, 0, false);
}

/** A file that was reported with this key and is being rechecked for another reason: quiet, unless the next sample differs. */
export function alreadyQuiet(key: number, tick: SampleTick, longestGapMs = 0): Settling {
  return settling({ key, blocks: 0, ino: 0, sizeBytes: 0 }, tick, longestGapMs, true);
}

export function nextSample(state: Settling, sample: Sample, tick: SampleTick): Settling {
  if (sample.key === state.key && (state.vouched || sample.blocks === state.blocks)) return state;
  if (state.vouched || sample.ino !== state.ino) return firstSample(sample, tick);
  // A file that became shorter is being rewritten; the time before that was not a pause.
  const gapMs = sample.sizeBytes < state.sizeBytes ? 0 : tick.at - state.changedAt;
  return settling(sample, tick, Math.max(state.longestGapMs, gapMs), false);
}

/**
 * A file changed after it was reported as complete. If that was soon after, its writer paused for longer than the window, and
 * the next window is longer; if later, another file was dropped under the same name.
 */
export function resumedSample(state: Settling, sample: Sample, tick: SampleTick, settleMs: number): Settling {
  const soon = tick.at - state.changedAt <= lateWriterMs(settleMs);
  return soon ? nextSample(state, sample, tick) : firstSample(sample, tick);
}

/** How long after its last change a reported file is remembered, because its writer may come back. */
export function lateWriterMs(settleMs: number): number {
  return Math.max(60_000, 4 * settleMs);
}

/** It was not sampled for a while (SIGSTOP, a suspended machine, a missing folder): the window starts again. */
export function restartWindow(state: Settling, tick: SampleTick): Settling {
  return settling(state, tick, state.longestGapMs, false);
}

/** One object literal for all: created by spread, each of these objects takes four times the memory. */
function settling(sample: Sample, tick: SampleTick, longestGapMs: number, vouched: boolean): Settling {
  const { key, blocks, ino, sizeBytes } = sample;
  return { key, blocks, ino, sizeBytes, changedAt: tick.at, changedIn: tick.no, longestGapMs, vouched };
}

/** Ms a file must stay the same; `factor` is 1, or that of a doubt. Never above ten minutes, unless `settleMs` itself is. */
export function windowMs(state: Settling, settleMs: number, factor: number): number {
  const wanted = Math.max(settleMs * factor, state.longestGapMs * GAP_FACTOR);
  return Math.max(settleMs, Math.min(wanted, MAX_WINDOW_MS));
}

/** Whether the round `tick`, in which the file was sampled and found the same, completes its window. */
export function isQuiet(state: Settling, tick: SampleTick, settleMs: number, factor = 1): boolean {
  if (state.vouched) return true;
  const samples = tick.no - state.changedIn + 1;
  return samples >= MIN_SAMPLES && tick.at - state.changedAt >= windowMs(state, settleMs, factor);
}

/** Ms between samples: at least five in a window, at most one a second (one in five seconds if polled). */
export function samplePeriodMs(settleMs: number, polled: boolean): number {
  return Math.max(10, Math.min(settleMs / 5, polled ? 5_000 : 1_000));
}

/**
 * The machine was too busy to sample for `lostMs`: that time counts neither as quiet nor as a pause of the writer, which was
 * starved as well. Earlier samples still count, so that on a busy machine a file is taken later, not never.
 */
export function discountLostTime(state: Settling, lostMs: number, now: number): Settling {
  const { changedIn, longestGapMs, vouched } = state;
  return settling(state, { no: changedIn, at: Math.min(now, state.changedAt + lostMs) }, longestGapMs, vouched);
}

/** Why a sample came `lateMs` after it was due: timer jitter, a busy machine, or a suspended one. */
export function classifyDelay(lateMs: number, periodMs: number): 'noise' | 'busy' | 'suspended' {
  if (lateMs <= Math.max(2 * periodMs, SCHEDULING_NOISE_MS)) return 'noise';
  return lateMs <= Math.max(10 * periodMs, STARVED_MS) ? 'busy' : 'suspended';
}

/** How late timers of a loaded machine can be. */
const SCHEDULING_NOISE_MS = 1_000;
/** How late timers of an overloaded machine can be; beyond that, it was suspended (or stopped by SIGSTOP). */
const STARVED_MS = 15_000;
