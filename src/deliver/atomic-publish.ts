import type { BigIntStats } from 'node:fs';
import { KeyedMutex } from '../platform/async.ts';
import type { HeldFile, HeldFolder } from '../platform/files/door.ts';
import { type Entry, holding } from '../platform/files/entry.ts';
import { errnoOf } from '../platform/files/files.ts';
import { folderReplaced, inFolder } from './output-folder.ts';

/**
 * Errors of file systems without hard links: exFAT, some SMB and FUSE mounts; rclone mounts answer EIO, and EMLINK means that
 * this file can have no more names.
 */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS', 'EIO']);

/** Whether an error of link(2) means that a name has to be reserved and renamed over instead. */
export function isWithoutLinks(error: unknown): boolean {
  return NO_LINKS.has(errnoOf(error) ?? '');
}

export interface MoveFacts {
  /** The file that `from` must be; by default whatever it is now. It is closed before its old name goes. */
  file?: HeldFile | undefined;
  /** Whether the path of the new name's folder still leads to it; where it does not, nothing is moved. */
  leads?: (() => Promise<boolean>) | undefined;
  /** Called while the file has both names, which stay if it rejects. */
  onLinked?: (() => Promise<void>) | undefined;
}

/** `exchanged`: meanwhile somebody gave the old name to another file, which lost nothing but perhaps that name. */
export type Moved = 'moved' | 'taken' | 'exchanged';

/**
 * Gives the file `from` the name `to` if that is free, which the file system decides in one step: rename(2) would
 * replace silently. Without hard links, an empty file reserves the name first, and `from` is renamed over that.
 * Nothing is synced here.
 * @throws ShrinkError `unavailable` where the new name's folder was moved away; errno errors as they are, `EXDEV` if `to` is on another file system or mount, with nothing changed.
 */
export async function moveWithoutOverwriting(from: Entry, to: Entry, facts: MoveFacts = {}): Promise<Moved> {
  if (facts.file === undefined) return holding(from.open(), file => moveHeld(file, from, to, facts));
  return moveHeld(facts.file, from, to, facts);
}

async function moveHeld(file: HeldFile, from: Entry, to: Entry, facts: MoveFacts): Promise<Moved> {
  const moved = await link(file, from, to);
  if (moved === 'no links') return reserveAndRename(file, from, to, facts);
  if (moved !== 'moved') return moved;
  if ((await facts.leads?.()) === false) {
    await to.unlinkQuietly();
    throw folderReplaced(to.folder.path);
  }
  await facts.onLinked?.();
  await removeOldName(file, from, to);
  return 'moved';
}

async function link(file: HeldFile, from: Entry, to: Entry): Promise<Moved | 'no links'> {
  const isLinked = async () => isSecondName(await file.stat(), await to.lstat());
  try {
    await from.link(to);
  } catch (error) {
    const isTaken = errnoOf(error) === 'EEXIST';
    if (!isTaken && !isWithoutLinks(error)) throw error;
    // A network share may have made the link and lost the reply.
    if (await isLinked()) return 'moved';
    return isTaken ? 'taken' : 'no links';
  }
  if (await isLinked()) return 'moved';
  await to.unlinkQuietly();
  return 'exchanged';
}

async function removeOldName(file: HeldFile, from: Entry, to: Entry): Promise<void> {
  const held = await file.stat();
  // Network and FUSE mounts keep a file that is open under a hidden name of theirs when its name goes.
  await file.close();
  const now = await from.lstat();
  // Another file may have taken the old name meanwhile; only the one that was linked may be removed.
  if (now && isSameInode(held, now) && isSecondName(now, await to.lstat())) await from.unlink();
}

/**
 * Whether two names belong to one file. Union file systems (mergerfs, unionfs) number inodes by name: there a link shows in its
 * link count and in the size and time that both names have.
 * @param other the name that was made last: such mounts cache attributes, and the older one's link count may be out of date.
 */
export function isSecondName(one: BigIntStats | undefined, other: BigIntStats | undefined): boolean {
  // Two names of one file have one owner, which nobody can give to a file of his own.
  if (!one || !other || one.dev !== other.dev || one.uid !== other.uid) return false;
  if (one.ino === other.ino) return true;
  return other.isFile() && other.nlink > 1n && one.size === other.size && one.mtimeNs === other.mtimeNs;
}

function isSameInode(one: BigIntStats, two: BigIntStats): boolean {
  return one.dev === two.dev && one.ino === two.ino;
}

async function reserveAndRename(
  file: HeldFile,
  from: Entry,
  to: Entry,
  { leads }: Pick<MoveFacts, 'leads'>,
): Promise<Moved> {
  const before = await file.stat();
  try {
    await (await to.create()).close();
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return 'taken';
    throw error;
  }
  try {
    if ((await leads?.()) === false) throw folderReplaced(to.folder.path);
    await file.close();
    await from.rename(to);
  } catch (error) {
    await dropReservation(from, to).catch(() => {});
    throw error;
  }
  const now = await to.lstat();
  // Where there are no links, a rename may number the file anew; its owner stays. EPERM may also mean that the old name led to
  // another user's file, which Linux lets nobody else link (fs.protected_hardlinks).
  const isIt = now?.isFile() && (isSameInode(before, now) || (before.size === now.size && before.uid === now.uid));
  return isIt ? 'moved' : 'exchanged';
}

/** Only while it is empty and the file still has its old name: the rename may have happened and its reply been lost. */
async function dropReservation(from: Entry, to: Entry): Promise<void> {
  const [source, reservation] = await Promise.all([from.lstat(), to.lstat()]);
  if (source && reservation?.size === 0n) await to.unlinkQuietly();
}

const turns = new KeyedMutex();

/**
 * One at a time per folder in this process: finding a free name and taking it must not interleave, because names that
 * differ only in case or accents do not collide on this file system, but do for other clients.
 */
export async function inTurn<T>(folder: HeldFolder, act: () => Promise<T>): Promise<T> {
  const stats = await inFolder('checking', folder.path, () => folder.stat());
  return turns.run(`${stats.dev}:${stats.ino}`, act);
}
