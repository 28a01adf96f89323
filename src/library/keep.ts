/** The archive of a library: an original gets a second name there, or a copy on another disk, and both are durable before its own goes. */
import { basename } from 'node:path';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import { ownTempName } from '../core/file-names.ts';
import type { ArchivedCopy } from '../core/job.ts';
import { inTurn, isSecondName, isWithoutLinks, moveWithoutOverwriting } from '../deliver/atomic-publish.ts';
import { shortage } from '../deliver/deliver.ts';
import { isCopyOf, originalChanged } from '../deliver/move-original.ts';
import { ensureFolder, folderOf, folderReplaced, namesIn, stillLeadsTo } from '../deliver/output-folder.ts';
import { collisionKey, numbered, safePart } from '../deliver/safe-names.ts';
import { say } from '../messages/say.ts';
import { copyAttributes } from '../platform/files/attributes.ts';
import type { HeldFolder } from '../platform/files/door.ts';
import { copyInto } from '../platform/files/durable.ts';
import { Entry, holding } from '../platform/files/entry.ts';
import { errnoOf, sha256OfOpen } from '../platform/files/files.ts';
import type { ExchangeBasis, ExchangeOptions } from './basis.ts';

/** How many names are tried for a file whose own is taken. */
export const MAX_NAMES = 1000;

/**
 * Has the original in the archive, and in the journal where. Nothing is done where originals are replaced.
 * @returns its path there
 */
export async function keepOriginal(original: Entry, options: ExchangeOptions): Promise<string | undefined> {
  const { archiveDir, before, record, source, signal, log } = options;
  if (archiveDir === undefined) return undefined;
  const { archived } = before;
  if (archived && (await lookIntoArchive(archived, options)) === 'there') return archived.path;
  const sha256 = await sha256OfOpen(source, signal);
  const earlier = before.archiving !== undefined && (await isKeptAs(before.archiving, sha256, options));
  const path = earlier && before.archiving ? before.archiving : await keepAnew(original, sha256, options);
  log.debug({ job: options.job, path }, 'original archived');
  await record({ event: 'archived', data: { path, sha256 } });
  return path;
}

/**
 * Somebody who gave the original another name meanwhile (a hard link) would have the archived one under that name, and change it there.
 * @param archived where in the archive it has, or may have, a second name of ours
 * @throws ShrinkError `cannot-do`
 */
export async function mustHaveNoOtherName(
  entry: Entry,
  archived: string | undefined,
  options: Pick<ExchangeBasis, 'archiveDir' | 'files'>,
): Promise<void> {
  const found = await entry.lstat();
  if (!found) return;
  const isLinked =
    archived !== undefined &&
    (await inArchive(archived, options, async kept => isSecondName(found, await kept.lstat()))) === true;
  const names = Number(found.nlink) - (isLinked ? 1 : 0);
  if (names <= 1) return;
  throw new ShrinkError('cannot-do', say('library.left-linked', { names }), { subject: entry.path });
}

async function keepAnew(original: Entry, sha256: string, options: ExchangeOptions): Promise<string> {
  const { archiveDir = '', relative, files, log, forbidden } = options;
  const parts = relative.split('/').slice(0, -1);
  const root = { path: archiveDir };
  const portable = { portable: true };
  try {
    return await holding(ensureFolder(root, parts, { files, log, forbidden, portable: false }), folder =>
      inTurn(folder, () => keepIn(folder, original.name, { original, sha256, options })),
    );
  } catch (error) {
    // What a file system answers to a name that it cannot have.
    const isRefused = ['EINVAL', 'EILSEQ', 'ENAMETOOLONG'].includes(errnoOf((error as Error).cause ?? error) ?? '');
    const isPortable = [...parts, original.name].every(part => safePart(part, portable) === part);
    if (!isRefused || isPortable) throw error;
    return holding(ensureFolder(root, parts, { files, log, forbidden, ...portable }), folder =>
      inTurn(folder, () => keepIn(folder, safePart(original.name, portable), { original, sha256, options })),
    );
  }
}

interface Keeping {
  original: Entry;
  sha256: string;
  options: ExchangeOptions;
}

async function keepIn(folder: HeldFolder, name: string, keeping: Keeping): Promise<string> {
  const { record, log } = keeping.options;
  const taken = await namesIn(folder);
  for (let n = 1; n <= MAX_NAMES; n += 1) {
    const to = new Entry(folder, numbered(name, n));
    if (taken.has(collisionKey(to.name))) continue;
    await record({ event: 'archiving', data: { to: to.path } });
    if ((await linkAs(to, keeping)) || (await copyAs(to, keeping))) {
      await folder.sync(log);
      return to.path;
    }
  }
  throw new ShrinkError('denied', say('deliver.names-used-up', { folder: folder.path, name, count: MAX_NAMES }), {
    subject: folder.path,
  });
}

/** A second name, where the archive is on the same file system. */
async function linkAs(to: Entry, { original, options }: Keeping): Promise<boolean> {
  try {
    await original.link(to);
  } catch (error) {
    if (errnoOf(error) === 'EXDEV' || errnoOf(error) === 'EEXIST' || isWithoutLinks(error)) return false;
    throw error;
  }
  if (!isSecondName(await options.source.stat(), await to.lstat())) {
    await to.unlinkQuietly();
    throw originalChanged(original.path);
  }
  return true;
}

/** A copy that was synced and read back. */
async function copyAs(to: Entry, { sha256, options }: Keeping): Promise<boolean> {
  const { job, source, signal, log, files, archiveDir = '' } = options;
  const temp = new Entry(to.folder, ownTempName(job));
  await temp.unlink();
  const { mode, mtimeNs } = await source.stat();
  const facts = { log, signal, mode: Number(mode & 0o777n), mtimeMs: Number(mtimeNs) / 1e6 };
  const copy = await copyInto(source, temp, facts).catch(async (error: unknown) => {
    if (!isShrinkError(error, 'no-space')) throw error;
    throw await shortage(error, source.pin.sizeBytes, to.folder.path, files);
  });
  try {
    if (copy.sha256 !== sha256) throw misread(to.path);
    return await holding(temp.open(), async file => {
      if ((await sha256OfOpen(file, signal)) !== sha256) throw misread(to.path);
      // Another disk may have no owners or attributes; a restored original gets those of the result that it replaces.
      await copyAttributes(source, file, signal);
      await file.sync(log);
      const leads = () => stillLeadsTo(to.folder, { path: archiveDir }, files);
      if (!(await leads())) throw folderReplaced(to.folder.path);
      const moved = await moveWithoutOverwriting(temp, to, { file, leads });
      if (moved === 'exchanged') throw misread(to.path);
      return moved === 'moved';
    });
  } finally {
    await temp.unlinkQuietly();
  }
}

function misread(path: string): ShrinkError {
  return new ShrinkError('io', say('library.archive-misread', { path }), {
    subject: path,
    hint: say('deliver.check-disk'),
  });
}

/** After a crash: whether the journaled name is the whole original by now; if it is only a beginning of it, that goes. */
async function isKeptAs(path: string, sha256: string, options: ExchangeOptions): Promise<boolean> {
  return (
    (await inArchive(path, options, async entry => {
      await new Entry(entry.folder, ownTempName(options.job)).unlink();
      const found = await entry.lstat();
      if (!found?.isFile()) return false;
      const isWhole = await holding(entry.open(), async file => (await sha256OfOpen(file)) === sha256);
      // A reservation on a disk without links.
      if (!isWhole && found.size === 0n) await entry.unlink();
      if (isWhole) await entry.folder.sync(options.log);
      return isWhole;
    })) ?? false
  );
}

export interface ArchiveLook extends Pick<ExchangeBasis, 'archiveDir' | 'files' | 'pin' | 'log'> {
  /** Removes the archived name if it is one of this file. */
  dropSecondNameOf?: Entry;
}

/** Whether an archived original is there with its size. @throws ShrinkError `unavailable` while the archive is away. */
export async function lookIntoArchive(
  { path }: Pick<ArchivedCopy, 'path'>,
  options: ArchiveLook,
): Promise<'there' | 'gone'> {
  const { dropSecondNameOf: other, pin, log } = options;
  const found = await inArchive(path, options, async entry => {
    const stats = await entry.lstat();
    if (other && stats && (isSecondName(await other.lstat(), stats) || (await isCopyOf(other, entry)))) {
      await entry.unlink();
      await entry.folder.sync(log);
    }
    return stats?.isFile() === true && Number(stats.size) === pin.sizeBytes;
  });
  return found ? 'there' : 'gone';
}

/** Does something to a name in the archive; `undefined` where its folder is not there. */
export async function inArchive<T>(
  path: string,
  { archiveDir, files }: Pick<ExchangeBasis, 'archiveDir' | 'files'>,
  act: (entry: Entry) => Promise<T>,
): Promise<T | undefined> {
  const folder = await folderOf(path, { path: archiveDir ?? '/' }, files);
  return folder && holding(Promise.resolve(folder), held => act(new Entry(held, basename(path))));
}
