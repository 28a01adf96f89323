import { basename, dirname, relative } from 'node:path';
import { isShrinkError, sentenceOf, ShrinkError } from '../core/errors.ts';
import { say } from '../messages/say.ts';
import type { HeldFile } from '../platform/files/door.ts';
import { Entry, holding } from '../platform/files/entry.ts';
import { errnoOf, type Files } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import { isCopyOf, type MoveOptions, moveOriginal, originalChanged, whileMoving } from './move-original.ts';
import { ensureFolder, folderOf, stillLeadsTo } from './output-folder.ts';

export interface RestoreOptions extends MoveOptions {
  /** The original's current place. */
  archived: string;
  /** Absolute path of the archive it is in, if that is still configured. */
  archiveDir?: string | undefined;
  /** Absolute path of the inbox it came from, and its path below it. */
  inbox: string;
  relative: string;
  sizeBytes: number;
  /** Whether it has the content that was archived: others may write into the archive. */
  isOriginal(file: HeldFile): Promise<boolean>;
}

/**
 * Moves an archived original back to where it was. If an equal file is already there (an earlier attempt got that far), the
 * archived one is removed.
 * @returns its absolute path. @throws ShrinkError `gone` (not in the archive), `denied` (another file is in its place).
 */
export async function restoreOriginal(options: RestoreOptions): Promise<string> {
  const { archived, archiveDir, inbox, files, log } = options;
  const parts = options.relative.split('/').filter(part => part !== '');
  const name = parts.pop() ?? basename(archived);
  return whileMoving(archived, undefined, async () => {
    // The watcher follows no links in an inbox either.
    const folder = ensureFolder({ path: inbox }, parts, { files, log, portable: false, links: false }).catch(inInbox);
    return holding(folder, async there => {
      const to = new Entry(there, name);
      const archive = await folderOf(archived, { path: archiveDir ?? dirname(archived) }, files);
      const isBack = archive
        ? await holding(Promise.resolve(archive), () => moveBack(new Entry(archive, basename(archived)), to, options))
        : await isAlreadyBack(to, options);
      if (!isBack) throw notArchived(archived);
      await there.sync(log);
      return to.path;
    });
  });
}

/** What stands in the way in an inbox has nothing to do with the names of results. */
function inInbox(error: unknown): never {
  if (!isShrinkError(error) || sentenceOf(error).code !== 'deliver.folder-refused') throw error;
  const { code, subject } = error;
  throw new ShrinkError(code, sentenceOf(error), { subject, hint: say('deliver.restore-refused-hint'), cause: error });
}

/** Whether it is back; `false` where there is none in the archive, and none in its place. */
async function moveBack(from: Entry, to: Entry, options: RestoreOptions): Promise<boolean> {
  // An earlier attempt may have finished.
  if (!(await from.lstat())) return isAlreadyBack(to, options);
  const { inbox, files, log } = options;
  const leads = () => stillLeadsTo(to.folder, { path: inbox }, files);
  const moved = await holding(from.open(), async file => {
    if (!(await options.isOriginal(file))) throw notTheArchived(from.path);
    return moveOriginal(from, to, { ...options, file, leads });
  });
  if (moved === 'exchanged') throw originalChanged(from.path);
  if (moved === 'taken') {
    if (!(await isCopyOf(to, from))) throw inTheWay(to.path);
    await from.unlink();
  }
  await to.folder.sync(log);
  await from.folder.sync(log);
  return true;
}

async function isAlreadyBack(to: Entry, { sizeBytes, isOriginal }: RestoreOptions): Promise<boolean> {
  const found = await to.lstat();
  if (!found?.isFile() || Number(found.size) !== sizeBytes) return false;
  return holding(to.open(), isOriginal);
}

export interface ArchivedFile {
  path: string;
  /** When it was archived, epoch ms. */
  at: number;
  sizeBytes: number;
}

export interface PruneOptions {
  archiveDir: string;
  days: number;
  /** Epoch ms. */
  now: number;
  files: Files;
  log: Logger;
}

const DAY_MS = 86_400_000;

/**
 * Deletes archived originals older than `days`: only the files the journal names, inside `archiveDir`, and only while they
 * have the size they had.
 * @returns the paths that are no longer in the archive, whoever removed them.
 */
export async function pruneArchive(records: readonly ArchivedFile[], options: PruneOptions): Promise<string[]> {
  const removed: string[] = [];
  for (const record of records) {
    const { path, at } = record;
    if (at + options.days * DAY_MS > options.now || !isBelow(path, options.archiveDir)) continue;
    try {
      if (await pruneOne(record, options)) removed.push(path);
    } catch (error) {
      const { log } = options;
      log.warn({ path, errno: errnoOf(error) }, 'archived original could not be deleted; tried again later');
    }
  }
  return removed;
}

/** Whether it is no longer there. */
async function pruneOne({ path, sizeBytes }: ArchivedFile, { archiveDir, files, log }: PruneOptions): Promise<boolean> {
  const folder = await folderOf(path, { path: archiveDir }, files);
  if (!folder) return true;
  return holding(Promise.resolve(folder), async () => {
    const original = new Entry(folder, basename(path));
    const found = await original.lstat();
    if (!found) return true;
    if (!found.isFile() || Number(found.size) !== sizeBytes) {
      log.warn({ path }, 'archived original was replaced by another file; left alone');
      return false;
    }
    await original.unlink();
    await folder.sync(log).catch(() => {});
    return true;
  });
}

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith('../');
}

function notTheArchived(path: string): ShrinkError {
  const message = say('deliver.not-the-archived', { path });
  return new ShrinkError('denied', message, { subject: path, hint: say('deliver.not-the-archived-hint') });
}

export function notArchived(path: string): ShrinkError {
  const message = say('deliver.not-archived', { path });
  return new ShrinkError('gone', message, { subject: path, hint: say('deliver.not-archived-hint') });
}

export function inTheWay(path: string): ShrinkError {
  const message = say('deliver.in-the-way', { path });
  return new ShrinkError('denied', message, { subject: path, hint: say('deliver.in-the-way-hint') });
}
