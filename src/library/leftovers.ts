/**
 * What a job leaves in a library or its archive when the journal that would have finished it is lost: hidden names, a result beside its
 * original, an original with a second name in the archive. Settling goes back to the original wherever the exchange was not over, and
 * removes only names whose bytes are elsewhere, or which are a result of ours. docs/decisions/0018-library.md
 */
import { basename, dirname, join } from 'node:path';
import { jobOfTempName } from '../core/file-names.ts';
import type { Sentence } from '../core/message.ts';
import { isSecondName, moveWithoutOverwriting } from '../deliver/atomic-publish.ts';
import { isCopyOf } from '../deliver/move-original.ts';
import { say } from '../messages/say.ts';
import { type HeldFolder, openFolder } from '../platform/files/door.ts';
import { Entry, holding } from '../platform/files/entry.ts';
import { type Files, fingerprint } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import { inArchive } from './keep.ts';
import { jobOfSetAsideName, resultNameOf } from './names.ts';
import { isFilm } from './plan/look.ts';
import { type Film, walk, type WalkedFolder } from './plan/walk.ts';
import { MAX_NAME, type Tag, tagOf } from './tag.ts';

export interface LeftoverOptions {
  library: string;
  archiveDir: string | undefined;
  files: Files;
  log: Logger;
  signal: AbortSignal;
  /** Otherwise they are only said. */
  settle: boolean;
  /** Whether a job, or one of a film at a place below the library, is still to do something there. */
  isAtWork(job: string): boolean;
  isAtWorkAt(relative: string): boolean;
  /** Whether the journal knows of a result of the film at this place: what is there was brought back by a person. */
  isDoneAt(relative: string): boolean;
  /** Whether the journal knows of it as an archived original. */
  isArchived(path: string): boolean;
}

export interface Leftover {
  path: string;
  why: Sentence;
  isSettled: boolean;
}

/** Each one that is found, settled by then if that was asked for and could be done safely. */
export async function* findLeftovers(options: LeftoverOptions): AsyncGenerator<Leftover> {
  const { library, archiveDir, files, signal } = options;
  for await (const folder of walk(library, '', { files, signal })) yield* inLibrary(folder, options);
  if (archiveDir === undefined) return;
  // Last: by now originals are back in their places.
  for await (const folder of walk(archiveDir, '', { files, signal })) yield* inArchiveFolder(folder, options);
}

async function* inLibrary(walked: WalkedFolder, options: LeftoverOptions): AsyncGenerator<Leftover> {
  const pairs = walked.films.filter(
    ({ name, beside }) => resultNameOf(name) !== name && beside.includes(resultNameOf(name)),
  );
  if (walked.ours.length === 0 && pairs.length === 0) return;
  const held = await opened(options.library, walked.folder, options.files);
  if (!held) return;
  try {
    yield* temporaryIn(held, walked, options, hasRival);
    for (const name of walked.ours) {
      const job = jobOfSetAsideName(name);
      if (job !== undefined && !options.isAtWork(job)) yield* setAside(new Entry(held, name), walked, options);
    }
    for (const film of pairs) yield* resultBeside(held, film, options);
    if (options.settle) await held.sync(options.log);
  } finally {
    await held.close().catch(() => {});
  }
}

function opened(root: string, folder: string, files: Files): Promise<HeldFolder | undefined> {
  // Removed meanwhile.
  return openFolder(root, folder === '' ? [] : folder.split('/'), files).catch(() => undefined);
}

/** Half-made files, of which the source always stays until they have their name, and the empty file that reserved that name. */
async function* temporaryIn(
  held: HeldFolder,
  walked: WalkedFolder,
  { settle, isAtWork }: LeftoverOptions,
  mayBeReserved: (film: Film) => boolean,
) {
  const isReserved = (film: Film) => film.stats.isFile() && film.stats.size === 0n && mayBeReserved(film);
  const temporary = walked.ours.filter(name => {
    const job = jobOfTempName(name);
    return job !== undefined && !isAtWork(job);
  });
  const reserved = temporary.length > 0 ? walked.films.filter(isReserved) : [];
  for (const name of [...reserved.map(film => film.name), ...temporary]) {
    const entry = new Entry(held, name);
    const stats = await entry.lstat();
    // Its job may have ended since the folder was listed, or somebody be writing by now.
    if (!stats || (jobOfTempName(name) === undefined && stats.size > 0n)) continue;
    if (settle) await entry.unlink();
    const why = jobOfTempName(name) === undefined ? say('library.left-over-reserved') : say('library.left-over-part');
    yield { path: entry.path, why, isSettled: settle };
  }
}

/** Beside it, another film wants its name, or has it as a result. */
function hasRival({ name, beside }: Film): boolean {
  const result = resultNameOf(name);
  return beside.some(other => other !== name && isFilm(other) && resultNameOf(other) === result);
}

/** An original under a hidden name: it goes if its bytes are elsewhere, else it gets its place back. */
async function* setAside(
  aside: Entry,
  { folder, films }: WalkedFolder,
  options: LeftoverOptions,
): AsyncGenerator<Leftover> {
  const stats = await aside.lstat();
  if (!stats?.isFile()) return;
  const found = (why: Sentence, isSettled: boolean): Leftover => ({ path: aside.path, why, isSettled });
  const twin = films.find(film => isSecondName(stats, film.stats));
  if (twin || (await isInArchive(aside, folder, options))) {
    if (options.settle) await aside.unlink();
    yield found(
      twin ? say('library.left-over-name', { name: twin.name }) : say('library.left-over-kept'),
      options.settle,
    );
    return;
  }
  const result = await resultOf(aside, films);
  if (!result || result.tag.name.length >= MAX_NAME) {
    yield found(say('library.left-over-nameless'), false);
    return;
  }
  const { name } = result.tag;
  const isBack = options.settle && (await putBack(aside, new Entry(aside.folder, name), result.entry));
  yield found(say('library.left-over-original', { name }), isBack);
}

async function putBack(aside: Entry, original: Entry, result: Entry): Promise<boolean> {
  if (original.name === result.name) {
    await aside.rename(original);
    return true;
  }
  if ((await moveWithoutOverwriting(aside, original)) !== 'moved') return false;
  await result.unlink();
  return true;
}

async function isInArchive(entry: Entry, folder: string, options: LeftoverOptions): Promise<boolean> {
  const { archiveDir, files } = options;
  if (archiveDir === undefined) return false;
  const found = await inArchive(join(archiveDir, folder, 'any'), { archiveDir, files }, async ({ folder: kept }) => {
    for (const { name } of await kept.list()) if (await isCopyOf(new Entry(kept, name), entry)) return true;
    return false;
  });
  return found === true;
}

/** The film among these that was made of this original. */
async function resultOf(original: Entry, films: readonly Film[]): Promise<{ entry: Entry; tag: Tag } | undefined> {
  for (const { name } of films) {
    const entry = new Entry(original.folder, name);
    const tag = await madeOf(entry, original);
    if (tag) return { entry, tag };
  }
  return undefined;
}

/** The mark in a result of ours, if it was made of this original. */
async function madeOf(result: Entry, original: Entry): Promise<Tag | undefined> {
  if (!(await result.lstat())?.isFile()) return undefined;
  const tag = await holding(result.open(), tagOf);
  const stats = tag && (await original.lstat());
  if (!tag || !stats?.isFile() || Number(stats.size) !== tag.bytes) return undefined;
  const content = await holding(original.open(), file => fingerprint(file, tag.bytes));
  return content === tag.fingerprint ? tag : undefined;
}

/** Where the result has its place and the original still had its own: back to the original. */
async function* resultBeside(
  held: HeldFolder,
  { name, relative }: Film,
  options: LeftoverOptions,
): AsyncGenerator<Leftover> {
  if (options.isAtWorkAt(relative) || options.isDoneAt(relative)) return;
  const result = new Entry(held, resultNameOf(name));
  const tag = await madeOf(result, new Entry(held, name));
  if (tag?.name !== name.slice(0, MAX_NAME)) return;
  if (options.settle) await result.unlink();
  yield { path: result.path, why: say('library.left-over-result', { name }), isSettled: options.settle };
}

async function* inArchiveFolder(walked: WalkedFolder, options: LeftoverOptions): AsyncGenerator<Leftover> {
  const { archiveDir = '', library, files, settle, log } = options;
  const held = walked.ours.length + walked.films.length > 0 && (await opened(archiveDir, walked.folder, files));
  if (!held) return;
  try {
    // Nobody else puts anything there.
    yield* temporaryIn(held, walked, options, () => true);
    for (const { name, relative, stats } of walked.films) {
      const entry = new Entry(held, name);
      if (stats.size === 0n || options.isArchived(entry.path) || options.isAtWorkAt(relative)) continue;
      const place = await opened(library, dirname(relative) === '.' ? '' : dirname(relative), files);
      if (!place) continue;
      const isThere = await isInPlace(new Entry(place, basename(relative)), entry).finally(() => place.close());
      if (!isThere) continue;
      if (settle) await entry.unlink();
      yield { path: entry.path, why: say('library.left-over-archived'), isSettled: settle };
    }
    if (settle) await held.sync(log);
  } finally {
    await held.close().catch(() => {});
  }
}

async function isInPlace(original: Entry, kept: Entry): Promise<boolean> {
  const [one, two] = [await original.lstat(), await kept.lstat()];
  return isSecondName(one, two) || (await isCopyOf(original, kept));
}
