/**
 * The one door to folders that other people may write into. A path is looked up again at every call, and its owner can
 * exchange any part of it for a link in between. Here a folder is opened once, one name at a time and never through a link,
 * and names are acted on below its descriptor (Linux: `/proc/self/fd/N/name`), wherever its path leads by then.
 * Elsewhere the path is looked at before and after each act instead, which leaves a short gap. docs/security.md
 */
import type { BigIntStats, Dirent } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ShrinkError } from '../../core/errors.ts';
import { type Pin, samePin } from '../../core/job.ts';
import type { Sentence } from '../../core/message.ts';
import { say } from '../../messages/say.ts';
import type { Logger } from '../log.ts';
import { syncHandle } from './durable.ts';
import {
  errnoOf,
  type Files,
  type InputFile,
  type OpenFile,
  pinFrom,
  type Readable,
  throughDescriptor,
} from './files.ts';

/**
 * A regular file that was opened for reading. It stays the same file, for us and for children, whatever its path leads to by
 * then. Children may outlive `close`.
 */
export interface HeldFile extends InputFile, Readable {
  /** Its identity when it was opened. */
  readonly pin: Pin;
  /**
   * Whether the name it was opened by is gone, and no other name of it went instead. True where link counts are: not on
   * network and FUSE mounts, nor for what an overlay shows of its lower layers.
   */
  hasLostName(): Promise<boolean>;
  /** Makes its bytes durable, whoever wrote them. If the file system cannot, that is logged once. */
  sync(log: Logger): Promise<void>;
  close(): Promise<void>;
}

/**
 * A folder that was opened. A name is a single one: `bad-name` is thrown for '', '.', '..', and for one with '/' or NUL.
 * All calls reject with Node's errno errors, in which the path is the person's, unless they say otherwise.
 */
export interface HeldFolder {
  /** For messages and records. Nothing is opened by it. */
  readonly path: string;
  /** The folder's own identity. */
  stat(): Promise<BigIntStats>;
  /** Its identity and those of all folders above it, up to `/`; never empty. */
  ancestry(): Promise<BigIntStats[]>;
  /** @throws ShrinkError `changed-underneath` with the reason if it is something else, a link above all. */
  folder(name: string): Promise<HeldFolder>;
  /** The folder that a link leads to. Where that is has to be seen from its `ancestry`. */
  linkedFolder(name: string): Promise<HeldFolder>;
  /**
   * Never waits for the other end of a pipe.
   * @param pin what the file must still be
   * @throws ShrinkError `changed-underneath` with the reason if it is something else, or not the file of the pin.
   */
  file(name: string, pin?: Pin): Promise<HeldFile>;
  /** A link is not followed. */
  lstat(name: string): Promise<BigIntStats>;
  list(): Promise<Dirent[]>;
  /** Makes a folder. */
  make(name: string): Promise<void>;
  /** Makes a file that must not exist yet. */
  create(name: string, mode?: number): Promise<OpenFile>;
  /** To go on writing a regular file; whether it is the one that was meant, the caller sees from its `stat`. */
  again(name: string): Promise<OpenFile>;
  link(name: string, to: HeldFolder, as: string): Promise<void>;
  /** Replaces what `to` has under that name silently, as rename(2) does. */
  rename(name: string, to: HeldFolder, as: string): Promise<void>;
  unlink(name: string): Promise<void>;
  /** Makes names that were made, renamed or removed here durable. With a log, a file system that cannot is logged once. */
  sync(log?: Logger): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a folder as its owner configured it, links in its path included, and then one folder per part, never through a link.
 * @param parts names below `root`
 */
export async function openFolder(root: string, parts: readonly string[], files: Files): Promise<HeldFolder> {
  let folder: HeldFolder = await Folder.root(root, files);
  for (const part of parts) {
    const above = folder;
    folder = await above.folder(part).finally(() => above.close());
  }
  return folder;
}

/**
 * Opens the file at `names` below a configured folder: the names of folders, and its own.
 * @throws ShrinkError `changed-underneath` as `HeldFolder.file` does; otherwise Node's errno errors.
 */
export async function openBelow(root: string, names: readonly string[], files: Files, pin?: Pin): Promise<HeldFile> {
  const parts = [...names];
  const name = parts.pop() ?? '';
  const folder = await openFolder(root, parts, files);
  return await folder.file(name, pin).finally(() => folder.close());
}

/** Where descriptors lead nowhere: how to see that a folder is still the one that was opened. */
interface Seen {
  path: string;
  stats: BigIntStats;
  above: Seen | undefined;
}

class Folder implements HeldFolder {
  readonly path: string;
  readonly #files: Files;
  readonly #handle: OpenFile;
  readonly #seen: Seen;

  private constructor(files: Files, handle: OpenFile, seen: Seen) {
    this.path = seen.path;
    this.#files = files;
    this.#handle = handle;
    this.#seen = seen;
  }

  static async root(path: string, files: Files): Promise<Folder> {
    const handle = await files.open(path, 'root');
    return new Folder(files, handle, { path, stats: await statOrClose(handle), above: undefined });
  }

  stat(): Promise<BigIntStats> {
    return this.#handle.stat();
  }

  async ancestry(): Promise<BigIntStats[]> {
    const chain = [await this.stat()];
    // Not join(): that would resolve `x/..` as text, and only the kernel knows where a link leads.
    for (let at = throughDescriptor(this.#handle.fd) ?? this.path; ; ) {
      at = `${at}/..`;
      const above = await this.#by(at, this.path, () => this.#files.stat(at));
      const last = chain.at(-1);
      if (last?.dev === above.dev && last.ino === above.ino) return chain;
      chain.push(above);
    }
  }

  linkedFolder(name: string): Promise<HeldFolder> {
    return this.#at(name, async at => {
      const handle = await this.#files.open(at, 'root');
      return new Folder(this.#files, handle, {
        path: this.#pathOf(name),
        stats: await statOrClose(handle),
        above: undefined,
      });
    });
  }

  async folder(name: string): Promise<HeldFolder> {
    const path = this.#pathOf(name);
    try {
      return await this.#at(name, async at => {
        const handle = await this.#files.open(at, 'folder');
        return new Folder(this.#files, handle, { path, stats: await statOrClose(handle), above: this.#seen });
      });
    } catch (error) {
      if (!NOT_THAT.has(errnoOf(error) ?? '')) throw error;
      throw otherThan('folder', path, await this.lstat(name)) ?? exchanged('files.folder-exchanged', path);
    }
  }

  async file(name: string, pin?: Pin): Promise<HeldFile> {
    const path = this.#pathOf(name);
    // Opening a device may do something to it.
    const refusal = otherThan('file', path, await this.lstat(name));
    if (refusal) throw refusal;
    try {
      return await this.#at(name, async at => held(path, await this.#files.open(at, 'source'), pin));
    } catch (error) {
      if (!NOT_THAT.has(errnoOf(error) ?? '')) throw error;
      throw otherThan('file', path, await this.lstat(name)) ?? exchanged('files.not-the-same-file', path);
    }
  }

  lstat(name: string): Promise<BigIntStats> {
    return this.#at(name, at => this.#files.lstat(at));
  }

  list(): Promise<Dirent[]> {
    return this.#by(throughDescriptor(this.#handle.fd) ?? this.path, this.path, at => this.#files.readdir(at));
  }

  make(name: string): Promise<void> {
    return this.#at(name, at => this.#files.mkdir(at));
  }

  create(name: string, mode = 0o666): Promise<OpenFile> {
    return this.#at(name, at => this.#files.open(at, 'wx', mode));
  }

  async again(name: string): Promise<OpenFile> {
    const refusal = otherThan('file', this.#pathOf(name), await this.lstat(name));
    if (refusal) throw refusal;
    return this.#at(name, at => this.#files.open(at, 'again'));
  }

  link(name: string, to: HeldFolder, as: string): Promise<void> {
    return this.#at(name, from => asFolder(to).#at(as, at => this.#files.link(from, at)));
  }

  rename(name: string, to: HeldFolder, as: string): Promise<void> {
    return this.#at(name, from => asFolder(to).#at(as, at => this.#files.rename(from, at)));
  }

  unlink(name: string): Promise<void> {
    return this.#at(name, at => this.#files.unlink(at));
  }

  sync(log?: Logger): Promise<void> {
    return log ? syncHandle(this.#handle, this.path, log) : this.#handle.sync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  #pathOf(name: string): string {
    if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) {
      throw new ShrinkError('bad-name', say('files.not-a-name', { name, path: this.path }), { subject: this.path });
    }
    return join(this.path, name);
  }

  async #at<T>(name: string, act: (at: string) => Promise<T>): Promise<T> {
    const path = this.#pathOf(name);
    const through = throughDescriptor(this.#handle.fd);
    return this.#by(through === undefined ? path : `${through}/${name}`, path, act);
  }

  /** Does it by `at`, and says `path` in errors. */
  async #by<T>(at: string, path: string, act: (at: string) => Promise<T>): Promise<T> {
    const isByPath = at === path;
    if (isByPath) await mustBeTheSame(this.#seen, this.#files);
    const result = await act(at).catch(error => {
      throw naming(error, at, path);
    });
    if (isByPath) await mustBeTheSame(this.#seen, this.#files).catch(error => closing(result, error));
    return result;
  }
}

/** There is one kind of held folder; the interface keeps others from making one. */
function asFolder(folder: HeldFolder): Folder {
  if (!(folder instanceof Folder)) throw new TypeError('not a folder that was opened here');
  return folder;
}

/** What opening says of a link, or of a file where a folder is asked for. */
const NOT_THAT: ReadonlySet<string> = new Set(['ENOTDIR', 'ELOOP', 'EMLINK', 'ENXIO']);

async function held(path: string, handle: OpenFile, pin: Pin | undefined): Promise<HeldFile> {
  const stats = await statOrClose(handle);
  const now = pinFrom(stats);
  const isOther = pin !== undefined && !samePin(pin, now);
  const refusal = otherThan('file', path, stats) ?? (isOther ? exchanged('files.not-the-same-file', path) : undefined);
  if (refusal) {
    await handle.close().catch(() => {});
    throw refusal;
  }
  const { fd, read, stat, close } = handle;
  return {
    ...{ path, pin: now, fd, read, stat, close },
    open: async () => ({ path, read, stat, close: async () => {} }),
    async hasLostName() {
      const { nlink } = await stat();
      const name = fd === undefined ? undefined : await readlink(throughDescriptor(fd));
      return nlink < stats.nlink && name?.endsWith(' (deleted)') !== false;
    },
    sync: log => syncHandle(handle, path, log),
  };
}

async function statOrClose(handle: OpenFile): Promise<BigIntStats> {
  try {
    return await handle.stat();
  } catch (error) {
    await handle.close().catch(() => {});
    throw error;
  }
}

/** The refusal of anything but what is wanted, which is never opened. */
function otherThan(wanted: 'file' | 'folder', path: string, stats: BigIntStats): ShrinkError | undefined {
  if (wanted === 'file' ? stats.isFile() : stats.isDirectory()) return undefined;
  return new ShrinkError('changed-underneath', whatItIs(path, stats), { subject: path });
}

function exchanged(code: 'files.folder-exchanged' | 'files.not-the-same-file', path: string): ShrinkError {
  return new ShrinkError('changed-underneath', say(code, { path }), { subject: path });
}

function whatItIs(path: string, stats: BigIntStats): Sentence {
  if (stats.isSymbolicLink()) return say('files.is-link', { path });
  if (stats.isDirectory()) return say('files.is-folder', { path });
  if (stats.isFile()) return say('files.not-a-folder', { path });
  if (stats.isFIFO()) return say('files.is-pipe', { path });
  if (stats.isSocket()) return say('files.is-socket', { path });
  return say('files.is-device', { path });
}

async function mustBeTheSame(seen: Seen, files: Files): Promise<void> {
  for (let each: Seen | undefined = seen; each; each = each.above) {
    // Links above and at a configured folder are its owner's word.
    const now = each.above ? await files.lstat(each.path) : await files.stat(each.path);
    if (now.isDirectory() && now.dev === each.stats.dev && now.ino === each.stats.ino) continue;
    throw exchanged('files.folder-exchanged', each.path);
  }
}

/** What was opened in another folder than it should have been. */
async function closing(opened: unknown, error: unknown): Promise<never> {
  if (opened !== null && typeof opened === 'object' && 'close' in opened) {
    await (opened as Pick<OpenFile, 'close'>).close().catch(() => {});
  }
  throw error;
}

/** The person's path in place of the one that was used, in what Node says. */
function naming(error: unknown, at: string, path: string): unknown {
  if (at !== path && error instanceof Error) error.message = error.message.replaceAll(at, () => path);
  return error;
}
