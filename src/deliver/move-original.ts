import { dirname, join } from 'node:path';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import { ownTempName } from '../core/file-names.ts';
import { samePin } from '../core/job.ts';
import { say } from '../messages/say.ts';
import { copyInto, syncDir } from '../platform/files/durable.ts';
import { fileError } from '../platform/files/file-error.ts';
import { errnoOf, type Files, lstatIfThere, pinFrom, sha256Of, unlinkQuietly } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import { isSecondName, moveWithoutOverwriting, unlinkIfThere } from './atomic-publish.ts';

export interface MoveOptions {
  job: string;
  signal?: AbortSignal | undefined;
  files: Files;
  log: Logger;
}

/**
 * Moves an original to a name that must be free: within one file system by renaming, otherwise as a copy that is synced
 * and compared before the original is removed. The caller syncs both folders.
 */
export async function moveOriginal(from: string, to: string, options: MoveOptions): Promise<'moved' | 'taken'> {
  const { files, log } = options;
  try {
    // The disk makes no promise about two folders at once: the old name is removed once the new one is durable.
    return await moveWithoutOverwriting(from, to, files, () => syncDir(dirname(to), files, log));
  } catch (error) {
    // Bind mounts answer EXDEV although device numbers are equal, so it has to be tried.
    if (errnoOf(error) === 'EXDEV') return moveAcross(from, to, options);
    // Linked, but not allowed to remove the old name: the new one is removed again. After a transient error (a disk that failed
    // once) the next attempt finishes the move, because it recognises the second name.
    const isRefused = movingError(error, from).code === 'denied';
    if (isRefused && (await isSecondName(from, to, files).catch(() => false))) await unlinkQuietly(to, files);
    throw error;
  }
}

async function moveAcross(
  from: string,
  to: string,
  { job, signal, files, log }: MoveOptions,
): Promise<'moved' | 'taken'> {
  const before = await files.lstat(from);
  const temp = join(dirname(to), ownTempName(job));
  await unlinkIfThere(temp, files);
  const mode = Number(before.mode & 0o777n);
  const copy = await copyInto(from, temp, { files, log, signal, mode, mtimeMs: Number(before.mtimeNs) / 1e6 });
  try {
    if ((await sha256Of(temp, files, signal)) !== copy.sha256) throw misread(to);
    if (!samePin(pinFrom(await files.lstat(from)), pinFrom(before))) throw originalChanged(from);
    if ((await moveWithoutOverwriting(temp, to, files)) === 'taken') {
      await unlinkQuietly(temp, files);
      return 'taken';
    }
    await syncDir(dirname(to), files, log);
  } catch (error) {
    await unlinkQuietly(temp, files);
    throw error;
  }
  try {
    await files.unlink(from);
  } catch (error) {
    // Not allowed to remove it: one copy is enough. After an error that passes the next try finishes the move.
    const isRefused = movingError(error, from).code === 'denied';
    if (isRefused && (await lstatIfThere(from, files).catch(() => undefined))) await unlinkQuietly(to, files);
    throw error;
  }
  return 'moved';
}

export async function isEqualFile(a: string, b: string, files: Files): Promise<boolean> {
  const [one, two] = await Promise.all([files.lstat(a), files.lstat(b)]);
  if (!one.isFile() || !two.isFile() || one.size !== two.size) return false;
  return (await sha256Of(a, files)) === (await sha256Of(b, files));
}

/** Wraps the errno errors of `act` as errors of moving the file at `path`. */
export async function whileMoving<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (isShrinkError(error) || errnoOf(error) === undefined) throw error;
    throw movingError(error, path);
  }
}

function movingError(error: unknown, path: string): ShrinkError {
  return fileError(error, say('deliver.moving', { path }), path);
}

export function originalChanged(path: string): ShrinkError {
  return new ShrinkError('changed-underneath', say('deliver.original-changed', { path }), { subject: path });
}

function misread(to: string): ShrinkError {
  const message = say('deliver.original-misread', { folder: dirname(to) });
  return new ShrinkError('io', message, { subject: to, hint: say('deliver.check-disk') });
}
