import { isWithin } from '../core/file-names.ts';
import type { KeyPath } from './problems.ts';

/** The places on disk that must not lie within each other; absolute paths. */
export interface ConfiguredFolders {
  stateDir?: string;
  folders: { inbox?: string; outbox?: string; archive?: string }[];
}

export interface Conflict {
  /** Where in the config the path stands that should be changed. */
  path: KeyPath;
  message: string;
}

/**
 * Places that would feed shrinkbox its own output, or show one file to two folders. Pure: compares paths as given, so call
 * it with real paths (links resolved) once the folders exist, too.
 */
export function findConflicts(folders: ConfiguredFolders): Conflict[] {
  const conflicts: Conflict[] = [];
  const inboxes = folders.folders.flatMap(({ inbox }, index) => (inbox === undefined ? [] : [{ inbox, index }]));

  for (const { inbox, index } of inboxes) {
    const path: KeyPath = ['folders', index, 'inbox'];
    for (const other of inboxes.filter(({ index: earlier }) => earlier < index)) {
      const its = `the inbox of folders[${other.index}] (${other.inbox})`;
      if (inbox === other.inbox)
        conflicts.push({ path, message: `is the same folder as ${its}; give it in one place` });
      else if (isWithin(other.inbox, inbox))
        conflicts.push({ path, message: `lies inside ${its}; its files would be taken twice` });
      else if (isWithin(inbox, other.inbox))
        conflicts.push({ path, message: `contains ${its}; its files would be taken twice` });
    }
  }

  for (const place of guardedPlaces(folders)) {
    const around = inboxes.find(({ inbox }) => isWithin(inbox, place.value));
    if (!around) continue;
    const its = `inbox of folders[${around.index}] (${around.inbox})`;
    const relation = place.value === around.inbox ? 'is the' : 'lies inside the';
    conflicts.push({ path: place.path, message: `${relation} ${its}; ${place.because}` });
  }
  return [...conflicts, ...insideState(folders)];
}

/** Every start sweeps the working files of what it does not know: a result or an archived original there would be lost. */
function insideState({ stateDir, folders }: ConfiguredFolders): Conflict[] {
  if (stateDir === undefined) return [];
  return folders.flatMap((folder, index) =>
    (['inbox', 'outbox', 'archive'] as const).flatMap(key => {
      const place = folder[key];
      if (place === undefined || !isWithin(stateDir, place)) return [];
      const message = `lies inside state_dir (${stateDir}); that is for shrinkbox's own files`;
      return [{ path: ['folders', index, key], message }];
    }),
  );
}

function guardedPlaces(folders: ConfiguredFolders): { path: KeyPath; value: string; because: string }[] {
  const of = (path: KeyPath, value: string | undefined, because: string) =>
    value === undefined ? [] : [{ path, value, because }];
  return [
    ...of(['state_dir'], folders.stateDir, 'working files would be taken for dropped ones'),
    ...folders.folders.flatMap(({ outbox, archive }, i) => [
      ...of(['folders', i, 'outbox'], outbox, 'results would be compressed again, without end'),
      ...of(['folders', i, 'archive'], archive, 'archived originals would be taken for dropped ones'),
    ]),
  ];
}
