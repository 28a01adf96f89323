/**
 * What a sighting means for the jobs already known. Pure, so that every case is a row of a table in
 * test/queue/admission-policy.test.ts. A sighting may come any number of times (events are hints, scans repeat); only one with
 * something new leads to a change.
 */
import { basename } from 'node:path';
import {
  type Job,
  type Pin,
  RESTING,
  samePin,
  type Sidecar,
  type Sighting,
  type StateName,
  UNREAD,
} from '../core/job.ts';
import { WHOLE_UP_TO } from '../platform/files/files.ts';

export type Admission =
  | { kind: 'nothing'; why: string }
  /** A new job; `replaced` are jobs at the same place, unfinished, held or failed, whose content no longer exists. */
  | { kind: 'new'; version: number; replaced: Job[] }
  /** The same content under another name or identity: the jobs (newest first) continue with that. */
  | { kind: 'repin'; jobs: Job[]; why: string }
  /** The instruction beside the file changed before there was a result. */
  | { kind: 'redecide'; job: Job }
  /** Only every byte can tell: ask again with the hash of the file. */
  | { kind: 'compare'; job: Job }
  /** The job is in a slot: check again once it rests. */
  | { kind: 'later'; job: Job };

/** True when the newest job at this place is about this very file and instruction: nothing to do, nothing to open. */
export function isKnown(jobs: readonly Job[], pin: Pin, sidecar: Sidecar | undefined): boolean {
  const newest = jobs.at(-1);
  return newest !== undefined && !gaveWay(newest) && samePin(newest.pin, pin) && sameWords(newest.sidecar, sidecar);
}

/**
 * Where the file a job was about is now.
 * - `there`: still in its place, or nobody can tell. `moved`: no longer in its place, in an inbox that answers.
 * - `inbox-away`: its inbox is configured, but missing or not mounted. `inbox-removed`: the inbox is no longer configured.
 */
export type Whereabouts = 'there' | 'moved' | 'inbox-away' | 'inbox-removed';

/** What the file looks like now. */
export interface Content {
  pin: Pin;
  /** Empty for a refused path, which is never opened. */
  fingerprint: string;
  /** Of every byte; absent as long as nobody has read them all. */
  contentHash?: string | undefined;
}

export interface IntakeFacts extends Omit<Content, 'pin'> {
  sighting: Sighting;
  /** Jobs of the same inbox and relative path, oldest first. */
  here: readonly Job[];
  /** Jobs with the same fingerprint anywhere, oldest first. */
  twins: readonly Job[];
  whereabouts(job: Job): Whereabouts;
}

export function admit(facts: IntakeFacts): Admission {
  const { sighting, here } = facts;
  const newest = here.at(-1);
  if (!newest) return fromElsewhere(facts);
  if (gaveWay(newest)) return { kind: 'new', version: newest.version, replaced: [] };
  // If the original was archived or deleted, what is in its place now was put there again.
  const sameness = newest.original ? 'other' : compare(newest, contentOf(facts));
  if (sameness === 'unknown') return { kind: 'compare', job: newest };
  if (sameness === 'unproven' && IN_SLOT.has(newest.state.name)) return { kind: 'later', job: newest };
  if (sameness === 'same') {
    if (!samePin(newest.pin, sighting.pin)) {
      return { kind: 'repin', jobs: [newest], why: 'the same content under a new identity' };
    }
    if (!sameWords(newest.sidecar, sighting.sidecar)) return reworded(newest, sighting.sidecar);
    return { kind: 'nothing', why: 'known' };
  }
  const replaced = here.filter(({ state }) => !RESTING.has(state.name) || NEEDS_A_PERSON.has(state.name));
  return { kind: 'new', version: 1, replaced };
}

/** A file in a place without jobs: renamed, in an inbox that moved, or new. */
function fromElsewhere(facts: IntakeFacts): Admission {
  const { sighting, twins, whereabouts } = facts;
  const moved = twins.filter(job => mayHaveMoved(job) && isWayHere(job, sighting, whereabouts(job)));
  const content = contentOf(facts);
  const twin = likeliest(
    moved.filter(job => compare(job, content) === 'same'),
    sighting,
  );
  if (twin) {
    // All versions of a file go together, the newest first: a crash in between must not make an older one count.
    const versions = moved.filter(job => job.inbox === twin.inbox && job.relative === twin.relative);
    return { kind: 'repin', jobs: versions.reverse(), why: `moved here from ${twin.path}` };
  }
  const open = likeliest(
    moved.filter(job => compare(job, content) === 'unknown'),
    sighting,
  );
  return open ? { kind: 'compare', job: open } : { kind: 'new', version: 1, replaced: [] };
}

/** Whether the record of a job may go with its file to another place. */
export function mayHaveMoved(job: Job): boolean {
  // While an original is put away it leaves its place by our own hand.
  const isPutAway =
    job.original !== undefined || (job.state.name === 'delivering' && job.state.published !== undefined);
  return !isPutAway && !gaveWay(job);
}

/**
 * Whether the file of `job` may have become this one. Within an inbox any rename counts. From another inbox, only one that is gone:
 * two inboxes that are both there may well hold one file twice, for different rules. One that is only away may come back, so there
 * the date must agree as well.
 */
function isWayHere(job: Job, { inbox, relative, pin }: Sighting, whereabouts: Whereabouts): boolean {
  if (job.inbox === inbox) return whereabouts === 'moved';
  // What a rule skipped was never worked on, and the other inbox has rules of its own.
  if (job.state.name === 'skipped' || !isSameSubPath(job.relative, relative)) return false;
  return whereabouts === 'inbox-removed' || (whereabouts === 'inbox-away' && writtenAtOnce(job.pin, pin));
}

/** The same path below the inbox, or one that an inbox one or more levels up or down makes of it. */
function isSameSubPath(one: string, other: string): boolean {
  return one === other || one.endsWith(`/${other}`) || other.endsWith(`/${one}`);
}

/** Of equal files that are gone, the one this was: the same inode, else path, else the name in another folder, else the newest. */
function likeliest(jobs: readonly Job[], { pin, relative }: Sighting): Job | undefined {
  const isSameInode = (job: Job) => job.pin.dev === pin.dev && job.pin.ino === pin.ino;
  const isSamePath = (job: Job) => job.relative === relative;
  const isSameName = (job: Job) => basename(job.relative) === basename(relative);
  return jobs.findLast(isSameInode) ?? jobs.findLast(isSamePath) ?? jobs.findLast(isSameName) ?? jobs.at(-1);
}

/** States in which a result is being made of the file. */
const IN_SLOT: ReadonlySet<StateName> = new Set(['running', 'in-doubt', 'verifying', 'delivering']);

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
 * Whether a file still holds what the job is about. The fingerprint of a large file is a sample: bytes in between may have been
 * rewritten, by an edit in place or a second copy of a damaged file, and mistaking that for the file already processed would
 * deliver (and dispose of) the wrong one. It is enough together with both times, which a remount keeps; never against a failure.
 * Anybody can set the modification time, and nobody the other one (ctime): a file that was renamed, copied, chmodded or edited with
 * its date kept is read whole, once. Where nobody has read the job's own file whole, its modification time has to do.
 *
 * @returns `unknown` as long as `contentHash` is needed and absent; `unproven` where the job has none to compare it with
 */
export function compare(
  job: Job,
  { pin, fingerprint, contentHash }: Content,
): 'same' | 'other' | 'unknown' | 'unproven' {
  if (samePin(job.pin, pin)) return 'same';
  if (fingerprint === '' || job.fingerprint !== fingerprint) return 'other';
  if (isCoveredByFingerprint(pin)) return 'same';
  const isUntouched = pin.ctimeNs === job.pin.ctimeNs || (job.contentHash === undefined && !isUnderWay(job));
  if (job.state.name !== 'failed' && writtenAtOnce(job.pin, pin) && isUntouched) return 'same';
  if (job.contentHash === undefined || job.contentHash === UNREAD) return hasNotBegun(job) ? 'same' : 'unproven';
  if (contentHash === undefined) return 'unknown';
  return contentHash === job.contentHash ? 'same' : 'other';
}

/** Whether the fingerprint of such a file is made of every byte. */
export function isCoveredByFingerprint({ sizeBytes }: Pin): boolean {
  return sizeBytes <= WHOLE_UP_TO;
}

/** Something is being made of the file, and what is left of it is not yet decided. */
export function isUnderWay(job: Job): boolean {
  return !hasNotBegun(job) && !['done', 'skipped', 'cancelled'].includes(job.state.name);
}

/** Nothing was made of the file yet, so whatever it holds now is what the job will be about. */
export function hasNotBegun({ state, attempts, checkpoints }: Job): boolean {
  if (attempts === 0) return true;
  if (Object.keys(checkpoints).length > 0) return false;
  return state.name === 'queued' || ((state.name === 'waiting' || state.name === 'held') && !state.from);
}

function contentOf({ sighting: { pin }, fingerprint, contentHash }: IntakeFacts): Content {
  return { pin, fingerprint, contentHash };
}

/** To the millisecond: anything finer does not survive a move to another file system. */
function writtenAtOnce(a: Pin, b: Pin): boolean {
  const apartNs = BigInt(a.mtimeNs) - BigInt(b.mtimeNs);
  return apartNs < 1_000_000n && apartNs > -1_000_000n;
}

/** Whether two instructions ask for the same: another version may cost credits, and case and spacing ask for nothing. */
function sameWords(a: Sidecar | undefined, b: Sidecar | undefined): boolean {
  return meaningOf(a?.text ?? '') === meaningOf(b?.text ?? '');
}

const QUOTED = /("[^"\n]*"|“[^”\n]*”|「[^」\n]*」|《[^》\n]*》)/u;

/** What stands in quotes is content, a title for instance: there, case and spacing are meant. */
function meaningOf(words: string): string {
  const pieces = words.normalize('NFC').split(QUOTED);
  return pieces
    .map((piece, n) => (n % 2 === 1 ? piece : plain(piece)))
    .join('')
    .trim();
}

function plain(words: string): string {
  return words
    .toLowerCase()
    .replace(/\s+/gu, ' ')
    .replace(/(?<=\p{Script=Han}) | (?=\p{Script=Han})/gu, '');
}
