/** Folders that must not contain each other. Separate from checks.ts: app/start-checks.ts repeats this for where they really are. */
import { isWithin } from '../core/file-names.ts';
import { say } from '../messages/say.ts';
import type { KeyPath } from './problems.ts';
import { tell } from './told.ts';

/** The folders that must not lie within each other; absolute paths. */
export interface ConfiguredFolders {
  stateDir?: string;
  /** A library counts as an inbox: both are looked through, whatever lies in them. */
  folders: { inbox?: string; outbox?: string; archive?: string; library?: string }[];
}

export interface Conflict {
  /** The key whose value should be changed. */
  path: KeyPath;
  message: string;
}

/** How two folders are compared, by their paths as configured. */
export interface Comparison {
  isSame(a: string, b: string): boolean;
  /** Whether `inner` is `outer` or lies in it. */
  isWithin(outer: string, inner: string): boolean;
}

const BY_PATH: Comparison = { isSame: (a, b) => a === b, isWithin };

/** Folders that would feed shrinkbox its own output, or show one file to two inboxes. */
export function findConflicts(folders: ConfiguredFolders, { isSame, isWithin }: Comparison = BY_PATH): Conflict[] {
  const conflicts: Conflict[] = [];
  const inboxes = folders.folders.flatMap(({ inbox, library }, index) => {
    const path = inbox ?? library;
    return path === undefined ? [] : [{ path, index, kind: inbox === undefined ? 'library' : 'inbox' }];
  });

  for (const { path: inbox, index, kind } of inboxes) {
    const path: KeyPath = ['folders', index, kind];
    for (const other of inboxes.filter(({ index: earlier }) => earlier < index)) {
      const its = say('config.folder-of', other);
      if (isSame(inbox, other.path)) conflicts.push({ path, message: tell('config.same-folder', { its }) });
      else if (isWithin(other.path, inbox)) conflicts.push({ path, message: tell('config.inside-folder', { its }) });
      else if (isWithin(inbox, other.path)) conflicts.push({ path, message: tell('config.contains-folder', { its }) });
    }
  }

  for (const guarded of guardedFolders(folders)) {
    const around = inboxes.find(({ path }) => isWithin(path, guarded.path));
    if (!around) continue;
    const relation = isSame(guarded.path, around.path) ? 'config.is-folder' : 'config.is-inside-folder';
    const message = tell(relation, { its: say('config.folder-of', around), because: say(guarded.because) });
    conflicts.push({ path: guarded.key, message });
  }
  return [...conflicts, ...insideArchive(folders, { isSame, isWithin }), ...insideState(folders, isWithin)];
}

/** An original whose path begins like that of the library would be archived into the library. */
function insideArchive({ folders }: ConfiguredFolders, { isSame, isWithin }: Comparison): Conflict[] {
  const archives = folders.flatMap(({ archive }, index) => (archive === undefined ? [] : [{ archive, index }]));
  return folders.flatMap(({ library }, index) => {
    if (library === undefined) return [];
    const around = archives.find(({ archive }) => isWithin(archive, library) && !isSame(archive, library));
    if (!around) return [];
    const its = say('config.folder-of', { kind: 'archive', index: around.index, path: around.archive });
    const message = tell('config.library-inside-archive', { its });
    return [{ path: ['folders', index, 'library'], message }];
  });
}

/** Every start removes unknown files from the state directory: results and archived originals there would be lost. */
function insideState({ stateDir, folders }: ConfiguredFolders, isWithin: Comparison['isWithin']): Conflict[] {
  if (stateDir === undefined) return [];
  return folders.flatMap((folder, index) =>
    (['inbox', 'library', 'outbox', 'archive'] as const).flatMap(key => {
      const path = folder[key];
      if (path === undefined || !isWithin(stateDir, path)) return [];
      const message = tell('config.inside-state', { path: stateDir });
      return [{ path: ['folders', index, key], message }];
    }),
  );
}

type Because = 'config.because-state' | 'config.because-outbox' | 'config.because-archive';

/** Folders that must not lie within an inbox or a library. */
function guardedFolders(folders: ConfiguredFolders): { key: KeyPath; path: string; because: Because }[] {
  const of = (key: KeyPath, path: string | undefined, because: Because) =>
    path === undefined ? [] : [{ key, path, because }];
  return [
    ...of(['state_dir'], folders.stateDir, 'config.because-state'),
    ...folders.folders.flatMap(({ outbox, archive }, i) => [
      ...of(['folders', i, 'outbox'], outbox, 'config.because-outbox'),
      ...of(['folders', i, 'archive'], archive, 'config.because-archive'),
    ]),
  ];
}
