import type { Dirent } from 'node:fs';
import { jobOfTempName } from '../core/file-names.ts';
import { type HeldFolder, openFolder } from '../platform/files/door.ts';
import { Entry, holding } from '../platform/files/entry.ts';
import { errnoOf, type Files } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';

/** Folders visited in one sweep, and how deep; leftovers beyond them stay, which costs space, not safety. */
const MAX_FOLDERS = 50_000;
const MAX_DEPTH = 100;

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
  const folders: string[][] = [[]];
  for (let i = 0; i < folders.length && i < MAX_FOLDERS; i++) {
    const parts = folders[i] as string[];
    try {
      // From the top each time, so that two folders are open at once however deep it goes.
      await holding(openFolder(outbox, parts, files), async folder => {
        for (const entry of await folder.list()) {
          if (entry.isDirectory() && parts.length < MAX_DEPTH) folders.push([...parts, entry.name]);
          if (isLeftover(entry, isActive)) await removeLeftover(folder, entry.name);
        }
      });
    } catch (error) {
      log.warn({ path: [outbox, ...parts].join('/'), errno: errnoOf(error) }, 'folder could not be swept');
    }
  }
  if (removed.length > 0) log.info({ outbox, removed: removed.length }, 'leftover temporary files removed');
  return removed;

  async function removeLeftover(folder: HeldFolder, name: string): Promise<void> {
    const { path } = new Entry(folder, name);
    try {
      await folder.unlink(name);
      removed.push(path);
    } catch (error) {
      log.warn({ path, errno: errnoOf(error) }, 'leftover temporary file could not be removed');
    }
  }
}

function isLeftover(entry: Dirent, isActive: (job: string) => boolean): boolean {
  const job = entry.isFile() ? jobOfTempName(entry.name) : undefined;
  return job !== undefined && !isActive(job);
}
