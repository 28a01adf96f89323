import { basename, dirname, join, relative } from 'node:path';
import { ShrinkError } from '../core/errors.ts';
import { say } from '../messages/say.ts';
import { syncDir } from '../platform/files/durable.ts';
import { errnoOf, type Files, lstatIfThere } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import { unlinkIfThere } from './atomic-publish.ts';
import { isEqualFile, type MoveOptions, moveOriginal, whileMoving } from './move-original.ts';
import { ensureFolder } from './output-folder.ts';

export interface RestoreOptions extends MoveOptions {
  /** The original's current place. */
  archived: string;
  /** Absolute path of the inbox it came from, and its path below it. */
  inbox: string;
  relative: string;
  sizeBytes: number;
}

/**
 * Moves an archived original back to where it was. If an equal file is already there (an earlier attempt got that far), the
 * archived one is removed.
 * @returns its absolute path. @throws ShrinkError `gone` (not in the archive), `denied` (another file is in its place).
 */
export async function restoreOriginal(options: RestoreOptions): Promise<string> {
  const { archived, files, log } = options;
  return whileMoving(archived, async () => {
    const parts = options.relative.split('/').filter(part => part !== '');
    const name = parts.pop() ?? basename(archived);
    const folder = await ensureFolder({ path: options.inbox }, parts, { files, log, portable: false });
    const to = join(folder, name);
    if (!(await lstatIfThere(archived, files))) {
      // An earlier attempt may have finished.
      if (Number((await lstatIfThere(to, files))?.size) === options.sizeBytes) return to;
      throw notArchived(archived);
    }
    if ((await moveOriginal(archived, to, options)) === 'taken') {
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

const DAY_MS = 86_400_000;

/**
 * Deletes archived originals older than `days`: only the files the journal names, inside `archiveDir`, and only while they
 * have the size they had.
 * @returns the paths that are no longer in the archive, whoever removed them.
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
        log.warn({ path }, 'archived original was replaced by another file; left alone');
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

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith('../');
}

function notArchived(path: string): ShrinkError {
  const message = say('deliver.not-archived', { path });
  return new ShrinkError('gone', message, { subject: path, hint: say('deliver.not-archived-hint') });
}

function inTheWay(path: string): ShrinkError {
  const message = say('deliver.in-the-way', { path });
  return new ShrinkError('denied', message, { subject: path, hint: say('deliver.in-the-way-hint') });
}
