/**
 * What a job may do, said a second time and differently: by state what may happen there, and a handful of facts that must hold. Knows
 * nothing of src/core/lifecycle.ts but the names.
 */
import type { StateName } from '../../../../src/core/job.ts';
import type { JobEvent } from '../../../../src/core/events.ts';

/** As little of a job as its promises need. */
export interface ModelJob {
  state: StateName;
  /** What is kept of the way to the end: nothing, a candidate, a verified one, one that has its final name. */
  has: 'nothing' | 'candidate' | 'verified' | 'published';
  checkpoints: string[];
  attempts: number;
  /** Where the original is; `undefined`: where it was. */
  original: string | undefined;
  report: string | undefined;
}

/** Everywhere. */
const ALWAYS = ['repinned', 'fact', 'reported'];
const RESTING = [...ALWAYS, 'queued', 'forgotten'];
const UNDER_WAY = [...ALWAYS, 'decided', 'waiting', 'held', 'failed', 'cancelled'];

const MAY: Readonly<Record<StateName, readonly string[]>> = {
  queued: [...UNDER_WAY, 'started', 'skipped'],
  waiting: [...ALWAYS, 'decided', 'queued', 'held', 'failed', 'cancelled', 'skipped'],
  running: [...UNDER_WAY, 'queued', 'step', 'checkpoint', 'doubted', 'candidate', 'skipped'],
  'in-doubt': [...UNDER_WAY, 'queued', 'started', 'step', 'checkpoint', 'doubted'],
  verifying: [...UNDER_WAY, 'queued', 'rejected', 'verified', 'skipped'],
  delivering: [...UNDER_WAY, 'queued', 'rejected', 'publishing', 'published', 'disposing', 'disposed', 'done'],
  done: [...RESTING, 'restored', 'pruned'],
  held: [...RESTING, 'decided', 'cancelled', 'skipped'],
  failed: [...RESTING, 'decided', 'held', 'cancelled'],
  cancelled: RESTING,
  skipped: [...RESTING, 'decided'],
};

/** The original goes after the result has its name, and a result with its name is not made again. */
const BEFORE_PUBLISHED = new Set(['rejected', 'publishing', 'published']);
const AFTER_PUBLISHED = new Set(['disposing', 'disposed', 'done']);

/** Whether the event may happen to the job; `undefined` is a job nobody knows. */
export function mayHappen(job: ModelJob | undefined, event: JobEvent['event']): boolean {
  if (!job || event === 'admitted') return !job && event === 'admitted';
  if (job.state === 'delivering' && BEFORE_PUBLISHED.has(event)) return job.has !== 'published';
  if (job.state === 'delivering' && AFTER_PUBLISHED.has(event)) return job.has === 'published';
  return MAY[job.state].includes(event);
}

/** The job after an event that may happen. */
export function happen(job: ModelJob | undefined, { event, data }: JobEvent): ModelJob | undefined {
  if (event === 'forgotten') return undefined;
  if (!job) {
    return { state: 'queued', has: 'nothing', checkpoints: [], attempts: 0, original: undefined, report: undefined };
  }
  switch (event) {
    case 'queued': {
      // Whoever still has a candidate goes on from it; only a finished state or a fresh start has none.
      const has = data.fresh || !keeps(job.state) ? 'nothing' : job.has;
      const state = has === 'nothing' ? 'queued' : has === 'candidate' ? 'verifying' : 'delivering';
      return { ...job, has, state, checkpoints: data.fresh ? [] : job.checkpoints };
    }
    case 'started':
      return { ...job, state: 'running', has: 'nothing', attempts: job.attempts + 1 };
    case 'step':
      return { ...job, state: 'running' };
    case 'doubted':
      return { ...job, state: 'in-doubt' };
    case 'checkpoint':
      return { ...job, checkpoints: [...new Set([...job.checkpoints, data.key])].sort() };
    case 'candidate':
      return { ...job, state: 'verifying', has: 'candidate' };
    case 'rejected':
      return { ...job, state: 'queued', has: 'nothing', checkpoints: data.keepCheckpoints ? job.checkpoints : [] };
    case 'verified':
      return { ...job, state: 'delivering', has: 'verified' };
    case 'published':
      return { ...job, has: 'published' };
    case 'disposed':
      return { ...job, original: data.kind === 'archived' ? data.to : 'deleted' };
    case 'restored':
      return { ...job, original: undefined };
    case 'pruned':
      return { ...job, original: 'deleted' };
    case 'done':
    case 'cancelled':
    case 'skipped':
      return { ...job, state: event, has: 'nothing', checkpoints: [] };
    case 'failed':
      return { ...job, state: 'failed', has: 'nothing' };
    case 'waiting':
    case 'held': {
      const isSpoilt = data.reason.code === 'verify-failed' || !keeps(job.state);
      return { ...job, state: event, has: isSpoilt ? 'nothing' : job.has };
    }
    case 'reported':
      return { ...job, report: data.path ?? undefined };
    default:
      return job;
  }
}

/** States that hold on to a finished candidate. */
function keeps(state: StateName): boolean {
  return state === 'verifying' || state === 'delivering' || state === 'waiting' || state === 'held';
}
