/**
 * Room: delivery. Puts results and reports into outboxes and originals into archives, durably and without ever overwriting
 * anything, under names that work for every client. May import core, messages, platform.
 *
 * A verified file becomes a delivery: copied under a hidden name into its folder, dated, synced, read back, and given its
 * final name in one step. Any step may be the last before a power cut; the journal holds the intent
 * before the final name appears, and a second call with that intent finishes the delivery or starts over.
 */
import type { BigIntStats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileError } from '../platform/files/file-error.ts';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import type { Delivery, PublishIntent, Verified } from '../core/job.ts';
import { jobOfTempName, ownTempName } from '../core/file-names.ts';
import { say } from '../messages/say.ts';
import { copyInto, syncDir, syncFile } from '../platform/files/durable.ts';
import { type Files, lstatIfThere, sha256Of, unlinkQuietly } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import { freeBytes } from '../platform/files/space.ts';
import { checkRoot, ensureFolder, type FolderIdentity, inFolder, namesIn, unavailableIfGone } from './output-folder.ts';
import { collisionKey, numbered, safeParts } from './safe-names.ts';
import { inTurn, moveWithoutOverwriting, unlinkIfThere } from './atomic-publish.ts';

export interface DeliverOptions {
  job: string;
  /** Absolute path; exists, and is never created here: it may be the mount point of a disk that is not mounted. */
  outbox: string;
  /** As recorded by `identityOf` at start; if absent, any folder will do. */
  outboxIdentity?: FolderIdentity | undefined;
  /** Requested path below the outbox, parts separated by `/`; made safe here. */
  relative: string;
  sourceMtimeMs: number;
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
 * error nothing of ours is left in the outbox; a file that already has its final name is never withdrawn.
 * @throws ShrinkError `unavailable`, `no-space` (with what is missing), `denied`, `bad-name`, `cancelled`,
 * `changed-underneath` (a source delivered as it is was written to after it was checked), `io`.
 */
export async function deliver(verified: Verified, options: DeliverOptions): Promise<Delivery> {
  const { files } = options;
  const root = { path: options.outbox, identity: options.outboxIdentity };
  await checkRoot(root, files);
  const published = options.intent && (await findPublished(options.intent, options));
  if (published) return published;
  const parts = safeParts(options.relative, { portable: options.portable !== false });
  const wanted = parts.pop();
  if (wanted === undefined) throw new ShrinkError('bad-name', say('deliver.empty-name'));
  const folder = await ensureFolder(root, parts, options);
  const staged = await stage(verified, folder, options);
  try {
    return await inTurn(folder, files, () => publish(staged, folder, wanted, options));
  } catch (error) {
    await unlinkQuietly(staged.temp, files);
    throw error;
  }
}

interface Staged {
  temp: string;
  ino: string;
  bytes: number;
  sha256: string;
}

/** The whole file under its hidden name, synced, and read back equal to what was verified. */
async function stage(verified: Verified, folder: string, options: DeliverOptions): Promise<Staged> {
  const { files, log, signal, onProgress, mode } = options;
  const temp = join(folder, ownTempName(options.job));
  await inFolder('clearing', temp, () => unlinkIfThere(temp, files));
  try {
    const copy = await copyInto(verified.path, temp, {
      files,
      log,
      signal,
      onProgress,
      mode,
      mtimeMs: options.sourceMtimeMs,
    });
    if (copy.bytes !== verified.bytes || copy.sha256 !== verified.sha256) throw changedSinceCheck(verified);
    const readBack = await sha256Of(temp, files, signal);
    if (readBack !== verified.sha256) throw misread(temp);
    return { temp, ino: copy.ino, bytes: copy.bytes, sha256: copy.sha256 };
  } catch (error) {
    await unlinkQuietly(temp, files);
    throw await explainCopyError(error, verified, folder, files);
  }
}

async function publish(staged: Staged, folder: string, wanted: string, options: DeliverOptions): Promise<Delivery> {
  const { files, log, job } = options;
  const taken = await namesIn(folder, files);
  for (let n = 1; n <= MAX_NAMES; n++) {
    const name = numbered(wanted, n);
    const target = join(folder, name);
    const isFree = !taken.has(collisionKey(name));
    if (isFree && (await publishAs(target, staged, options))) {
      await inFolder('syncing', folder, () => syncDir(folder, files, log));
      log.debug({ job, output: target, bytes: staged.bytes }, 'file published');
      return { output: target, bytes: staged.bytes };
    }
    const published = await inFolder('comparing', target, () => useEqualFile(target, staged, options));
    if (published) return published;
  }
  throw new ShrinkError('denied', say('deliver.names-used-up', { folder, name: wanted, count: MAX_NAMES }), {
    subject: folder,
    hint: say('deliver.names-used-up-hint'),
  });
}

/** Whether the name was free; it may have been taken since the folder was listed. */
async function publishAs(target: string, staged: Staged, options: DeliverOptions): Promise<boolean> {
  if (options.signal?.aborted) throw new ShrinkError('cancelled', say('deliver.stopped'), { subject: target });
  await options.onIntent({ ...staged, target });
  // The disk may have been unmounted while the file was copied; its mount point is not the outbox.
  await checkRoot({ path: options.outbox, identity: options.outboxIdentity }, options.files);
  const move = () => moveWithoutOverwriting(staged.temp, target, options.files);
  return (await inFolder('publishing', target, move)) === 'moved';
}

/** A file that already has the name and the same content is the delivery; there is no second copy of it. */
async function useEqualFile(target: string, staged: Staged, options: DeliverOptions): Promise<Delivery | undefined> {
  const { files } = options;
  if (!(await hasSameContent(target, staged, files))) return undefined;
  await unlinkIfThere(staged.temp, files);
  return makeDurable(target, staged.bytes, options);
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
  const { files, job } = options;
  await checkRoot({ path: options.outbox, identity: options.outboxIdentity }, files);
  return inFolder('checking', intent.target, async () => {
    const isOurTemp = jobOfTempName(basename(intent.temp)) === job;
    const temp = isOurTemp ? await lstatIfThere(intent.temp, files).catch(ignoreNoFolder) : undefined;
    const target = await lstatIfThere(intent.target, files).catch(ignoreNoFolder);
    if (isReservation(target, temp, intent)) await unlinkIfThere(intent.target, files);
    const isPublished =
      target?.isFile() &&
      Number(target.size) === intent.bytes &&
      (String(target.ino) === intent.ino || (await hasSameContent(intent.target, intent, files)));
    if (temp) await unlinkIfThere(intent.temp, files);
    return isPublished ? makeDurable(intent.target, intent.bytes, options) : undefined;
  });
}

/**
 * An empty file under the final name, younger than our complete temporary one: the reservation for a file system without
 * links, whose rename never happened.
 */
function isReservation(target: BigIntStats | undefined, temp: BigIntStats | undefined, intent: PublishIntent): boolean {
  if (!target?.isFile() || target.size !== 0n || !temp || intent.bytes === 0) return false;
  return Number(temp.size) === intent.bytes && target.uid === temp.uid && target.ctimeNs >= temp.ctimeNs;
}

function ignoreNoFolder(error: unknown): undefined {
  if (isShrinkError(fileError(error, '', ''), 'gone')) return undefined;
  throw error;
}

async function makeDurable(
  output: string,
  bytes: number,
  { files, log }: Pick<DeliverOptions, 'files' | 'log'>,
): Promise<Delivery> {
  await syncFile(output, files, log);
  await syncDir(dirname(output), files, log);
  return { output, bytes };
}

async function hasSameContent(path: string, wanted: { bytes: number; sha256: string }, files: Files): Promise<boolean> {
  const found = await lstatIfThere(path, files);
  if (!found?.isFile() || Number(found.size) !== wanted.bytes) return false;
  return (await sha256Of(path, files)) === wanted.sha256;
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

async function shortage(cause: ShrinkError, bytes: number, folder: string, files: Files): Promise<ShrinkError> {
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
