/**
 * What happens to an original after its result is durable: kept, archived or deleted, and only while it still is the very
 * file that was worked on. Nothing here overwrites anything, and every step may be the last one before a power cut.
 */
import type { BigIntStats } from 'node:fs';
import { basename, dirname, join, relative as pathFrom } from 'node:path';
import { fileError } from '../platform/files/file-error.ts';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import { type Pin, samePin } from '../core/job.ts';
import { ownTempName } from '../core/file-names.ts';
import { copyInto, syncDir } from '../platform/files/durable.ts';
import { errnoOf, type Files, lstatIfThere, pinFrom, pinOf, sha256Of, unlinkQuietly } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import { ensureFolder, namesIn } from './output-folder.ts';
import { collisionKey, numbered } from './safe-names.ts';
import { inTurn, isSameFile, moveWithoutOverwriting, unlinkIfThere } from './atomic-publish.ts';

export type Disposal = { kind: 'kept' } | { kind: 'archived'; to: string } | { kind: 'deleted' } | { kind: 'missing' };

export interface DisposeOptions {
  job: string;
  /** Absolute path of the original. */
  path: string;
  /** Its identity when it was worked on. */
  pin: Pin;
  /** Its path below the inbox, mirrored in the archive. */
  relative: string;
  policy: 'keep' | 'archive' | 'delete';
  /** Absolute; needed for `archive`. Exists, and is never made here. */
  archiveDir?: string | undefined;
  /** The `to` of the last `beforeMove` in the journal: an earlier attempt may have got there already. */
  intended?: string | undefined;
  /** Resolves when journaled; only then the archived name may appear. */
  beforeMove(to: string): Promise<void>;
  /** Folders nothing may ever be put into: inboxes, the state directory. */
  forbidden?: readonly string[] | undefined;
  signal?: AbortSignal | undefined;
  files: Files;
  log: Logger;
}

/**
 * Does what the folder's policy says. `missing`: the original is not there any more, and not because of us, as far as the
 * journal can tell; after a crash between deleting it and journaling that, this is the answer too.
 * @throws ShrinkError `changed-underneath` (nothing was touched), `unavailable`, `no-space`, `denied`, ...
 */
export async function disposeOriginal(options: DisposeOptions): Promise<Disposal> {
  if (options.policy === 'keep') return { kind: 'kept' };
  return describing(options.path, async () => {
    const earlier = options.intended && (await finishMove(options.intended, options));
    if (earlier) return { kind: 'archived', to: earlier };
    const found = await lstatIfThere(options.path, options.files);
    if (!found) return { kind: 'missing' };
    if (!found.isFile() || !samePin(pinFrom(found), options.pin)) throw changed(options.path);
    if (options.policy === 'archive') return { kind: 'archived', to: await archive(options) };
    await options.files.unlink(options.path);
    await syncDir(dirname(options.path), options.files, options.log);
    return { kind: 'deleted' };
  });
}

export interface RestoreOptions {
  job: string;
  /** Where the original is now. */
  archived: string;
  /** Absolute path of the inbox it came from, and its path below it. */
  inbox: string;
  relative: string;
  sizeBytes: number;
  signal?: AbortSignal | undefined;
  files: Files;
  log: Logger;
}

/**
 * Brings an archived original back to where it was. Where an equal file is there already (an earlier try got that far)
 * the archived one is removed.
 * @returns its absolute path. @throws ShrinkError `gone` (not in the archive), `denied` (another file is in its place).
 */
export async function restoreOriginal(options: RestoreOptions): Promise<string> {
  const { archived, files, log } = options;
  return describing(archived, async () => {
    const parts = options.relative.split('/').filter(part => part !== '');
    const name = parts.pop() ?? basename(archived);
    const folder = await ensureFolder({ path: options.inbox }, parts, { files, log, portable: false });
    const to = join(folder, name);
    if (!(await lstatIfThere(archived, files))) {
      // An earlier try may have got all the way.
      if (Number((await lstatIfThere(to, files))?.size) === options.sizeBytes) return to;
      throw notInArchive(archived);
    }
    if ((await move(archived, to, options)) === 'taken') {
      if (!(await isEqualFile(archived, to, files))) throw inTheWay(to);
      await unlinkIfThere(archived, files);
    }
    await syncDir(folder, files, log);
    await syncDir(dirname(archived), files, log);
    return to;
  });
}

export interface ArchivedFile {
  path: string;
  /** When it was archived, epoch ms. */
  at: number;
  sizeBytes: number;
}

/**
 * Deletes archived originals older than `days`: only the files the journal names, inside `archiveDir`, and only while
 * they have the size they had.
 * @returns the paths that are not in the archive any more, whoever removed them.
 */
export async function pruneArchive(
  records: readonly ArchivedFile[],
  options: { archiveDir: string; days: number; now: number; files: Files; log: Logger },
): Promise<string[]> {
  const { archiveDir, files, log } = options;
  const removed: string[] = [];
  const touched = new Set<string>();
  for (const { path, at, sizeBytes } of records) {
    if (at + options.days * DAY_MS > options.now || !isBelow(path, archiveDir)) continue;
    try {
      const found = await lstatIfThere(path, files);
      if (found && (!found.isFile() || Number(found.size) !== sizeBytes)) {
        log.warn({ path }, 'archived original was replaced by somebody; left alone');
        continue;
      }
      if (found) {
        await files.unlink(path);
        touched.add(dirname(path));
      }
      removed.push(path);
    } catch (error) {
      log.warn({ path, errno: errnoOf(error) }, 'archived original could not be deleted; tried again later');
    }
  }
  for (const folder of touched) await syncDir(folder, files, log).catch(() => {});
  return removed;
}

const DAY_MS = 86_400_000;

function isBelow(path: string, folder: string): boolean {
  const way = pathFrom(folder, path);
  return way !== '' && way !== '..' && !way.startsWith('../');
}

async function archive(options: DisposeOptions): Promise<string> {
  const { files, log, path, archiveDir, forbidden } = options;
  if (archiveDir === undefined) throw new Error('policy archive without an archive folder');
  const parts = options.relative.split('/').filter(part => part !== '');
  const wanted = parts.pop() ?? basename(path);
  const folder = await ensureFolder({ path: archiveDir }, parts, { files, log, forbidden, portable: false });
  const to = await inTurn(folder, files, () => moveToFreeName(folder, wanted, options));
  await syncDir(folder, files, log);
  await syncDir(dirname(path), files, log);
  return to;
}

async function moveToFreeName(folder: string, wanted: string, options: DisposeOptions): Promise<string> {
  const { files } = options;
  const taken = await namesIn(folder, files);
  for (let n = 1; n <= MAX_NAMES; n++) {
    const name = numbered(wanted, n);
    if (taken.has(collisionKey(name))) continue;
    const to = join(folder, name);
    await options.beforeMove(to);
    // Journaling took its time; what must not happen is that a newer version is put away unseen.
    if (!samePin(await pinOf(options.path, files), options.pin)) throw changed(options.path);
    if ((await move(options.path, to, options)) === 'moved') return to;
  }
  throw new ShrinkError('denied', `${folder} has ${MAX_NAMES} files named like ${wanted} already`, {
    subject: folder,
  });
}

const MAX_NAMES = 1000;

/** Within one file system a change of name, else a copy that is synced and compared before the original goes. */
async function move(
  from: string,
  to: string,
  options: Pick<DisposeOptions, 'job' | 'signal' | 'files' | 'log'>,
): Promise<'moved' | 'taken'> {
  const { files, log } = options;
  try {
    // Two folders are two promises of the disk: the old name goes when the new one is there to stay.
    return await moveWithoutOverwriting(from, to, files, () => syncDir(dirname(to), files, log));
  } catch (error) {
    // Bind mounts answer EXDEV with equal device numbers, so only trying tells.
    if (errnoOf(error) === 'EXDEV') return moveAcross(from, to, options);
    // Linked, but not allowed to remove the old name: an original with two names would be a half-done promise. What passes
    // (a disk that failed once) is finished by the next try, which knows the second name for ours.
    const isRefused = fileError(error, `moving ${from}`, from).code === 'denied';
    if (isRefused && (await isSameFile(from, to, files).catch(() => false))) await unlinkQuietly(to, files);
    throw error;
  }
}

async function moveAcross(
  from: string,
  to: string,
  { job, signal, files, log }: Pick<DisposeOptions, 'job' | 'signal' | 'files' | 'log'>,
): Promise<'moved' | 'taken'> {
  const before = await files.lstat(from);
  const temp = join(dirname(to), ownTempName(job));
  await unlinkIfThere(temp, files);
  const mode = Number(before.mode & 0o777n);
  const copy = await copyInto(from, temp, { files, log, signal, mode, mtimeMs: Number(before.mtimeNs) / 1e6 });
  try {
    if ((await sha256Of(temp, files, signal)) !== copy.sha256) throw misread(to);
    if (!samePin(pinFrom(await files.lstat(from)), pinFrom(before))) throw changed(from);
    if ((await moveWithoutOverwriting(temp, to, files)) === 'taken') {
      await unlinkQuietly(temp, files);
      return 'taken';
    }
    await syncDir(dirname(to), files, log);
  } catch (error) {
    await unlinkQuietly(temp, files);
    throw error;
  }
  await files.unlink(from);
  return 'moved';
}

/** After a crash: where the original is, if the journaled move got as far as giving it its new name. */
async function finishMove(to: string, options: DisposeOptions): Promise<string | undefined> {
  const { files, log, path, pin } = options;
  await unlinkIfThere(join(dirname(to), ownTempName(options.job)), files);
  const [source, target] = await Promise.all([lstatIfThere(path, files), lstatIfThere(to, files)]);
  if (!target?.isFile()) return undefined;
  const isComplete = Number(target.size) === pin.sizeBytes;
  if (source && isReservation(source, target, pin)) {
    // Only reserved: the rename over it never came.
    await unlinkIfThere(to, files);
    return undefined;
  }
  if (!isComplete || (source && !(await isOurCopy(path, to, options)))) {
    // A second name of a file that was written to since: one name is enough, and nothing is lost by taking it away.
    if (await isSameFile(path, to, files)) await unlinkIfThere(to, files);
    return undefined;
  }
  await syncDir(dirname(to), files, log);
  if (source) await files.unlink(path);
  await syncDir(dirname(path), files, log);
  return to;
}

function isReservation(source: BigIntStats, target: BigIntStats, pin: Pin): boolean {
  return target.size === 0n && pin.sizeBytes > 0 && samePin(pinFrom(source), pin);
}

/** The original is still there: the archived one must be the same inode, or an equal copy of what was worked on. */
async function isOurCopy(path: string, to: string, { files, pin }: DisposeOptions): Promise<boolean> {
  if (await isSameFile(path, to, files)) {
    const now = pinFrom(await files.lstat(path));
    // The link itself moved ctime on; size and mtime still tell whether somebody wrote.
    return now.ino === pin.ino && now.sizeBytes === pin.sizeBytes && now.mtimeNs === pin.mtimeNs;
  }
  return samePin(pinFrom(await files.lstat(path)), pin) && (await isEqualFile(path, to, files));
}

async function isEqualFile(a: string, b: string, files: Files): Promise<boolean> {
  const [one, two] = await Promise.all([files.lstat(a), files.lstat(b)]);
  if (!one.isFile() || !two.isFile() || one.size !== two.size) return false;
  return (await sha256Of(a, files)) === (await sha256Of(b, files));
}

async function describing<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (isShrinkError(error) || errnoOf(error) === undefined) throw error;
    throw fileError(error, `moving ${path}`, path);
  }
}

function changed(path: string): ShrinkError {
  return new ShrinkError('changed-underneath', `${path} is not the file that was worked on any more; left alone`, {
    doing: 'putting the original away',
    subject: path,
  });
}

function misread(to: string): ShrinkError {
  return new ShrinkError('io', `What was written to ${dirname(to)} reads back differently; the original was kept`, {
    doing: 'archiving the original',
    subject: to,
    hint: 'Check that disk, its cable or the connection to it; shrinkbox tries again by itself.',
  });
}

function notInArchive(path: string): ShrinkError {
  return new ShrinkError('gone', `${path} is not in the archive any more`, {
    doing: 'bringing the original back',
    subject: path,
    hint: 'Look whether archive_days has run out, or somebody moved it.',
  });
}

function inTheWay(path: string): ShrinkError {
  return new ShrinkError('denied', `There is another file at ${path}`, {
    doing: 'bringing the original back',
    subject: path,
    hint: 'Move or rename that file and try again.',
  });
}
