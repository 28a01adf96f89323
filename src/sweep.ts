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
  for (const outbox of new Set(folders.all.map(folder => folder.outbox))) {
    try {
      await sweepOutbox(outbox, isUnfinished, { files: nodeFiles, log });
    } catch (error) {
      // An outbox that is away is swept when it is back at the next start.
      if (!isShrinkError(error)) throw error;
      log.warn({ outbox, code: error.code }, error.message);
    }
  }
}
