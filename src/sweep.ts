import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isShrinkError } from './core/errors.ts';
import { sweepOutbox } from './deliver/sweep.ts';
import type { Folders } from './folders.ts';
import { nodeFiles } from './platform/files.ts';
import type { Logger } from './platform/log.ts';

/** Removes what a crash left behind and no unfinished job owns: work directories, hidden temporary files in outboxes. */
export async function sweepLeftovers(
  workRoot: string,
  folders: Folders,
  isUnfinished: (job: string) => boolean,
  log: Logger,
): Promise<void> {
  for (const name of await readdir(workRoot)) {
    if (isUnfinished(name)) continue;
    await rm(join(workRoot, name), { recursive: true, force: true });
    log.info({ job: name }, 'working files of a job that is over removed');
  }
  // Archiving to another disk leaves the same kind of temporary file as a delivery.
  for (const folder of new Set(folders.all.flatMap(({ outbox, archive }) => [outbox, ...(archive ? [archive] : [])]))) {
    try {
      await sweepOutbox(folder, isUnfinished, { files: nodeFiles, log });
    } catch (error) {
      // A folder that is away is swept at the next start that finds it.
      if (!isShrinkError(error)) throw error;
      log.warn({ folder, code: error.code }, error.message);
    }
  }
}
