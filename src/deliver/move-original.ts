import type { BigIntStats } from 'node:fs';
import { dirname } from 'node:path';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import { ownTempName } from '../core/file-names.ts';
import { samePin } from '../core/job.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { copyAttributes } from '../platform/files/attributes.ts';
import type { HeldFile } from '../platform/files/door.ts';
import { copyInto } from '../platform/files/durable.ts';
import { Entry, holding } from '../platform/files/entry.ts';
import { fileError } from '../platform/files/file-error.ts';
import { errnoOf, type Files, type OpenFile, pinFrom, sha256OfOpen } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import { isSecondName, type MoveFacts, type Moved, moveWithoutOverwriting } from './atomic-publish.ts';

export interface MoveOptions {
  job: string;
  signal?: AbortSignal | undefined;
  files: Files;
  log: Logger;
  /** Receives what a person should know of an original that was moved to another disk. */
  onNote?: ((note: Sentence) => void) | undefined;
}

export interface OriginalMove extends MoveOptions {
  /** The original, as it was opened under its old name; closed before that goes. */
  file: HeldFile;
  leads: MoveFacts['leads'];
}

/**
 * Moves an original to a name that must be free: within one file system by renaming, otherwise as a copy that is synced
 * and compared before the original is removed. The caller syncs both folders.
 */
export async function moveOriginal(from: Entry, to: Entry, options: OriginalMove): Promise<Moved> {
  const { file, log, leads } = options;
  try {
    // The disk makes no promise about two folders at once: the old name is removed once the new one is durable.
    return await moveWithoutOverwriting(from, to, { file, leads, onLinked: () => to.folder.sync(log) });
  } catch (error) {
    // Bind mounts answer EXDEV although device numbers are equal, so it has to be tried.
    if (errnoOf(error) === 'EXDEV') return moveAcross(from, to, options);
    // Linked, but not allowed to remove the old name: the new one is removed again. After a transient error (a disk that failed
    // once) the next attempt finishes the move, because it recognises the second name.
    const isRefused = movingError(error, from.path).code === 'denied';
    if (isRefused && (await hasBoth(from, to))) await to.unlinkQuietly();
    throw error;
  }
}

async function hasBoth(from: Entry, to: Entry): Promise<boolean> {
  try {
    return isSecondName(await from.lstat(), await to.lstat());
  } catch {
    return false;
  }
}

async function moveAcross(from: Entry, to: Entry, options: OriginalMove): Promise<Moved> {
  return holding(from.open(options.file.pin), async original => {
    const moved = await copyTo(to, original, from, options);
    if (moved === 'moved') await giveUp(from, to, original);
    return moved;
  });
}

/** A copy of the original under its new name, durable and compared. */
async function copyTo(to: Entry, original: HeldFile, from: Entry, options: OriginalMove): Promise<Moved> {
  const { job, signal, log, leads } = options;
  const temp = new Entry(to.folder, ownTempName(job));
  await temp.unlink();
  const { mtimeNs } = await original.stat();
  const mode = (copy: OpenFile) => modeOf({ path: temp.path, ...copy }, original, options);
  const { sha256 } = await copyInto(original, temp, { log, signal, mode, mtimeMs: Number(mtimeNs) / 1e6 });
  try {
    const moved = await holding(temp.open(), async file => {
      if ((await sha256OfOpen(file, signal)) !== sha256) throw misread(to.path);
      if (!(await isStill(from, original))) throw originalChanged(from.path);
      return moveWithoutOverwriting(temp, to, { file, leads });
    });
    if (moved === 'exchanged') throw misread(to.path);
    if (moved === 'taken') await temp.unlinkQuietly();
    else await to.folder.sync(log);
    return moved;
  } catch (error) {
    await temp.unlinkQuietly();
    throw error;
  }
}

/**
 * Gives the copy what the original has besides bytes, and finds the mode that lets nobody read it who could not read the original:
 * without its access list only its owner may, and a group that is another one gets nothing.
 */
async function modeOf(copy: OpenFile & { path: string }, original: HeldFile, options: OriginalMove): Promise<number> {
  const { signal, onNote } = options;
  const lost = await copyAttributes(original, copy, signal);
  if (lost.access) onNote?.(lost.attributes ? say('deliver.access-and-attributes-lost') : say('deliver.access-lost'));
  else if (lost.attributes) onNote?.(say('deliver.attributes-lost'));
  const { mode, gid } = await original.stat();
  const bits = Number(mode & 0o777n);
  if (lost.access) return bits & 0o700;
  return (await copy.stat()).gid === gid ? bits : bits & 0o707;
}

/** Removes the name of the original that was copied; a file that took its place since stays. */
async function giveUp(from: Entry, to: Entry, original: HeldFile): Promise<void> {
  try {
    if (await isStill(from, original)) {
      await original.close();
      await from.unlink();
    }
  } catch (error) {
    // Not allowed to remove it: one copy is enough. After an error that passes the next try finishes the move.
    const isRefused = movingError(error, from.path).code === 'denied';
    if (isRefused && (await from.lstat().catch(() => undefined))) await to.unlinkQuietly();
    throw error;
  }
}

async function isStill(at: Entry, { pin }: HeldFile): Promise<boolean> {
  const now = await at.lstat();
  return now !== undefined && samePin(pinFrom(now), pin);
}

/**
 * Whether one file may go because another stays that has the same bytes. The other must belong to the owner of the first, or to us:
 * a third person could empty his own at any time. `false` where one of them is no regular file.
 */
export async function isCopyOf(stays: Entry, goes: Entry): Promise<boolean> {
  const [one, two] = [await stays.lstat(), await goes.lstat()];
  if (!one?.isFile() || !two?.isFile() || one.size !== two.size) return false;
  if (!isOfSameOwner(one, two)) return false;
  const digest = (entry: Entry) => holding(entry.open(), file => sha256OfOpen(file));
  return (await digest(stays)) === (await digest(goes));
}

/** Whether a file belongs to the owner of another, or to us. */
export function isOfSameOwner(one: BigIntStats, other: BigIntStats): boolean {
  return one.uid === other.uid || Number(one.uid) === process.geteuid?.();
}

/** Wraps the errno errors of `act` as errors of moving the file at `path`. */
export async function whileMoving<T>(path: string, doing: Sentence | undefined, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (isShrinkError(error) || errnoOf(error) === undefined) throw error;
    throw movingError(error, path, doing);
  }
}

function movingError(error: unknown, path: string, doing = say('deliver.moving', { path })): ShrinkError {
  return fileError(error, doing, path);
}

export function originalChanged(path: string): ShrinkError {
  return new ShrinkError('changed-underneath', say('deliver.original-changed', { path }), { subject: path });
}

function misread(to: string): ShrinkError {
  const message = say('deliver.original-misread', { folder: dirname(to) });
  return new ShrinkError('io', message, { subject: to, hint: say('deliver.check-disk') });
}
