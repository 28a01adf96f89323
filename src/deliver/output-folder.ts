/**
 * Where something may be put: the outbox (or archive) that is really there, and mirrored sub-folders inside it that don't
 * lead anywhere else. What is inside what is decided by device and inode on the way up to `/`, not by comparing paths:
 * links and bind mounts make two paths of one folder.
 */
import { join } from 'node:path';
import { fileError } from '../platform/files/file-error.ts';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import { syncDir } from '../platform/files/durable.ts';
import { errnoOf, type Files, lstatIfThere } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import { collisionKey } from './safe-names.ts';

export interface FolderIdentity {
  dev: string;
  ino: string;
  /** Device of the file system the folder's own one is mounted on; absent where it is on the root file system. */
  under?: string;
}

export interface DeliveryRoot {
  /** Absolute path of the outbox or archive; may itself be a symbolic link. */
  path: string;
  /** As recorded when the daemon started; absent: whatever is there is taken. */
  identity?: FolderIdentity | undefined;
}

export interface FolderOptions {
  files: Files;
  log: Logger;
  /** Existing sub-folders that differ only in case or accents are used instead of a twin; the default. */
  portable?: boolean | undefined;
  /** Folders nothing may ever be put into: inboxes, the state directory. */
  forbidden?: readonly string[] | undefined;
}

/** Records which folder `path` is now. @throws ShrinkError `unavailable` where it is missing or not a folder. */
export async function identityOf(path: string, files: Files): Promise<FolderIdentity> {
  const [own, ...above] = await ancestry(path, files);
  const under = above.find(folder => folder.dev !== own.dev);
  return { ...own, ...(under ? { under: under.dev } : {}) };
}

/**
 * @throws ShrinkError `unavailable` where the folder is missing or no longer the recorded one, as an empty mount point is.
 * A share that was mounted again has a new device number and the same inode; that is the same folder.
 */
export async function checkRoot(root: DeliveryRoot, files: Files): Promise<[FolderInode, ...FolderInode[]]> {
  const chain = await ancestry(root.path, files);
  if (!root.identity || isSameFolder(root.identity, chain[0])) return chain;
  throw new ShrinkError('unavailable', `${root.path} is not the folder it was: unmounted, or replaced by another`, {
    doing: 'checking the folder',
    subject: root.path,
    hint: 'Mount the disk or share again; if the folder was replaced on purpose, restart shrinkbox.',
  });
}

export function isSameFolder(recorded: FolderIdentity, now: FolderInode): boolean {
  if (recorded.ino !== now.ino) return false;
  return recorded.dev === now.dev || (recorded.under !== undefined && recorded.under !== now.dev);
}

/**
 * The folder for `parts` below the root, made where it is missing, each new one durable in its parent.
 * @throws ShrinkError `unavailable` (root gone), `denied` (a file in the way, a link that leaves the root, a forbidden
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
    const rootAt = chain.findIndex(place => isSame(place, rootChain[0]));
    if (rootAt < 0) throw refused(folder, `it is a link that leads out of ${root.path}`);
    refuseForbidden(chain.slice(0, rootAt), forbidden, folder);
  }
  return folder;
}

/** Names in a folder by collision key, to see what a new name would clash with. */
export async function namesIn(folder: string, files: Files): Promise<Map<string, string>> {
  const entries = await inFolder('listing', folder, () => files.readdir(folder));
  return new Map(entries.map(entry => [collisionKey(entry.name), entry.name]));
}

/** Wraps errors of acts inside a folder that exists: a path that is gone there means that the disk is, not the source. */
export async function inFolder<T>(what: string, path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw unavailableIfGone(fileError(error, `${what} ${path}`, path), path);
  }
}

/** `gone` is about a source; where the thing gone is our own folder, waiting for it is right. */
export function unavailableIfGone(error: unknown, folder: string): unknown {
  if (!isShrinkError(error, 'gone')) return error;
  return missing(folder, error);
}

async function enter(parent: string, part: string, options: FolderOptions): Promise<string> {
  const { files, log } = options;
  return inFolder('making the folder', join(parent, part), async () => {
    const path = join(parent, await existingName(parent, part, options));
    const found = await lstatIfThere(path, files);
    if (!found) {
      await makeDir(path, files);
      await syncDir(parent, files, log);
    } else if (!found.isDirectory() && !(found.isSymbolicLink() && (await leadsToFolder(path, files)))) {
      throw refused(path, 'something that is not a folder has that name');
    }
    return path;
  });
}

/** The name `part` has in `parent` already, up to case and accents; `part` itself where there is none. */
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
    // Another job of ours was faster.
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

type FolderInode = Pick<FolderIdentity, 'dev' | 'ino'>;

/**
 * Identities of the folder and of everything above it, up to `/`; never empty.
 * @throws ShrinkError `unavailable` where it is missing, or not a folder.
 */
async function ancestry(path: string, files: Files): Promise<[FolderInode, ...FolderInode[]]> {
  const chain: FolderInode[] = [];
  // Not join(): that would cut `x/..` textually, and the kernel's answer for a link is the one that counts.
  for (let at = path; ; at = `${at}/..`) {
    const stats = await inFolder('looking at', path, () => files.stat(at));
    if (!stats.isDirectory()) throw missing(path);
    const place = { dev: String(stats.dev), ino: String(stats.ino) };
    const [first, ...others] = chain;
    if (first && isSame(chain.at(-1), place)) return [first, ...others];
    chain.push(place);
  }
}

/** Of those that exist. */
async function identities(paths: readonly string[], files: Files): Promise<FolderInode[]> {
  const found = paths.map(async path => {
    try {
      return [(await ancestry(path, files))[0]];
    } catch (error) {
      if (isShrinkError(error, 'unavailable')) return [];
      throw error;
    }
  });
  return (await Promise.all(found)).flat();
}

function refuseForbidden(chain: readonly FolderInode[], forbidden: readonly FolderInode[], path: string): void {
  if (chain.some(place => forbidden.some(other => isSame(place, other)))) {
    throw refused(path, 'it is inside an inbox or the state directory');
  }
}

function isSame(a: FolderInode | undefined, b: FolderInode): boolean {
  return a?.dev === b.dev && a.ino === b.ino;
}

function refused(path: string, why: string): ShrinkError {
  return new ShrinkError('denied', `Nothing can be put into ${path}: ${why}`, {
    doing: 'choosing the folder',
    subject: path,
    hint: 'Move or rename what is there, or change the output template or the outbox of the folder.',
  });
}

function missing(path: string, cause?: unknown): ShrinkError {
  return new ShrinkError('unavailable', `${path} is missing`, {
    doing: 'checking the folder',
    subject: path,
    hint: 'Mount the disk or share, or make the folder; shrinkbox goes on by itself.',
    ...(cause === undefined ? {} : { cause }),
  });
}
