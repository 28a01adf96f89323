/**
 * Where a job stands in the line for a slot. Folders take turns (fair-queue.ts); this says who is next within one, and what a person
 * put before or behind all others. Pure.
 */
import type { Job, MoveTo, Place, QueueOrder } from '../core/job.ts';
import type { Sentence } from '../core/message.ts';
import { isLinkName } from '../core/saving.ts';
import { targetBytes } from '../core/target.ts';
import { say } from '../messages/say.ts';

/** MoveTo with the other job itself. */
export type Move = { to: Extract<MoveTo, string> } | { before: Job };

/** Below every priority of the middle; numbers there are 4 apart (IEEE 754). */
const BEHIND_ALL = 2 ** 54;
const RANK_STEP = 4096;
/** Above 0 for every rank that a person's moves can lead to. */
const BEFORE_ALL = 2 ** 20;
/** Bytes are whole numbers below this. */
const MOST_BYTES = 2 ** 53;

/** What FairQueue sorts by: higher goes first, and above 0 before the turns of all folders. */
export function priorityOf(job: Job, order: QueueOrder): number {
  const { line, rank } = placeOf(job);
  if (line === 'first') return BEFORE_ALL - rank;
  if (line === 'last') return -BEHIND_ALL - RANK_STEP * rank;
  return order === 'arrival' ? -rank : expectedSaving(job) - MOST_BYTES;
}

/** What its size would be smaller by, bytes. A target without a size is taken to halve it, which only matters for the order. */
function expectedSaving(job: Job): number {
  if (isLinkName(job.relative)) return 0;
  const { sizeBytes } = job.pin;
  const target = job.decision.kind === 'do' ? targetBytes(job.decision.target, sizeBytes) : sizeBytes;
  return Math.max(0, sizeBytes - (target ?? Math.ceil(sizeBytes / 2)));
}

function placeOf({ place, arrival }: Job): Place {
  return place ?? { line: 'middle', rank: arrival };
}

/** Whether a job stands in line, and so can be moved. */
export function isInLine({ state }: Job): boolean {
  return state.name === 'queued' || state.name === 'waiting';
}

/**
 * The place that a move gives to `job`, or why it cannot be moved there.
 * @param jobs all others
 */
export function placeFor(
  move: Move,
  job: Job,
  { jobs, order }: { jobs: Iterable<Job>; order: QueueOrder },
): Place | Sentence {
  if (!isInLine(job)) return say('queue.move-begun');
  const others = [...jobs].filter(other => other.id !== job.id && isInLine(other));
  const ranksIn = (line: Place['line']) =>
    others.map(placeOf).flatMap(place => (place.line === line ? place.rank : []));
  if ('to' in move) {
    if (move.to === 'top') return { line: 'first', rank: least(ranksIn('first'), 1) - 1 };
    return { line: 'last', rank: most(ranksIn('last'), 0) + 1 };
  }
  const { before } = move;
  if (!isInLine(before) || before.id === job.id) return say('queue.move-before-begun');
  const { line, rank } = placeOf(before);
  if (line !== 'first' && before.inbox !== job.inbox) return say('queue.move-other-folder');
  if (line === 'middle' && order !== 'arrival') return say('queue.move-sorted');
  const ahead = others
    .filter(other => line === 'first' || other.inbox === job.inbox)
    .map(placeOf)
    .flatMap(place => (place.line === line && place.rank < rank ? place.rank : []));
  return { line, rank: ahead.length === 0 ? rank - 1 : (most(ahead, ahead[0] ?? 0) + rank) / 2 };
}

/** Not `Math.min(...)`: a queue may be longer than an argument list. */
function least(ranks: readonly number[], otherwise: number): number {
  return ranks.reduce((a, b) => Math.min(a, b), otherwise);
}

function most(ranks: readonly number[], otherwise: number): number {
  return ranks.reduce((a, b) => Math.max(a, b), otherwise);
}
