/**
 * Where something may be put: an outbox (or archive) that is really there, and sub-folders that stay inside it.
 * Containment is decided by device and inode on the way up to `/`, not by comparing paths: links and bind mounts give one
 * folder two paths.
 */
import { join } from 'node:path';
import { fileError } from '../platform/files/file-error.ts';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { syncDir } from '../platform/files/durable.ts';
import { errnoOf, type Files, lstatIfThere } from '../platform/files/files.ts';
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
}

/** Records which folder `path` is now. @throws ShrinkError `unavailable` if it is missing or not a folder. */
export async function identityOf(path: string, files: Files): Promise<FolderIdentity> {
  const [own, ...above] = await ancestry(path, files);
  const under = above.find(folder => folder.dev !== own.dev);
  return { ...own, under: under?.dev };
}

/**
 * @throws ShrinkError `unavailable` if the folder is missing or no longer the recorded one, as with an empty mount point.
 * A share that was mounted again has a new device number and the same inode; it counts as the same folder.
 */
export async function checkRoot(root: DeliveryRoot, files: Files): Promise<[FolderInode, ...FolderInode[]]> {
  const chain = await ancestry(root.path, files);
  if (!root.identity || isSameFolder(root.identity, chain[0])) return chain;
  throw new ShrinkError('unavailable', say('deliver.folder-replaced', { path: root.path }), {
    subject: root.path,
    hint: say('deliver.folder-replaced-hint'),
  });
}

export function isSameFolder(recorded: FolderIdentity, now: FolderInode): boolean {
  if (recorded.ino !== now.ino) return false;
  return recorded.dev === now.dev || (recorded.under !== undefined && recorded.under !== now.dev);
}

/**
 * The folder for `parts` below the root, created if missing, each new one durable in its parent.
 * @throws ShrinkError `unavailable` (root gone), `denied` (a file in the way, a link that leads out of the root, a forbidden
 * folder), `no-space`, ...
 */
export async function ensureFolder(
  root: DeliveryRoot,
  parts: readonly string[],
  options: FolderOptions,
): Promise<string> {
  const { files } = options;
  const rootChain = await checkRoot(root, files);
  const forbidden = await identities(options.forbidden ?? [], files);
  refuseForbidden(rootChain, forbidden, root.path);
  let folder = root.path;
  for (const part of parts) {
    folder = await enter(folder, part, options);
    const chain = await ancestry(folder, files);
    const rootAt = chain.findIndex(inode => isSame(inode, rootChain[0]));
    if (rootAt < 0) throw refused(folder, say('deliver.link-out', { root: root.path }));
    refuseForbidden(chain.slice(0, rootAt), forbidden, folder);
  }
  return folder;
}

/** Names in a folder by collision key, to see what a new name would clash with. */
export async function namesIn(folder: string, files: Files): Promise<Map<string, string>> {
  const entries = await inFolder('listing', folder, () => files.readdir(folder));
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

/** Wraps errors in a folder that exists: if a path is gone there, the disk is, not the source. */
export async function inFolder<T>(operation: FolderOperation, path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw unavailableIfGone(fileError(error, say(`deliver.${operation}`, { path }), path), path);
  }
}

/** `gone` ends a job, because its source is gone; a missing folder of ours is waited for. */
export function unavailableIfGone(error: unknown, folder: string): unknown {
  if (!isShrinkError(error, 'gone')) return error;
  return missing(folder, error);
}

async function enter(parent: string, part: string, options: FolderOptions): Promise<string> {
  const { files, log } = options;
  return inFolder('making', join(parent, part), async () => {
    const path = join(parent, await existingName(parent, part, options));
    const found = await lstatIfThere(path, files);
    if (!found) {
      await makeDir(path, files);
      await syncDir(parent, files, log);
    } else if (!found.isDirectory() && !(found.isSymbolicLink() && (await leadsToFolder(path, files)))) {
      throw refused(path, say('deliver.not-a-folder'));
    }
    return path;
  });
}

/** The existing name in `parent` that equals `part` up to case and accents; otherwise `part` itself. */
async function existingName(parent: string, part: string, { files, portable }: FolderOptions): Promise<string> {
  if (portable === false || (await lstatIfThere(join(parent, part), files))) return part;
  return (await namesIn(parent, files)).get(collisionKey(part)) ?? part;
}

async function leadsToFolder(link: string, files: Files): Promise<boolean> {
  try {
    return (await files.stat(link)).isDirectory();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ELOOP') return false;
    throw error;
  }
}

async function makeDir(path: string, files: Files): Promise<void> {
  try {
    await files.mkdir(path);
  } catch (error) {
    // Another job was faster.
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
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
    const inode = { dev: String(stats.dev), ino: String(stats.ino) };
    const [first, ...others] = chain;
    if (first && isSame(chain.at(-1), inode)) return [first, ...others];
    chain.push(inode);
  }
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

function refuseForbidden(chain: readonly FolderInode[], forbidden: readonly FolderInode[], path: string): void {
  if (chain.some(inode => forbidden.some(other => isSame(inode, other)))) {
    throw refused(path, say('deliver.forbidden'));
  }
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
