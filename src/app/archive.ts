import type { Config } from '../config/load.ts';
import { isShrinkError } from '../core/errors.ts';
import type { Job } from '../core/job.ts';
import { pruneArchive } from '../deliver/originals.ts';
import type { Files } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import type { Ledger } from '../queue/ledger.ts';

/** Deletes archived originals whose `archive_days` are over; only what the ledger says was put there by us. */
export async function pruneArchives(
  config: Config,
  ledger: Ledger,
  now: number,
  { files, log }: { files: Files; log: Logger },
): Promise<void> {
  for (const { inbox, archive, archiveDays } of config.folders) {
    if (archive === undefined || archiveDays === undefined) continue;
    const archived = [...ledger.all()].flatMap(job => (job.inbox === inbox ? recordOf(job) : []));
    try {
      const records = archived.map(({ path, at, sizeBytes }) => ({ path, at, sizeBytes }));
      const gone = new Set(await pruneArchive(records, { archiveDir: archive, days: archiveDays, now, files, log }));
      for (const { id, path } of archived)
        if (gone.has(path)) await ledger.commit(id, { event: 'pruned', data: { path } });
    } catch (error) {
      if (!isShrinkError(error)) throw error;
      log.warn({ archive, code: error.code }, `old originals could not be removed: ${error.message}`);
    }
  }
}

function recordOf(job: Job): { id: string; path: string; at: number; sizeBytes: number }[] {
  if (job.state.name !== 'done' || job.original?.kind !== 'archived') return [];
  const { path, at } = job.original;
  return [{ id: job.id, path, at, sizeBytes: job.pin.sizeBytes }];
}
