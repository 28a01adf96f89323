import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isShrinkError } from '../core/errors.ts';
import { sweepOutbox } from '../deliver/stale-temp-files.ts';
import type { Folders } from './folders.ts';
import type { Files } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';

/**
 * Removes what a crash left behind and no unfinished job owns: work directories, hidden temporary files in outboxes, an
 * identity.json that was not written to its end.
 * @returns the ids of finished jobs whose work directories are still there: what follows the end of a job did not all happen.
 */
export async function sweepLeftovers(
  stateDir: string,
  folders: Folders,
  stateOf: (job: string) => 'unknown' | 'unfinished' | 'finished',
  { files, log }: { files: Files; log: Logger },
): Promise<ReadonlySet<string>> {
  const untidied = new Set<string>();
  const workRoot = join(stateDir, 'work');
  for (const name of await readdir(stateDir)) {
    // Named by conf; it may hold a token that the service gives once in seven days, but nobody reads it again.
    if (name.startsWith('identity.json.tmp-')) await rm(join(stateDir, name), { force: true });
  }
  for (const name of await readdir(workRoot)) {
    const state = stateOf(name);
    if (state === 'finished') untidied.add(name);
    if (state !== 'unknown') continue;
    await rm(join(workRoot, name), { recursive: true, force: true });
    log.info({ job: name }, 'working files of a job that is not known removed');
  }
  // Archiving to another disk leaves the same kind of temporary file as a delivery.
  for (const folder of new Set(folders.all.flatMap(({ outbox, archive }) => [outbox, ...(archive ? [archive] : [])]))) {
    try {
      await sweepOutbox(folder, job => stateOf(job) === 'unfinished', { files, log });
    } catch (error) {
      // A folder that is away is swept at the next start that finds it.
      if (!isShrinkError(error)) throw error;
      log.warn({ folder, code: error.code }, error.message);
    }
  }
  return untidied;
}
