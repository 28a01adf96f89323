/**
 * What happens to an original once its result is durable: kept, archived or deleted, and only while it is still the very
 * file that was processed. Nothing here overwrites anything, and any step may be the last before a power cut.
 */
import { type BigIntStats, constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { basename } from 'node:path';
import { ShrinkError } from '../core/errors.ts';
import { ownTempName } from '../core/file-names.ts';
import { type Pin, samePin } from '../core/job.ts';
import { say } from '../messages/say.ts';
import { type HeldFolder, openFolder } from '../platform/files/door.ts';
import { Entry, holding } from '../platform/files/entry.ts';
import { errnoOf, type Files, pinFrom } from '../platform/files/files.ts';
import { fsKindOf, readMounts, throughLinks } from '../platform/files/mounts.ts';
import { inTurn, isSecondName } from './atomic-publish.ts';
import { isCopyOf, type MoveOptions, moveOriginal, originalChanged, whileMoving } from './move-original.ts';
import { type DeliveryRoot, ensureFolder, folderOf, stillLeadsTo, namesIn } from './output-folder.ts';
import { collisionKey, numbered, safePart } from './safe-names.ts';

export type Disposal = { kind: 'kept' } | { kind: 'archived'; to: string } | { kind: 'deleted' } | { kind: 'missing' };

export interface DisposeOptions extends MoveOptions {
  /** Absolute path of the inbox it is in. */
  inbox: string;
  /** Its path below the inbox, mirrored in the archive. */
  relative: string;
  /** Its identity when it was processed. */
  pin: Pin;
  policy: 'keep' | 'archive' | 'delete';
  /** Absolute; needed for `archive`. Exists, and is never created here. */
  archiveDir?: string | undefined;
  /** The `to` of the last `beforeMove` in the journal: an earlier attempt may have got that far already. */
  intended?: string | undefined;
  /** Resolves when journaled; only then may the archived name appear. */
  beforeMove(to: string): Promise<void>;
  /** Folders nothing may ever be put into: inboxes, the state directory. */
  forbidden?: readonly string[] | undefined;
}

/**
 * Does what the folder's policy says. `missing`: the original is no longer there, and as far as the journal can tell not
 * because of us; the same holds after a crash between deleting it and journaling that.
 * @throws ShrinkError `changed-underneath` (nothing was touched), `unavailable`, `no-space`, `denied`, ...
 */
export async function disposeOriginal(options: DisposeOptions): Promise<Disposal> {
  const { inbox, relative, policy, files } = options;
  if (policy === 'keep') return { kind: 'kept' };
  const parts = partsOf(relative);
  const name = parts.pop() ?? basename(inbox);
  const path = `${inbox}/${relative}`;
  const doing = policy === 'delete' ? say('deliver.deleting', { path }) : undefined;
  return whileMoving(path, doing, async () => {
    const folder = await openIfThere(inbox, parts, files);
    if (folder) return holding(Promise.resolve(folder), () => dispose(new Entry(folder, name), options));
    const earlier = options.intended && (await finishMove(options.intended, undefined, options));
    return earlier ? { kind: 'archived', to: earlier } : { kind: 'missing' };
  });
}

function partsOf(relative: string): string[] {
  return relative.split('/').filter(part => part !== '');
}

async function openIfThere(inbox: string, parts: readonly string[], files: Files): Promise<HeldFolder | undefined> {
  try {
    return await openFolder(inbox, parts, files);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function dispose(original: Entry, options: DisposeOptions): Promise<Disposal> {
  const { intended, pin, policy, log } = options;
  const earlier = intended && (await finishMove(intended, original, options));
  if (earlier) return { kind: 'archived', to: earlier };
  const found = await original.lstat();
  if (!found) return { kind: 'missing' };
  if (!found.isFile() || !samePin(pinFrom(found), pin)) throw originalChanged(original.path);
  if (policy === 'archive') return { kind: 'archived', to: await archive(original, options) };
  await removeOriginal(original, pin);
  await original.folder.sync(log);
  return { kind: 'deleted' };
}

/**
 * Removes the name of the original, and says so only of that very file: whoever may write into its folder can put another of
 * theirs in its place at the last moment.
 */
async function removeOriginal(original: Entry, pin: Pin): Promise<void> {
  const mounts = readMounts();
  const { polled, type } = fsKindOf(throughLinks(original.folder.path, mounts), mounts);
  // Network and FUSE mounts keep a file that is open under a hidden name of theirs when its name goes.
  if (polled || LAYERED.has(type)) return original.unlink();
  await holding(original.open(pin), async file => {
    await original.unlink();
    if (!(await file.hasLostName())) throw originalChanged(original.path);
  });
}

/** What shows files of several layers, and the link counts of those. */
const LAYERED: ReadonlySet<string> = new Set(['overlay', 'aufs']);

/** Under its own name, or a portable one on a disk that refuses that (`?` on exFAT). */
async function archive(original: Entry, options: DisposeOptions): Promise<string> {
  const parts = partsOf(options.relative);
  try {
    return await archiveAs(original, parts, false, options);
  } catch (error) {
    if (await isReadOnly(error, options.archiveDir)) throw archiveReadOnly(original.path, options.archiveDir);
    const isPortable = parts.every(part => safePart(part, { portable: true }) === part);
    if (isPortable || !REFUSED_NAME.has(errnoOf((error as Error).cause ?? error) ?? '')) throw error;
    return archiveAs(original, parts, true, options);
  }
}

/** Whether it was the archive's disk that refused to be written to, and not the inbox's. */
async function isReadOnly(error: unknown, folder = ''): Promise<boolean> {
  const isRefused = (refusal: unknown) => errnoOf(refusal) === 'EROFS';
  if (!isRefused((error as Error).cause ?? error)) return false;
  return access(folder, constants.W_OK).then(() => false, isRefused);
}

/** As a full disk is: it is waited for. An error of its own or a person made it read-only, and a person puts it right. */
function archiveReadOnly(path: string, archive = ''): ShrinkError {
  const message = say('deliver.archive-read-only', { path, archive });
  return new ShrinkError('unavailable', message, { subject: archive, hint: say('deliver.archive-read-only-hint') });
}

/** What file systems answer to a name they cannot have; exfat-fuse and some SMB servers say ENOENT. */
const REFUSED_NAME: ReadonlySet<string> = new Set(['EINVAL', 'EILSEQ', 'ENAMETOOLONG', 'ENOENT']);

async function archiveAs(
  original: Entry,
  parts: readonly string[],
  portable: boolean,
  options: DisposeOptions,
): Promise<string> {
  const { files, log, archiveDir, forbidden } = options;
  if (archiveDir === undefined) throw new Error('policy archive without an archive folder');
  const root = { path: archiveDir };
  const name = portable ? safePart(original.name, { portable }) : original.name;
  return holding(ensureFolder(root, parts.slice(0, -1), { files, log, forbidden, portable }), async folder => {
    const to = await inTurn(folder, () => moveToFreeName(original, { folder, name }, root, options));
    await folder.sync(log);
    await original.folder.sync(log);
    return to;
  });
}

async function moveToFreeName(
  original: Entry,
  { folder, name }: { folder: HeldFolder; name: string },
  root: DeliveryRoot,
  options: DisposeOptions,
): Promise<string> {
  const { pin, files } = options;
  const taken = await namesIn(folder);
  for (let n = 1; n <= MAX_NAMES; n++) {
    const to = new Entry(folder, numbered(name, n));
    if (taken.has(collisionKey(to.name))) continue;
    await options.beforeMove(to.path);
    // Journaling took a moment; a newer version must not be archived unnoticed.
    const found = await original.lstat();
    if (!found || !samePin(pinFrom(found), pin)) throw originalChanged(original.path);
    const leads = () => stillLeadsTo(folder, root, files);
    const moved = await holding(original.open(pin), file => moveOriginal(original, to, { ...options, file, leads }));
    if (moved === 'exchanged') throw originalChanged(original.path);
    if (moved === 'moved') return to.path;
  }
  throw new ShrinkError('denied', say('deliver.names-used-up', { folder: folder.path, name, count: MAX_NAMES }), {
    subject: folder.path,
  });
}

const MAX_NAMES = 1000;

/** After a crash: where the original is, if the journaled move got as far as giving it its new name. */
async function finishMove(
  to: string,
  original: Entry | undefined,
  options: DisposeOptions,
): Promise<string | undefined> {
  const folder = await folderOf(to, { path: options.archiveDir ?? '/' }, options.files);
  if (!folder) return undefined;
  return holding(Promise.resolve(folder), async () => {
    await new Entry(folder, ownTempName(options.job)).unlink();
    return (await isMoved(new Entry(folder, basename(to)), original, options)) ? to : undefined;
  });
}

async function isMoved(target: Entry, original: Entry | undefined, { pin, log }: DisposeOptions): Promise<boolean> {
  const [source, found] = [await original?.lstat(), await target.lstat()];
  if (!found?.isFile()) return false;
  if (source && isReservation(source, found, pin)) {
    // Only reserved: the rename over it never happened.
    await target.unlink();
    return false;
  }
  const isComplete = Number(found.size) === pin.sizeBytes;
  if (!isComplete || (original && source && !(await isOurCopy(original, target, pin)))) {
    // A second name of a file that has since been written to: one name is enough, and removing the other loses nothing.
    if (isSecondName(source, await target.lstat())) await target.unlink();
    return false;
  }
  await target.folder.sync(log);
  if (original && source) await removeCopied(original, source);
  await original?.folder.sync(log);
  return true;
}

/** The name of the original, once it is known to be in the archive: only while it is the file that was compared. */
async function removeCopied(original: Entry, source: BigIntStats): Promise<void> {
  const now = await original.lstat();
  if (now?.dev === source.dev && now.ino === source.ino) await original.unlink();
}

function isReservation(source: BigIntStats, target: BigIntStats, pin: Pin): boolean {
  return target.size === 0n && pin.sizeBytes > 0 && samePin(pinFrom(source), pin);
}

/**
 * The original is still there: the archived file must be a second name of it, or an equal copy of what was processed. Linking
 * changed ctime; size and mtime still show whether somebody wrote to it.
 */
async function isOurCopy(original: Entry, target: Entry, pin: Pin): Promise<boolean> {
  const source = await original.lstat();
  if (!source || !samePin({ ...pinFrom(source), ctimeNs: pin.ctimeNs }, pin)) return false;
  return isSecondName(source, await target.lstat()) || (await isCopyOf(target, original));
}
