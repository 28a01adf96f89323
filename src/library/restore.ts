/** The exchange the other way round: an original comes back byte for byte, and the result goes. */
import { basename } from 'node:path';
import { ShrinkError } from '../core/errors.ts';
import { ownTempName } from '../core/file-names.ts';
import type { ArchivedCopy } from '../core/job.ts';
import { inTheWay, notArchived } from '../deliver/archive.ts';
import { isWithoutLinks, moveWithoutOverwriting } from '../deliver/atomic-publish.ts';
import { isOfSameOwner, whileMoving } from '../deliver/move-original.ts';
import { say } from '../messages/say.ts';
import { keepAttributes } from '../platform/files/attributes.ts';
import { type HeldFolder, openFolder } from '../platform/files/door.ts';
import { copyInto } from '../platform/files/durable.ts';
import { Entry, holding } from '../platform/files/entry.ts';
import { errnoOf, sha256OfOpen } from '../platform/files/files.ts';
import type { ExchangeBasis } from './basis.ts';
import { inArchive } from './keep.ts';
import { resultNameOf } from './names.ts';
import { tagOf } from './tag.ts';

export interface RestoreOptions extends ExchangeBasis {
  archived: ArchivedCopy;
  /** What took the original's place. */
  result: { bytes: number; ino: string | undefined };
  signal?: AbortSignal;
}

/**
 * At every moment the result has its place and the original is in the archive, or the original has its place. May be called again
 * after a crash at any step.
 * @returns where it is. @throws ShrinkError `gone` (not in the archive), `damaged` (not the bytes that were archived), `denied`
 * (another file is in its place); nothing was touched then.
 */
export async function restore(options: RestoreOptions): Promise<string> {
  const { library, relative, files, archived } = options;
  const parts = relative.split('/').slice(0, -1);
  return whileMoving(archived.path, undefined, () =>
    holding(openFolder(library, parts, files), async folder => {
      const original = new Entry(folder, basename(relative));
      await dropTraces(original, options);
      if (!(await isBack(original, options))) await bringBack(original, options);
      await removeResult(original, options);
      await folder.sync(options.log);
      await forgetArchived(options);
      return original.path;
    }),
  );
}

/** Of an earlier attempt: its temporary file, and the empty one that reserved the name where there are no links. */
async function dropTraces(original: Entry, { job, pin }: RestoreOptions): Promise<void> {
  const temp = new Entry(original.folder, ownTempName(job));
  const [found, staged] = [await original.lstat(), await temp.lstat()];
  if (!staged) return;
  const isReservation = found?.isFile() === true && found.size === 0n && found.uid === staged.uid;
  if (isReservation && pin.sizeBytes > 0) await original.unlink();
  await temp.unlink();
}

/** Whether it has its place, byte for byte; what a stranger put there is not it, since he could empty it afterwards. */
async function isBack(original: Entry, options: RestoreOptions): Promise<boolean> {
  const { pin, archived, signal } = options;
  const found = await original.lstat();
  if (!found?.isFile() || Number(found.size) !== pin.sizeBytes) return false;
  const kept = await inArchive(archived.path, options, entry => entry.lstat());
  if (kept && !isOfSameOwner(found, kept)) return false;
  return holding(original.open(), async file => (await sha256OfOpen(file, signal)) === archived.sha256);
}

async function bringBack(original: Entry, options: RestoreOptions): Promise<void> {
  const { folder } = original;
  const temp = new Entry(folder, ownTempName(options.job));
  const result = resultIn(folder, options);
  const isSameName = result.name === original.name;
  const found = await original.lstat();
  if (found && !(isSameName && (await isOurs(original, options)))) throw inTheWay(original.path);
  const isStaged = await inArchive(options.archived.path, options, entry => stageBack(entry, temp, options));
  if (!isStaged) throw notArchived(options.archived.path);
  try {
    if (isSameName) await temp.rename(original);
    else if ((await moveWithoutOverwriting(temp, original)) !== 'moved') throw inTheWay(original.path);
    await folder.sync(options.log);
  } finally {
    await temp.unlinkQuietly();
  }
}

/** Compared before anything is touched, and the copy again. False where it is not in the archive. */
async function stageBack(entry: Entry, temp: Entry, options: RestoreOptions): Promise<boolean> {
  const { archived, signal, log } = options;
  if (!(await entry.lstat())?.isFile()) return false;
  return holding(entry.open(), async file => {
    if ((await sha256OfOpen(file, signal)) !== archived.sha256) throw damaged(archived.path);
    try {
      await entry.link(temp);
      return true;
    } catch (error) {
      if (errnoOf(error) !== 'EXDEV' && !isWithoutLinks(error)) throw error;
    }
    const { mtimeNs } = await file.stat();
    const copy = await copyInto(file, temp, { log, signal, mtimeMs: Number(mtimeNs) / 1e6 });
    if (copy.sha256 !== archived.sha256) throw damaged(archived.path);
    await holding(temp.open(), async copied => {
      if ((await sha256OfOpen(copied, signal)) !== archived.sha256) throw damaged(temp.path);
      // The result got them from the original; another disk may not have kept them.
      const result = resultIn(temp.folder, options);
      const model = (await result.lstat())?.isFile() ? await result.open() : file;
      await keepAttributes(model, copied, signal).finally(() => (model === file ? undefined : model.close()));
      await copied.sync(log);
    });
    return true;
  });
}

function resultIn(folder: HeldFolder, { relative }: RestoreOptions): Entry {
  return new Entry(folder, resultNameOf(basename(relative)));
}

/** The result, unless somebody put something else in its place since. */
async function isOurs(entry: Entry, { result }: RestoreOptions): Promise<boolean> {
  const found = await entry.lstat();
  if (!found?.isFile() || Number(found.size) !== result.bytes) return false;
  return String(found.ino) === result.ino || (await holding(entry.open(), tagOf)) !== undefined;
}

async function removeResult(original: Entry, options: RestoreOptions): Promise<void> {
  const result = resultIn(original.folder, options);
  if (result.name === original.name || !(await isOurs(result, options))) return;
  await result.unlink();
}

/** Last of all: by now it has its place for good. */
async function forgetArchived(options: RestoreOptions): Promise<void> {
  await inArchive(options.archived.path, options, async entry => {
    const found = await entry.lstat();
    if (!found?.isFile() || Number(found.size) !== options.pin.sizeBytes) return;
    await entry.unlink();
    await entry.folder.sync(options.log);
  });
}

function damaged(path: string): ShrinkError {
  return new ShrinkError('denied', say('library.archive-damaged', { path }), {
    subject: path,
    hint: say('library.archive-damaged-hint'),
  });
}
