/**
 * Room: delivery. Puts results and reports into outboxes and originals into archives, durably and without ever overwriting
 * anything, under names that work for every client. May import core, messages, platform.
 *
 * A verified file becomes a delivery: copied under a hidden name into its folder, dated, synced, read back, and given its
 * final name in one step. Any step may be the last before a power cut; the journal holds the intent
 * before the final name appears, and a second call with that intent finishes the delivery or starts over.
 */
import type { BigIntStats } from 'node:fs';
import { basename, dirname } from 'node:path';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import type { Delivery, PublishIntent, Verified } from '../core/job.ts';
import { jobOfTempName, ownTempName } from '../core/file-names.ts';
import { say } from '../messages/say.ts';
import type { HeldFile, HeldFolder } from '../platform/files/door.ts';
import { copyInto } from '../platform/files/durable.ts';
import { Entry, holding } from '../platform/files/entry.ts';
import { type Files, type InputFile, openToRead, sha256OfOpen } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import { freeBytes, fullOfWhat } from '../platform/files/space.ts';
import {
  checkRoot,
  type DeliveryRoot,
  ensureFolder,
  exchangedIn,
  type FolderIdentity,
  folderOf,
  folderReplaced,
  inFolder,
  stillLeadsTo,
  namesIn,
  unavailableIfGone,
  waitsForRights,
} from './output-folder.ts';
import { collisionKey, namesFor, safeParts } from './safe-names.ts';
import { inTurn, moveWithoutOverwriting } from './atomic-publish.ts';

export interface DeliverOptions {
  job: string;
  /** Absolute path; exists, and is never created here: it may be the mount point of a disk that is not mounted. */
  outbox: string;
  /** As recorded by `identityOf` at start; if absent, any folder will do. */
  outboxIdentity?: FolderIdentity | undefined;
  /** Requested path below the outbox, parts separated by `/`; made safe here. */
  relative: string;
  /** Name of the source file: tells its result from another of the same name. */
  sourceName: string;
  sourceMtimeMs: number;
  /** The job's source as it is held open: what is copied where the verified file is the source itself. */
  source?: InputFile | undefined;
  /** Exact permission bits; if absent, 0666 less the umask, group from a setgid folder, as for any new file there. */
  mode?: number | undefined;
  /** Names safe for Windows, macOS and FAT; default true. */
  portable?: boolean | undefined;
  /** Folders nothing may be delivered to: inboxes, the state directory. */
  forbidden?: readonly string[] | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((bytes: number) => void) | undefined;
  /** The last intent in the journal: an earlier attempt may have published already. */
  intent?: PublishIntent | undefined;
  /** Resolves when the intent is durable; only then may the name in it appear. */
  onIntent(intent: PublishIntent): Promise<void>;
  files: Files;
  log: Logger;
}

/** ` (2)` and so on; a folder with more files of one name has another problem. */
const MAX_NAMES = 1000;

/**
 * Delivers the file and resolves when it is durable under its final name. The candidate (or source) is only read. After an
 * error nothing of ours is left in the outbox; a file that has its final name is withdrawn only from a folder that was moved away.
 * @throws ShrinkError `unavailable`, `no-space` (with what is missing), `denied`, `bad-name`, `cancelled`,
 * `changed-underneath` (a source delivered as it is was written to after it was checked), `io`.
 */
export async function deliver(verified: Verified, options: DeliverOptions): Promise<Delivery> {
  try {
    return await delivered(verified, options);
  } catch (error) {
    throw waitsForRights(error, options.outbox);
  }
}

async function delivered(verified: Verified, options: DeliverOptions): Promise<Delivery> {
  const { files } = options;
  const root = rootOf(options);
  await checkRoot(root, files);
  const published = options.intent && (await findPublished(options.intent, options));
  if (published) return published;
  const parts = safeParts(options.relative, { portable: options.portable !== false });
  const wanted = parts.pop();
  if (wanted === undefined) throw new ShrinkError('bad-name', say('deliver.empty-name'));
  return holding(ensureFolder(root, parts, options), async folder => {
    const staged = await stage(verified, folder, options);
    try {
      return await inTurn(folder, () => publish(staged, wanted, options));
    } catch (error) {
      await staged.temp.unlinkQuietly();
      throw error;
    } finally {
      await staged.file.close().catch(() => {});
    }
  });
}

function rootOf({ outbox, outboxIdentity }: Pick<DeliverOptions, 'outbox' | 'outboxIdentity'>): DeliveryRoot {
  return { path: outbox, identity: outboxIdentity };
}

type StageOptions = Pick<
  DeliverOptions,
  'job' | 'files' | 'log' | 'signal' | 'onProgress' | 'mode' | 'sourceMtimeMs' | 'source'
>;

/** The whole file under its hidden name, synced, and read back equal to what was verified. */
export interface Staged {
  temp: Entry;
  /** The one that was read back. */
  file: HeldFile;
  bytes: number;
  sha256: string;
}

export async function stage(verified: Verified, folder: HeldFolder, options: StageOptions): Promise<Staged> {
  const { log, signal, onProgress, mode, sourceMtimeMs: mtimeMs } = options;
  const temp = new Entry(folder, ownTempName(options.job));
  await inFolder('clearing', temp.path, () => temp.unlink());
  try {
    const source = verified.isSource ? options.source : undefined;
    const copy = await holding(source?.open() ?? openToRead(verified.path, options.files), from =>
      copyInto(from, temp, { log, signal, onProgress, mode, mtimeMs }),
    );
    if (copy.bytes !== verified.bytes || copy.sha256 !== verified.sha256) throw changedSinceCheck(verified);
    const file = await readBack(temp, verified, signal);
    return { temp, file, bytes: copy.bytes, sha256: copy.sha256 };
  } catch (error) {
    await temp.unlinkQuietly();
    throw await explainCopyError(error, verified, folder.path, options.files);
  }
}

async function readBack(temp: Entry, verified: Verified, signal: AbortSignal | undefined): Promise<HeldFile> {
  const file = await inFolder('checking', temp.path, () => temp.open());
  try {
    if ((await sha256OfOpen(file, signal)) !== verified.sha256) throw misread(temp.path);
    return file;
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
}

async function publish(staged: Staged, wanted: string, options: DeliverOptions): Promise<Delivery> {
  const { log, job } = options;
  const { folder } = staged.temp;
  const taken = await namesIn(folder);
  let tried = 0;
  for (const name of namesFor(wanted, options.sourceName, { portable: options.portable !== false })) {
    tried += 1;
    if (tried > MAX_NAMES) break;
    const target = new Entry(folder, name);
    const isFree = !taken.has(collisionKey(target.name));
    if (isFree && (await publishAs(target, staged, options))) {
      await inFolder('syncing', folder.path, () => folder.sync(log));
      log.debug({ job, output: target.path, bytes: staged.bytes }, 'file published');
      return { output: target.path, bytes: staged.bytes };
    }
    const published = await inFolder('comparing', target.path, () => useEqualFile(target, staged, options));
    if (published) return published;
  }
  const message = say('deliver.names-used-up', { folder: folder.path, name: wanted, count: MAX_NAMES });
  throw new ShrinkError('denied', message, { subject: folder.path, hint: say('deliver.names-used-up-hint') });
}

/** Whether the name was free; it may have been taken since the folder was listed. */
async function publishAs(
  target: Entry,
  { temp, file, bytes, sha256 }: Staged,
  options: DeliverOptions,
): Promise<boolean> {
  const { files, signal } = options;
  if (signal?.aborted) throw new ShrinkError('cancelled', say('deliver.stopped'), { subject: target.path });
  await options.onIntent({ temp: temp.path, target: target.path, ino: file.pin.ino, bytes, sha256 });
  // The disk may have been unmounted while the file was copied (its mount point is not the outbox), or a folder moved away.
  const leads = () => stillLeadsTo(target.folder, rootOf(options), files);
  if (!(await leads())) throw folderReplaced(target.folder.path);
  const move = () => moveWithoutOverwriting(temp, target, { file, leads });
  const moved = await inFolder('publishing', target.path, move);
  if (moved === 'exchanged') throw exchangedIn(temp.path, say('deliver.temp-exchanged', { path: temp.path }));
  return moved === 'moved';
}

/**
 * A file that already has the name and the same content is the delivery; there is no second copy of it. One of somebody else is
 * not: they could empty it once the original is gone.
 */
async function useEqualFile(target: Entry, staged: Staged, { log }: DeliverOptions): Promise<Delivery | undefined> {
  const { uid } = await staged.file.stat();
  const output = await makeDurableIfEqual(target, { ...staged, uid }, log);
  if (output) await staged.temp.unlink();
  return output;
}

/**
 * After a crash: the delivery, if the journaled intent was carried out; otherwise `undefined`, and its traces are removed so
 * that `deliver` can start over.
 * @throws ShrinkError `unavailable` while the outbox is missing: then nobody can know.
 */
export async function findPublished(
  intent: PublishIntent,
  options: Pick<DeliverOptions, 'job' | 'outbox' | 'outboxIdentity' | 'files' | 'log'>,
): Promise<Delivery | undefined> {
  const { files } = options;
  const root = rootOf(options);
  await checkRoot(root, files);
  try {
    return await inFolder('checking', intent.target, async () => {
      const folder = await folderOf(intent.target, root, files);
      return folder && holding(Promise.resolve(folder), () => findIn(folder, intent, options));
    });
  } catch (error) {
    throw waitsForRights(error, options.outbox);
  }
}

async function findIn(
  folder: HeldFolder,
  intent: PublishIntent,
  { job, log }: Pick<DeliverOptions, 'job' | 'log'>,
): Promise<Delivery | undefined> {
  const temp = new Entry(folder, basename(intent.temp));
  const target = new Entry(folder, basename(intent.target));
  const isOurTemp = jobOfTempName(temp.name) === job && dirname(intent.temp) === dirname(intent.target);
  const staged = isOurTemp ? await temp.lstat() : undefined;
  const found = await target.lstat();
  if (isReservation(found, staged, intent)) await target.unlink();
  const published = await makeDurableIfEqual(target, { ...intent, uid: staged?.uid }, log);
  if (staged) await temp.unlink();
  return published;
}

/**
 * An empty file under the final name, younger than our complete temporary one: the reservation for a file system without
 * links, whose rename never happened.
 */
function isReservation(target: BigIntStats | undefined, temp: BigIntStats | undefined, intent: PublishIntent): boolean {
  if (!target?.isFile() || target.size !== 0n || !temp || intent.bytes === 0) return false;
  return Number(temp.size) === intent.bytes && target.uid === temp.uid && target.ctimeNs >= temp.ctimeNs;
}

/** The delivery, once it is durable, if the name has a file of that content. */
async function makeDurableIfEqual(
  target: Entry,
  wanted: { bytes: number; sha256: string; ino?: string; uid: bigint | undefined },
  log: Logger,
): Promise<Delivery | undefined> {
  const found = await target.lstat();
  if (!found?.isFile() || Number(found.size) !== wanted.bytes) return undefined;
  if (wanted.uid !== undefined && found.uid !== wanted.uid) return undefined;
  return holding(target.open(), async file => {
    const isIt = file.pin.ino === wanted.ino || (await sha256OfOpen(file)) === wanted.sha256;
    if (!isIt || file.pin.sizeBytes !== wanted.bytes) return undefined;
    await file.sync(log);
    await target.folder.sync(log);
    return { output: target.path, bytes: wanted.bytes };
  });
}

/** An error of the copy, attributed to the right place: the source, the work folder or the outbox. */
async function explainCopyError(error: unknown, verified: Verified, folder: string, files: Files): Promise<unknown> {
  if (!isShrinkError(error)) return error;
  if (error.code === 'no-space') return shortage(error, verified.bytes, folder, files);
  if (error.subject !== verified.path) return unavailableIfGone(error, folder);
  if (verified.isSource) return error;
  // `gone` would be blamed on the source. Without the candidate the work has to be done again.
  return isShrinkError(error, 'gone', 'changed-underneath') ? changedSinceCheck(verified) : error;
}

/** What a folder lacked for `bytes`, after a copy into it failed. */
export async function shortage(cause: ShrinkError, bytes: number, folder: string, files: Files): Promise<unknown> {
  const known = await fullOfWhat(cause, [folder], files);
  if (known !== cause) return known;
  const free = await freeBytes(folder, files).catch(() => undefined);
  const message =
    free === undefined || free >= bytes
      ? say('deliver.full', { folder, neededBytes: bytes })
      : say('deliver.full-by', { folder, neededBytes: bytes, missingBytes: bytes - free });
  return new ShrinkError('no-space', message, { subject: folder, hint: say('deliver.full-hint'), cause });
}

function changedSinceCheck({ path, isSource }: Verified): ShrinkError {
  const message = say('deliver.changed', { path });
  if (isSource) return new ShrinkError('changed-underneath', message, { subject: path });
  return new ShrinkError('io', message, { subject: path, hint: say('deliver.work-repeated') });
}

function misread(temp: string): ShrinkError {
  const message = say('deliver.misread', { folder: dirname(temp) });
  return new ShrinkError('io', message, { subject: temp, hint: say('deliver.check-disk') });
}
