/**
 * What a sighting means for the jobs already known. Pure, so that every case is a row of a table in
 * test/queue/admission-policy.test.ts. A sighting may come any number of times (events are hints, scans repeat); only one with
 * something new leads to a change.
 */
import { basename } from 'node:path';
import { type Job, type Pin, RESTING, samePin, type Sidecar, type Sighting, type StateName } from '../core/job.ts';
import { WHOLE_UP_TO } from '../platform/files/files.ts';

export type Admission =
  | { kind: 'nothing'; why: string }
  /** A new job; `replaced` are jobs at the same place, unfinished, held or failed, whose content no longer exists. */
  | { kind: 'new'; version: number; replaced: Job[] }
  /** The same content under another name or identity: the job continues with that. */
  | { kind: 'repin'; job: Job; why: string }
  /** The instruction beside the file changed before there was a result. */
  | { kind: 'redecide'; job: Job }
  /** The job is in a slot: check again once it rests. */
  | { kind: 'later'; job: Job };

/** True when the newest job at this place is about this very file and instruction: nothing to do, nothing to open. */
export function isKnown(jobs: readonly Job[], pin: Pin, sidecar: Sidecar | undefined): boolean {
  const newest = jobs.at(-1);
  return newest !== undefined && !gaveWay(newest) && samePin(newest.pin, pin) && sameWords(newest.sidecar, sidecar);
}

export interface IntakeFacts {
  sighting: Sighting;
  /** Empty for a refused path, which is never opened. */
  fingerprint: string;
  /** Jobs of the same inbox and relative path, oldest first. */
  here: readonly Job[];
  /** Jobs with the same content anywhere, oldest first. */
  twins: readonly Job[];
  /** Whether the file a job was about is still in place, unchanged: if so, this one is a copy, not a rename. */
  stillThere(job: Job): boolean;
}

export function admit({ sighting, fingerprint, here, twins, stillThere }: IntakeFacts): Admission {
  const newest = here.at(-1);
  if (newest && gaveWay(newest)) return { kind: 'new', version: newest.version, replaced: [] };
  // If the original was archived or deleted, what is in its place now was put there again.
  if (newest && !newest.original && isSameContent(newest, sighting.pin, fingerprint)) {
    if (!sameWords(newest.sidecar, sighting.sidecar)) return reworded(newest, sighting.sidecar);
    if (samePin(newest.pin, sighting.pin)) return { kind: 'nothing', why: 'known' };
    return { kind: 'repin', job: newest, why: 'the same content under a new identity' };
  }
  if (newest) {
    const replaced = here.filter(({ state }) => !RESTING.has(state.name) || NEEDS_A_PERSON.has(state.name));
    return { kind: 'new', version: 1, replaced };
  }
  const gone = twins.filter(
    job =>
      job.inbox === sighting.inbox &&
      isSameContent(job, sighting.pin, fingerprint) &&
      !job.original &&
      !gaveWay(job) &&
      !stillThere(job),
  );
  const twin = likeliest(gone, sighting);
  if (twin) return { kind: 'repin', job: twin, why: `renamed from ${twin.relative}` };
  return { kind: 'new', version: 1, replaced: [] };
}

/** Of equal files that are gone, the one this was: the same inode, else the same name in another folder, else the newest. */
function likeliest(jobs: readonly Job[], { pin, relative }: Sighting): Job | undefined {
  const isSameInode = (job: Job) => job.pin.dev === pin.dev && job.pin.ino === pin.ino;
  const isSameName = (job: Job) => basename(job.relative) === basename(relative);
  return jobs.findLast(isSameInode) ?? jobs.findLast(isSameName) ?? jobs.at(-1);
}

/** Nobody can do anything any more about what these say once their file was put there anew. */
const NEEDS_A_PERSON: ReadonlySet<StateName> = new Set(['held', 'failed']);

function reworded(job: Job, sidecar: Sidecar | undefined): Admission {
  switch (job.state.name) {
    case 'queued':
    case 'waiting':
    case 'held':
    case 'failed':
    case 'skipped':
      return { kind: 'redecide', job };
    case 'done':
      // Removing the instruction is not a request for another version.
      if (!sidecar) return { kind: 'nothing', why: 'the instruction was removed after delivery' };
      return { kind: 'new', version: job.version + 1, replaced: [] };
    case 'cancelled':
      return { kind: 'nothing', why: 'the job was cancelled; retry it by hand' };
    case 'running':
    case 'in-doubt':
    case 'verifying':
    case 'delivering':
      return { kind: 'later', job };
  }
}

/** Ended because its file was gone or replaced: whatever is at that place now counts as new. */
function gaveWay(job: Job): boolean {
  return job.state.name === 'cancelled' && job.state.reason.code === 'replaced';
}

/**
 * The fingerprint of a larger file is a sample: bytes in between may have been rewritten, by an edit in place or a second copy
 * of a damaged file, and mistaking that for the file already processed would deliver (and dispose of) the wrong one. There it
 * counts only together with the modification time, which a rename or a remount keeps, and never against a failure.
 */
function isSameContent(job: Job, pin: Pin, fingerprint: string): boolean {
  if (samePin(job.pin, pin)) return true;
  if (fingerprint === '' || job.fingerprint !== fingerprint) return false;
  return pin.sizeBytes <= WHOLE_UP_TO || (job.state.name !== 'failed' && writtenAtOnce(job.pin, pin));
}

/** To the millisecond: anything finer does not survive a move to another file system. */
function writtenAtOnce(a: Pin, b: Pin): boolean {
  const apartNs = BigInt(a.mtimeNs) - BigInt(b.mtimeNs);
  return apartNs < 1_000_000n && apartNs > -1_000_000n;
}

function sameWords(a: Sidecar | undefined, b: Sidecar | undefined): boolean {
  return (a?.text ?? '') === (b?.text ?? '');
}
