import { KeyedMutex } from '../platform/async.ts';
import { errnoOf, type Files, lstatIfThere, unlinkQuietly } from '../platform/files/files.ts';
import { inFolder } from './output-folder.ts';

/** Errors of file systems without hard links (exFAT, some SMB and FUSE mounts; EMLINK: no further link to this file). */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS']);

/**
 * Gives the file `from` the name `to` if nothing has that name, decided by the file system in one step: rename(2) would
 * replace silently. Where there are no hard links, the name is reserved by an empty file first, and that is renamed over.
 * Nothing is synced here; `onLinked` is called while the file has both names.
 * @throws errno errors as they are; `EXDEV` where `to` is on another file system or mount, with nothing changed.
 */
export async function moveWithoutOverwriting(
  from: string,
  to: string,
  files: Files,
  onLinked: () => Promise<void> = async () => {},
): Promise<'moved' | 'taken'> {
  try {
    await files.link(from, to);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (NO_LINKS.has(errno)) return reserveAndRename(from, to, files);
    if (errno !== 'EEXIST') throw error;
    // A network share may have made the link and lost the answer.
    if (!(await isSameFile(from, to, files))) return 'taken';
  }
  await onLinked();
  // Another file may have come to the old name meanwhile; only the one that was linked may go.
  if (await isSameFile(from, to, files)) await unlinkIfThere(from, files);
  return 'moved';
}

export async function unlinkIfThere(path: string, files: Files): Promise<void> {
  try {
    await files.unlink(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

export async function isSameFile(a: string, b: string, files: Files): Promise<boolean> {
  const [one, two] = await Promise.all([lstatIfThere(a, files), lstatIfThere(b, files)]);
  return one !== undefined && two !== undefined && one.dev === two.dev && one.ino === two.ino;
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

/** Only while it is empty and the file still has its old name: the rename may have happened and its answer been lost. */
async function dropReservation(from: string, to: string, files: Files): Promise<void> {
  const [source, reservation] = await Promise.all([lstatIfThere(from, files), lstatIfThere(to, files)]);
  if (source && reservation?.size === 0n) await unlinkQuietly(to, files);
}

const turns = new KeyedMutex();

/**
 * One at a time per folder in this process: searching a free name and taking it must not interleave, because names that
 * differ only in case or accents do not collide on this file system, but do for other clients.
 */
export async function inTurn<T>(folder: string, files: Files, act: () => Promise<T>): Promise<T> {
  const stats = await inFolder('checking', folder, () => files.stat(folder));
  return turns.run(`${stats.dev}:${stats.ino}`, act);
}
