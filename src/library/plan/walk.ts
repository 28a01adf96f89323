import type { BigIntStats } from 'node:fs';
import { isShrinkError } from '../../core/errors.ts';
import { jobOfTempName } from '../../core/file-names.ts';
import { reasonToIgnoreFolder } from '../../inbox/ignored-names.ts';
import { openFolder } from '../../platform/files/door.ts';
import { Entry, holding } from '../../platform/files/entry.ts';
import { errnoOf, type Files } from '../../platform/files/files.ts';
import { jobOfSetAsideName } from '../names.ts';
import { isFilm } from './look.ts';

export interface Film {
  /** Below the library, with `/` between parts. */
  relative: string;
  name: string;
  stats: BigIntStats;
  beside: readonly string[];
}

export interface WalkedFolder {
  /** Its path below the library. */
  folder: string;
  films: Film[];
  /** Files that are no films. */
  others: number;
  /** Hidden names that shrinkbox gives. */
  ours: string[];
  /** Set where it could not be listed. */
  unreadable?: string;
}

const MAX_DEPTH = 100;

/**
 * Folder by folder, so that no more than one of them is held in memory; links are not followed, and nothing is opened but folders.
 * @param under where in the library to begin: a path below it, or empty
 */
export async function* walk(library: string, under: string, { files, signal }: { files: Files; signal: AbortSignal }) {
  const left: string[] = [under];
  for (let folder = left.pop(); folder !== undefined; folder = left.pop()) {
    signal.throwIfAborted();
    const parts = folder === '' ? [] : folder.split('/');
    const found = await list(library, parts, files).catch((error: unknown) => {
      // Removed meanwhile, or not ours to read.
      if (errnoOf(error) === undefined && !isShrinkError(error)) throw error;
      return undefined;
    });
    if (!found) {
      yield { folder, films: [], others: 0, ours: [], unreadable: folder } satisfies WalkedFolder;
      continue;
    }
    const below = (name: string) => (folder === '' ? name : `${folder}/${name}`);
    if (parts.length < MAX_DEPTH) left.push(...found.folders.toSorted().reverse().map(below));
    const films = found.films.map(({ name, stats }) => ({ relative: below(name), name, stats, beside: found.names }));
    yield { folder, films, others: found.others, ours: found.ours } satisfies WalkedFolder;
  }
}

async function list(library: string, parts: readonly string[], files: Files) {
  return holding(openFolder(library, parts, files), async folder => {
    const entries = await folder.list();
    const films: { name: string; stats: BigIntStats }[] = [];
    const folders: string[] = [];
    const ours: string[] = [];
    let others = 0;
    for (const entry of entries) {
      if (entry.isDirectory()) {
        if (reasonToIgnoreFolder(entry.name) === undefined) folders.push(entry.name);
        continue;
      }
      if (!isFilm(entry.name)) {
        if (jobOfTempName(entry.name) ?? jobOfSetAsideName(entry.name)) ours.push(entry.name);
        others += 1;
        continue;
      }
      const stats = await new Entry(folder, entry.name).lstat();
      if (stats) films.push({ name: entry.name, stats });
    }
    return { films, folders, others, ours, names: films.length > 0 ? entries.map(({ name }) => name) : [] };
  });
}
