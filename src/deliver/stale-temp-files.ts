import type { Dirent } from 'node:fs';
import { join } from 'node:path';
import { jobOfTempName } from '../core/file-names.ts';
import { errnoOf, type Files } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';

/** Folders visited in one sweep; leftovers beyond them stay, which costs space, not safety. */
const MAX_FOLDERS = 50_000;

/**
 * Removes our temporary files that belong to no active job from an outbox (or archive) and its sub-folders; links are not
 * followed. Folders that cannot be read are skipped with a log line.
 * @returns the paths removed.
 */
export async function sweepOutbox(
  outbox: string,
  isActive: (job: string) => boolean,
  { files, log }: { files: Files; log: Logger },
): Promise<string[]> {
  const removed: string[] = [];
  const folders = [outbox];
  for (let i = 0; i < folders.length && i < MAX_FOLDERS; i++) {
    const folder = folders[i] as string;
    for (const entry of await listed(folder, files, log)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      const job = entry.isFile() ? jobOfTempName(entry.name) : undefined;
      if (job === undefined || isActive(job)) continue;
      try {
        await files.unlink(path);
        removed.push(path);
      } catch (error) {
        log.warn({ path, errno: errnoOf(error) }, 'leftover temporary file could not be removed');
      }
    }
  }
  if (removed.length > 0) log.info({ outbox, removed: removed.length }, 'leftover temporary files removed');
  return removed;
}

async function listed(folder: string, files: Files, log: Logger): Promise<Dirent[]> {
  try {
    return await files.readdir(folder);
  } catch (error) {
    log.warn({ path: folder, errno: errnoOf(error) }, 'folder could not be swept');
    return [];
  }
}
