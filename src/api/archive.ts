import type { Folder } from '../config/load.ts';
import type { Job } from '../core/job.ts';
import type { ArchiveView } from './types.ts';

const DAY_MS = 86_400_000;

/** The originals that shrinkbox put into an archive and that were not restored or deleted since, the newest first. Pure. */
export function archiveOf(jobs: Iterable<Job>, folders: readonly Folder[]): ArchiveView {
  const files: ArchiveView['files'] = [];
  for (const { id, inbox, relative, original, pin, state } of jobs) {
    if (state.name !== 'done' || original?.kind !== 'archived') continue;
    const days = folders.find(folder => folder.inbox === inbox)?.archiveDays;
    files.push({
      job: id,
      source: `${inbox}/${relative}`,
      path: original.path,
      bytes: pin.sizeBytes,
      archived_at: original.at,
      until: days === undefined ? null : original.at + days * DAY_MS,
    });
  }
  files.sort((a, b) => b.archived_at - a.archived_at);
  return { bytes: files.reduce((sum, file) => sum + file.bytes, 0), files };
}
