/**
 * Room: libraries, folders whose files are replaced in place by smaller ones. exchange.ts is the act itself; plan/ says beforehand
 * what would come of a library; runner.ts takes the files of a confirmed plan one after the other. docs/decisions/0018-library.md
 *
 * At every moment either the original has its place, or the result does and the original is in the archive (or, with
 * `originals: replace`, was given up in so many words). What is about to be done is recorded before it, so that any step may be the
 * last before a power cut: `findExchanged` and `settle` go on from there.
 */
import type { BigIntStats } from 'node:fs';
import { basename } from 'node:path';
import { ShrinkError } from '../core/errors.ts';
import { ownTempName } from '../core/file-names.ts';
import type { ArchivedCopy, Delivery, Pin, PublishIntent, Settled, Verified } from '../core/job.ts';
import { isSecondName, isWithoutLinks, moveWithoutOverwriting } from '../deliver/atomic-publish.ts';
import { type Staged, stage } from '../deliver/deliver.ts';
import { isCopyOf, originalChanged, whileMoving } from '../deliver/move-original.ts';
import { folderReplaced, inFolder, namesIn, stillLeadsTo } from '../deliver/output-folder.ts';
import { collisionKey, numbered } from '../deliver/safe-names.ts';
import { say } from '../messages/say.ts';
import { keepAttributes } from '../platform/files/attributes.ts';
import { type HeldFolder, openFolder } from '../platform/files/door.ts';
import { Entry, holding } from '../platform/files/entry.ts';
import { sha256OfOpen } from '../platform/files/files.ts';
import type { ExchangeBasis, ExchangeOptions } from './basis.ts';
import { inArchive, keepOriginal, lookIntoArchive, MAX_NAMES, mustHaveNoOtherName } from './keep.ts';
import { resultNameOf, setAsideName } from './names.ts';

/**
 * Archives the original and puts the result in its place. `settle` removes what is left of it.
 * @throws ShrinkError `cannot-do` where its owner or attributes cannot be kept or its name is taken, `changed-underneath`,
 * `no-space`, `unavailable`, `denied`, ...; the original is in its place then.
 */
export async function exchange(verified: Verified, options: ExchangeOptions): Promise<Delivery> {
  return inPlace(options, async folder => {
    const places = placesIn(folder, options);
    await mustBeFree(places);
    const { before } = options;
    const staged = await stageAlike(verified, folder, options);
    try {
      await mustHaveNoOtherName(places.original, before.archived?.path ?? before.archiving, options);
      const archived = await keepOriginal(places.original, options);
      return await putInPlace(staged, { ...places, archived }, options);
    } catch (error) {
      await staged.temp.unlinkQuietly();
      throw error;
    } finally {
      await staged.file.close().catch(() => {});
    }
  });
}

/** The names that play a part. */
interface Places {
  original: Entry;
  result: Entry;
  /** Where the original is set aside until all is well. */
  aside: Entry;
  isSameName: boolean;
}

function placesIn(folder: HeldFolder, { job, relative }: Pick<ExchangeBasis, 'job' | 'relative'>): Places {
  const original = new Entry(folder, basename(relative));
  const result = new Entry(folder, resultNameOf(original.name));
  return { original, result, aside: new Entry(folder, setAsideName(job)), isSameName: original.name === result.name };
}

async function inPlace<T>(
  { library, relative, files }: Pick<ExchangeBasis, 'library' | 'relative' | 'files'>,
  act: (folder: HeldFolder) => Promise<T>,
): Promise<T> {
  const parts = relative.split('/').slice(0, -1);
  return whileMoving(`${library}/${relative}`, undefined, () => holding(openFolder(library, parts, files), act));
}

async function mustBeFree({ original, result, isSameName }: Places): Promise<void> {
  if (isSameName) return;
  const taken = (await namesIn(result.folder)).get(collisionKey(result.name));
  // On a disk that ignores case, `a.MP4` and `a.mp4` are one file.
  if (taken !== undefined && taken !== original.name) throw nameTaken(result);
}

function nameTaken({ path }: Entry): ShrinkError {
  return new ShrinkError('cannot-do', say('library.name-taken', { path }), { subject: path });
}

/** The result under a hidden name beside the original, with its owner, mode, ACL, attributes and dates, synced and read back. */
async function stageAlike(verified: Verified, folder: HeldFolder, options: ExchangeOptions): Promise<Staged> {
  const { source, signal, log } = options;
  const sourceMtimeMs = Number(BigInt(options.pin.mtimeNs) / 1_000_000n);
  const staged = await stage(verified, folder, { ...options, sourceMtimeMs, source: undefined });
  try {
    await keepAttributes(source, staged.file, signal);
    await staged.file.sync(log);
    return staged;
  } catch (error) {
    await staged.file.close().catch(() => {});
    await staged.temp.unlinkQuietly();
    throw error;
  }
}

async function putInPlace(
  staged: Staged,
  places: Places & { archived: string | undefined },
  options: ExchangeOptions,
): Promise<Delivery> {
  const { original, result, aside, isSameName, archived } = places;
  const { library, pin, files, log, signal, record, checkSource } = options;
  const { temp, file, bytes, sha256 } = staged;
  if (signal.aborted) throw new ShrinkError('cancelled', say('deliver.stopped'), { subject: result.path });
  await checkSource();
  await record({
    event: 'publishing',
    data: { intent: { temp: temp.path, target: result.path, ino: file.pin.ino, bytes, sha256 } },
  });
  const leads = () => stillLeadsTo(result.folder, { path: library }, files);
  if (!(await leads())) throw folderReplaced(result.folder.path);
  if (!isUntouched(await original.lstat(), pin)) throw originalChanged(original.path);
  await mustHaveNoOtherName(original, archived, options);
  if (isSameName) {
    await setAside(places);
    // The last look before a step that would replace whatever has the name.
    if (!isUntouched(await original.lstat(), pin)) {
      await aside.unlink();
      throw originalChanged(original.path);
    }
    await temp.rename(result);
  } else {
    const moved = await inFolder('publishing', result.path, () =>
      moveWithoutOverwriting(temp, result, { file, leads }),
    );
    if (moved !== 'moved') throw nameTaken(result);
  }
  await result.folder.sync(log);
  return { output: result.path, bytes };
}

/**
 * A second name for an original whose own is about to be taken: should somebody be writing to it at this very moment, it can be put
 * back. Not where there are no links; it is in the archive by now.
 */
async function setAside({ original, aside }: Places): Promise<void> {
  await aside.unlink();
  try {
    await original.link(aside);
  } catch (error) {
    if (!isWithoutLinks(error)) throw error;
  }
}

/**
 * Links and names of ours change ctime, and a mount that comes back or a union file system numbers files anew: size and mtime show
 * whether somebody wrote to it. Whether it is the file that was encoded, `checkSource` has just found out.
 */
function isUntouched(found: BigIntStats | undefined, { sizeBytes, mtimeNs }: Pin): boolean {
  return found?.isFile() === true && Number(found.size) === sizeBytes && String(found.mtimeNs) === mtimeNs;
}

/**
 * After a crash: the delivery, if the journaled intent was carried out; otherwise `undefined`, with the original in its place and
 * nothing else of ours in the folder.
 */
export async function findExchanged(intent: PublishIntent, basis: ExchangeBasis): Promise<Delivery | undefined> {
  return inPlace(basis, async folder => {
    const places = placesIn(folder, basis);
    const temp = new Entry(folder, ownTempName(basis.job));
    await dropReservation(places, temp, intent);
    const isDone = await isResult(places.result, intent, basis);
    await temp.unlink();
    if (isDone) {
      await folder.sync(basis.log);
      return { output: places.result.path, bytes: intent.bytes };
    }
    await putBack(places, basis);
    return undefined;
  });
}

/** Where there are no links, an empty file reserved the name, and the rename over it never happened. */
async function dropReservation({ result, isSameName }: Places, temp: Entry, { bytes }: PublishIntent): Promise<void> {
  const [found, staged] = [await result.lstat(), await temp.lstat()];
  if (!isSameName && found?.isFile() && found.size === 0n && Number(staged?.size) === bytes) await result.unlink();
}

/** By its inode, or by its bytes where a mount numbers files anew; a stranger's file with those bytes is not it. */
async function isResult(
  result: Entry,
  intent: PublishIntent,
  { job, log }: Pick<ExchangeBasis, 'job' | 'log'>,
): Promise<boolean> {
  const [found, staged] = [await result.lstat(), await new Entry(result.folder, ownTempName(job)).lstat()];
  if (!found?.isFile() || Number(found.size) !== intent.bytes) return false;
  if (staged && staged.uid !== found.uid) return false;
  return holding(result.open(), async file => {
    const isIt = file.pin.ino === intent.ino || (await sha256OfOpen(file)) === intent.sha256;
    if (isIt) await file.sync(log);
    return isIt;
  });
}

/** The original, where nothing has its place: nobody but somebody else can have removed it meanwhile. */
async function putBack({ original, aside }: Places, { log }: Pick<ExchangeBasis, 'log'>): Promise<void> {
  if (!(await aside.lstat())) return;
  const [found, kept] = [await original.lstat(), await aside.lstat()];
  if (found && (isSecondName(found, kept) || (await isCopyOf(original, aside)))) await aside.unlink();
  // Somebody put another file there, and nothing of anybody's is lost.
  for (let n = 1; n <= MAX_NAMES && (await aside.lstat()); n += 1)
    await moveWithoutOverwriting(aside, new Entry(original.folder, numbered(original.name, n)));
  await original.folder.sync(log);
}

export interface AbandonOptions extends ExchangeBasis, Pick<ExchangeOptions, 'before'> {
  intent: PublishIntent | undefined;
}

/**
 * Of an exchange that comes to nothing, only the original stays: a second name in the archive would count as a hard link for ever.
 * A copy there goes too, if the original has its bytes; nothing is done where the result has its place after all.
 */
export async function abandon(options: AbandonOptions): Promise<void> {
  const { job, before, intent } = options;
  await inPlace(options, async folder => {
    const places = placesIn(folder, options);
    if (intent && (await isResult(places.result, intent, options))) return;
    await new Entry(folder, ownTempName(job)).unlink();
    await putBack(places, options);
    const path = before.archived?.path ?? before.archiving;
    if (path === undefined) return;
    await inArchive(path, options, entry => new Entry(entry.folder, ownTempName(job)).unlink());
    await lookIntoArchive({ path }, { ...options, dropSecondNameOf: places.original });
  });
}

export interface SettleOptions extends ExchangeBasis {
  intent: PublishIntent;
  archived: ArchivedCopy | undefined;
}

/**
 * Takes the original's name away, now that its result is there. Should somebody have written to it until the last moment, all is put
 * back.
 * @throws ShrinkError `changed-underneath` where it was, `unavailable` while the archive is away, ...
 */
export async function settle(options: SettleOptions): Promise<Settled> {
  const { archived, log } = options;
  return inPlace(options, async folder => {
    const places = placesIn(folder, options);
    const isThere = await isResult(places.result, options.intent, options);
    const kept = archived && (await lookIntoArchive(archived, options));
    if (!isThere && kept !== 'there') {
      // Put back by an earlier attempt that a crash cut off, or to be put back: nothing else is left of it.
      await putBack(places, options);
      throw originalChanged(places.original.path);
    }
    const newer = isThere ? await takeName(places, options) : undefined;
    const aside = await places.aside.lstat();
    if (aside && isThere) {
      if (!isUntouched(aside, options.pin)) {
        await takeBack(places, options);
        throw originalChanged(places.original.path);
      }
      try {
        await mustHaveNoOtherName(places.aside, archived?.path, options);
      } catch (error) {
        await takeBack(places, options);
        throw error;
      }
    }
    if (aside) {
      if (archived && kept === 'gone') throw notInArchive(archived.path);
      await places.aside.unlink();
      await folder.sync(log);
    }
    const original = archived
      ? ({ kind: 'archived', to: archived.path, sha256: archived.sha256 } as const)
      : ({ kind: 'deleted', to: places.original.path } as const);
    return { original, ...(newer !== undefined && { newer }) };
  });
}

function notInArchive(path: string): ShrinkError {
  return new ShrinkError('unavailable', say('library.not-in-archive', { path }), { subject: path });
}

/**
 * The original leaves its name by being renamed, never by being removed: whatever has the name at that moment is still there
 * afterwards. @returns the path of another file that has taken the name since, which stays
 */
async function takeName(places: Places, { pin, log }: SettleOptions): Promise<string | undefined> {
  const { original, aside, isSameName } = places;
  const found = isSameName ? undefined : await original.lstat();
  if (!found) return undefined;
  const isSameInode = String(found.ino) === pin.ino && String(found.dev) === pin.dev;
  if (!isSameInode && !isUntouched(found, pin)) return original.path;
  await original.rename(aside);
  await original.folder.sync(log);
  return undefined;
}

/** The original that somebody wrote to gets its place back; the result goes, and the copy in the archive, if it is a second name. */
async function takeBack(places: Places, options: SettleOptions): Promise<void> {
  const { original, result, aside, isSameName } = places;
  const { log, archived } = options;
  if (isSameName) await aside.rename(original);
  else {
    const moved = await moveWithoutOverwriting(aside, original);
    if (moved === 'moved') await result.unlink();
  }
  await original.folder.sync(log);
  log.warn({ path: original.path }, 'written to while its result was put in its place; it is back');
  if (archived) await lookIntoArchive(archived, { ...options, dropSecondNameOf: original });
}
