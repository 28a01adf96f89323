/**
 * Where something may be put: an outbox (or archive) that is really there, and sub-folders that stay inside it.
 * Containment is decided by device and inode on the way up to `/`, not by comparing paths: links and bind mounts give one
 * folder two paths.
 */
import type { BigIntStats } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { type HeldFolder, openFolder } from '../platform/files/door.ts';
import { Entry, holding } from '../platform/files/entry.ts';
import { fileError, keepsNames } from '../platform/files/file-error.ts';
import { isShrinkError, sentenceOf, ShrinkError } from '../core/errors.ts';
import { isWithin } from '../core/file-names.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { errnoOf, type Files } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import { collisionKey } from './safe-names.ts';

export interface FolderIdentity {
  dev: string;
  ino: string;
  /** Device of the file system that the folder's own one is mounted on; absent on the root file system. */
  under?: string;
}

export interface DeliveryRoot {
  /** Absolute path of the outbox or archive; may itself be a symbolic link. */
  path: string;
  /** As recorded when the daemon started; if absent, any folder will do. */
  identity?: FolderIdentity | undefined;
}

export interface FolderOptions {
  files: Files;
  log: Logger;
  /** Existing sub-folders that differ only in case or accents are used instead of creating a twin; the default. */
  portable?: boolean | undefined;
  /** Folders nothing may ever be put into: inboxes, the state directory. */
  forbidden?: readonly string[] | undefined;
  /** Whether a link to another folder below the root is taken for a folder; the default. */
  links?: boolean | undefined;
}

/** Records which folder `path` is now. @throws ShrinkError `unavailable` if it is missing or not a folder. */
export async function identityOf(path: string, files: Files): Promise<FolderIdentity> {
  const [own, ...above] = await ancestry(path, files);
  const under = above.find(folder => folder.dev !== own.dev);
  return { ...own, under: under?.dev };
}

/**
 * Opens an outbox or archive as it is configured; links in its path are its owner's word.
 * @throws ShrinkError `unavailable` if the folder is missing or no longer the recorded one, as with an empty mount point.
 * A share that was mounted again has a new device number and the same inode; it counts as the same folder.
 */
export async function openRoot({ path, identity }: DeliveryRoot, files: Files): Promise<HeldFolder> {
  const folder = await inFolder('checking', path, async () => {
    try {
      return await openFolder(path, [], files);
    } catch (error) {
      if (errnoOf(error) === 'ENOTDIR' && (await files.stat(path)).isFile()) throw notFolder(path);
      throw error;
    }
  });
  const now = await inFolder('checking', path, () => folder.stat()).catch(closing(folder));
  if (!identity || isSameFolder(identity, inodeOf(now))) return folder;
  await folder.close();
  throw folderReplaced(path);
}

/** @throws as `openRoot` does. */
export async function checkRoot(root: DeliveryRoot, files: Files): Promise<void> {
  await holding(openRoot(root, files), async () => {});
}

export function isSameFolder(recorded: FolderIdentity, now: FolderInode): boolean {
  if (recorded.ino !== now.ino) return false;
  return recorded.dev === now.dev || (recorded.under !== undefined && recorded.under !== now.dev);
}

/**
 * The folder for `parts` below the root, created if missing, each new one durable in its parent. It is held: whoever
 * exchanges a folder above it for a link changes nothing of where it is.
 * @throws ShrinkError `unavailable` (root gone), `denied` (a file in the way, a link that leads out of the root, a forbidden
 * folder), `no-space`, ...
 */
export async function ensureFolder(
  root: DeliveryRoot,
  parts: readonly string[],
  options: FolderOptions,
): Promise<HeldFolder> {
  const { files, log, links = true } = options;
  const forbidden = await identities(options.forbidden ?? [], files);
  const held = await openRoot(root, files);
  const chain = await chainOf(held).catch(closing(held));
  const top = { path: root.path, inode: chain[0], links, forbidden };
  if (chain.some(inode => isForbidden(inode, forbidden))) {
    await held.close().catch(() => {});
    throw refused(root.path, say('deliver.forbidden'));
  }
  return walk(held, parts, async (parent, part) => {
    const at = new Entry(parent, await existingName(parent, part, options));
    await makeIfMissing(at, log);
    return inFolder('making', at.path, () => step(at, top));
  });
}

/**
 * The folder of a recorded path, if it is there; by the path itself if that is no longer below the root, as after a change of
 * the configuration.
 * @throws ShrinkError `unavailable` (root gone), `denied`; errno errors otherwise.
 */
export async function folderOf(path: string, root: DeliveryRoot, files: Files): Promise<HeldFolder | undefined> {
  const way = relative(root.path, dirname(path));
  const isOutside = way === '..' || way.startsWith('../');
  const held = await openRoot(isOutside ? { path: dirname(path) } : root, files).catch(error => {
    if (isOutside && isShrinkError(error, 'unavailable')) return undefined;
    throw error;
  });
  if (!held || isOutside || way === '') return held;
  const inode = await inodeOfHeld(held).catch(closing(held));
  const top = { path: root.path, inode, links: true, forbidden: [] };
  try {
    return await walk(held, way.split('/'), (parent, name) => step(new Entry(parent, name), top));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether a folder's path still leads to it: somebody may have moved it out of the root since it was opened. */
export async function stillLeadsTo(folder: HeldFolder, root: DeliveryRoot, files: Files): Promise<boolean> {
  return inFolder('checking', folder.path, async () => {
    const now = await folderOf(join(folder.path, 'any'), root, files);
    if (!now) return false;
    return isSame(await holding(Promise.resolve(now), inodeOfHeld), await inodeOfHeld(folder));
  });
}

/** From folder to folder; each is closed when the next one is open. */
async function walk(
  root: HeldFolder,
  names: readonly string[],
  next: (parent: HeldFolder, name: string) => Promise<HeldFolder>,
): Promise<HeldFolder> {
  let folder = root;
  for (const name of names) {
    const parent = folder;
    folder = await next(parent, name).finally(() => parent.close().catch(() => {}));
  }
  return folder;
}

interface Top {
  path: string;
  inode: FolderInode;
  /** Whether links to folders below it count as folders. */
  links: boolean;
  forbidden: readonly FolderInode[];
}

/** Opens the next folder below the root. @throws ShrinkError `denied` where that is something else, or leads out; errno errors. */
async function step(at: Entry, top: Top): Promise<HeldFolder> {
  const isLink = top.links && (await at.lstat())?.isSymbolicLink() === true;
  const folder = await (isLink ? linkedFolder(at) : ownFolder(at));
  // Whatever is not a link is inside of its parent.
  const inside = await (isLink ? chainBelow(folder, top) : inodeOfHeld(folder).then(one => [one])).catch(
    closing(folder),
  );
  if (inside && !inside.some(inode => isForbidden(inode, top.forbidden))) return folder;
  await folder.close().catch(() => {});
  throw refused(at.path, inside ? say('deliver.forbidden') : say('deliver.link-out', { root: top.path }));
}

/** From the folder up to the root, that not included; `undefined` if it is not below the root. */
async function chainBelow(folder: HeldFolder, root: Top): Promise<FolderInode[] | undefined> {
  const chain = await chainOf(folder);
  const depth = chain.findIndex(inode => isSame(inode, root.inode));
  return depth < 0 ? undefined : chain.slice(0, depth);
}

async function ownFolder(at: Entry): Promise<HeldFolder> {
  try {
    return await at.folder.folder(at.name);
  } catch (error) {
    if (isShrinkError(error, 'changed-underneath')) throw refused(at.path, say('deliver.not-a-folder'));
    throw error;
  }
}

async function linkedFolder(at: Entry): Promise<HeldFolder> {
  try {
    return await at.folder.linkedFolder(at.name);
  } catch (error) {
    if (!['ENOENT', 'ELOOP', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw error;
    throw refused(at.path, say('deliver.not-a-folder'));
  }
}

async function makeIfMissing(at: Entry, log: Logger): Promise<void> {
  await inFolder('making', at.path, async () => {
    if (await at.lstat()) return;
    try {
      await at.folder.make(at.name);
    } catch (error) {
      // Another job was faster.
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    await at.folder.sync(log);
  });
}

/** Names in a folder by collision key, to see what a new name would clash with. */
export async function namesIn(folder: HeldFolder): Promise<Map<string, string>> {
  const entries = await inFolder('listing', folder.path, () => folder.list());
  return new Map(entries.map(entry => [collisionKey(entry.name), entry.name]));
}

/** What is done in a folder, as `deliver.CODE` words it. */
type FolderOperation =
  | 'checking'
  | 'listing'
  | 'making'
  | 'clearing'
  | 'comparing'
  | 'publishing'
  | 'syncing'
  | 'reporting';

/**
 * Wraps errors in a folder that exists: if a path is gone there, the disk is, not the source; and what somebody exchanged there
 * says nothing of the source either.
 */
export async function inFolder<T>(operation: FolderOperation, path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const known = fileError(error, say(`deliver.${operation}`, { path }), path);
    if (isShrinkError(known, 'changed-underneath')) throw exchangedIn(path, sentenceOf(known));
    throw unavailableIfGone(known, path);
  }
}

/** `gone` ends a job, because its source is gone; a missing folder of ours is waited for. */
export function unavailableIfGone(error: unknown, folder: string): unknown {
  if (!isShrinkError(error, 'gone')) return error;
  return missing(folder, error);
}

const NO_RIGHT: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS']);

/**
 * An outbox that cannot be written to is waited for like one that is full: once its rights or its mount are put right, nobody has to
 * do anything about each job. Any other error comes back as it is.
 */
export function waitsForRights(error: unknown, outbox: string): unknown {
  if (!isShrinkError(error, 'denied') || !isWithin(outbox, error.subject ?? '')) return error;
  const errno = errnoOf(error.cause) ?? '';
  if (!NO_RIGHT.has(errno)) return error;
  const byErrno = errno === 'EROFS' ? 'deliver.outbox-read-only-hint' : 'deliver.outbox-denied-hint';
  const hint = keepsNames(error.cause) ? say('files.hint-append-only') : say(byErrno, { outbox });
  const { subject, cause } = error;
  return new ShrinkError('unavailable', sentenceOf(error), { subject, hint, cause });
}

/** The existing name in `parent` that equals `part` up to case and accents; otherwise `part` itself. */
async function existingName(parent: HeldFolder, part: string, { portable }: FolderOptions): Promise<string> {
  const at = new Entry(parent, part);
  if (portable === false || (await inFolder('making', at.path, () => at.lstat()))) return part;
  return (await namesIn(parent)).get(collisionKey(part)) ?? part;
}

type FolderInode = Pick<FolderIdentity, 'dev' | 'ino'>;

/**
 * Identities of the folder and of everything above it, up to `/`; never empty.
 * @throws ShrinkError `unavailable` if it is missing, or not a folder.
 */
async function ancestry(path: string, files: Files): Promise<[FolderInode, ...FolderInode[]]> {
  const chain: FolderInode[] = [];
  // Not join(): that would resolve `x/..` as text, and only the kernel knows where a link leads.
  for (let at = path; ; at = `${at}/..`) {
    const stats = await inFolder('checking', path, () => files.stat(at));
    if (!stats.isDirectory()) throw notFolder(path);
    const inode = inodeOf(stats);
    const [first, ...others] = chain;
    if (first && isSame(chain.at(-1), inode)) return [first, ...others];
    chain.push(inode);
  }
}

async function chainOf(folder: HeldFolder): Promise<[FolderInode, ...FolderInode[]]> {
  const chain = await inFolder('checking', folder.path, () => folder.ancestry());
  return chain.map(inodeOf) as [FolderInode, ...FolderInode[]];
}

async function inodeOfHeld(folder: HeldFolder): Promise<FolderInode> {
  return inodeOf(await folder.stat());
}

function inodeOf({ dev, ino }: BigIntStats): FolderInode {
  return { dev: String(dev), ino: String(ino) };
}

/** Of those that exist. */
async function identities(paths: readonly string[], files: Files): Promise<FolderInode[]> {
  const existing = paths.map(async path => {
    try {
      return [(await ancestry(path, files))[0]];
    } catch (error) {
      if (isShrinkError(error, 'unavailable')) return [];
      throw error;
    }
  });
  return (await Promise.all(existing)).flat();
}

function isForbidden(inode: FolderInode, forbidden: readonly FolderInode[]): boolean {
  return forbidden.some(other => isSame(inode, other));
}

function isSame(a: FolderInode | undefined, b: FolderInode): boolean {
  return a?.dev === b.dev && a.ino === b.ino;
}

function refused(path: string, why: Sentence): ShrinkError {
  return new ShrinkError('denied', say('deliver.folder-refused', { path, why }), {
    subject: path,
    hint: say('deliver.folder-refused-hint'),
  });
}

/** To close a folder before the error that came in between goes on. */
function closing(folder: HeldFolder): (error: unknown) => Promise<never> {
  return async error => {
    await folder.close().catch(() => {});
    throw error;
  };
}

/** Somebody put something else in the place of what is ours. */
export function exchangedIn(path: string, what: Sentence): ShrinkError {
  return new ShrinkError('io', what, { subject: path, hint: say('deliver.exchanged-hint') });
}

export function folderReplaced(path: string): ShrinkError {
  return new ShrinkError('unavailable', say('deliver.folder-replaced', { path }), {
    subject: path,
    hint: say('deliver.folder-replaced-hint'),
  });
}

function notFolder(path: string): ShrinkError {
  return new ShrinkError('unavailable', say('files.not-a-folder', { path }), {
    subject: path,
    hint: say('files.not-a-folder-hint'),
  });
}

function missing(path: string, cause?: unknown): ShrinkError {
  return new ShrinkError('unavailable', say('files.missing-folder', { path }), {
    subject: path,
    hint: say('files.missing-folder-hint'),
    cause,
  });
}
