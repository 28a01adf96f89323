import type { BigIntStats } from 'node:fs';
import { KeyedMutex } from '../platform/async.ts';
import { errnoOf, type Files, lstatIfThere, unlinkQuietly } from '../platform/files/files.ts';
import { inFolder } from './output-folder.ts';

/**
 * Errors of file systems without hard links: exFAT, some SMB and FUSE mounts; rclone mounts answer EIO, and EMLINK means that
 * this file can have no more names.
 */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS', 'EIO']);

/** Whether an error of link(2) means that a name has to be reserved and renamed over instead. */
export function isWithoutLinks(error: unknown): boolean {
  return NO_LINKS.has(errnoOf(error) ?? '');
}

/**
 * Gives the file `from` the name `to` if that is free, which the file system decides in one step: rename(2) would
 * replace silently. Without hard links, an empty file reserves the name first, and `from` is renamed over that.
 * Nothing is synced here; `onLinked` is called while the file has both names.
 * @throws errno errors as they are; `EXDEV` if `to` is on another file system or mount, with nothing changed.
 */
export async function moveWithoutOverwriting(
  from: string,
  to: string,
  files: Files,
  onLinked: () => Promise<void> = async () => {},
): Promise<'moved' | 'taken'> {
  const before = await files.lstat(from);
  try {
    await files.link(from, to);
  } catch (error) {
    const isTaken = errnoOf(error) === 'EEXIST';
    if (!isTaken && !isWithoutLinks(error)) throw error;
    // A network share may have made the link and lost the reply.
    if (!(await isSecondName(from, to, files))) return isTaken ? 'taken' : reserveAndRename(from, to, files);
  }
  await onLinked();
  // Another file may have taken the old name meanwhile; only the one that was linked may be removed.
  const after = await lstatIfThere(from, files);
  if (after && isSameInode(before, after) && (await isSecondName(from, to, files))) await unlinkIfThere(from, files);
  return 'moved';
}

export async function unlinkIfThere(path: string, files: Files): Promise<void> {
  try {
    await files.unlink(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/**
 * Whether two names belong to one file. Union file systems (mergerfs, unionfs) number inodes by name: there a link shows in its
 * link count and in the size and time that both names have.
 */
export async function isSecondName(name: string, other: string, files: Files): Promise<boolean> {
  const [one, two] = await Promise.all([lstatIfThere(name, files), lstatIfThere(other, files)]);
  if (!one || !two || one.dev !== two.dev) return false;
  if (one.ino === two.ino) return true;
  // The older one's link count may be out of date: such mounts cache attributes for a second.
  return two.isFile() && two.nlink > 1n && one.size === two.size && one.mtimeNs === two.mtimeNs;
}

function isSameInode(one: BigIntStats, two: BigIntStats): boolean {
  return one.dev === two.dev && one.ino === two.ino;
}

async function reserveAndRename(from: string, to: string, files: Files): Promise<'moved' | 'taken'> {
  try {
    await (await files.open(to, 'wx', 0o666)).close();
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return 'taken';
    throw error;
  }
  try {
    await files.rename(from, to);
  } catch (error) {
    await dropReservation(from, to, files).catch(() => {});
    throw error;
  }
  return 'moved';
}

/** Only while it is empty and the file still has its old name: the rename may have happened and its reply been lost. */
async function dropReservation(from: string, to: string, files: Files): Promise<void> {
  const [source, reservation] = await Promise.all([lstatIfThere(from, files), lstatIfThere(to, files)]);
  if (source && reservation?.size === 0n) await unlinkQuietly(to, files);
}

const turns = new KeyedMutex();

/**
 * One at a time per folder in this process: finding a free name and taking it must not interleave, because names that
 * differ only in case or accents do not collide on this file system, but do for other clients.
 */
export async function inTurn<T>(folder: string, files: Files, act: () => Promise<T>): Promise<T> {
  const stats = await inFolder('checking', folder, () => files.stat(folder));
  return turns.run(`${stats.dev}:${stats.ino}`, act);
}
