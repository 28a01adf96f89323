/**
 * What survives a power cut: files written, copied, replaced and synced so that a name never leads to half a file. The
 * journal does not use this: a failed fsync ends it, and it accepts no leniency from a file system.
 */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { ShrinkError } from '../../core/errors.ts';
import { say } from '../../messages/say.ts';
import type { Logger } from '../log.ts';
import { cancelled, CHUNK, doing, errnoOf, type Files, type OpenFile, type Readable, unlinkQuietly } from './files.ts';

export interface Durably {
  files: Files;
  log: Logger;
  /** Permission bits of a new file, less the umask (default 0666). */
  mode?: number;
}

/** Where a file is to be made: a name in a held folder (entry.ts), or a path. */
export interface NewFile {
  /** For messages. */
  readonly path: string;
  create(mode?: number): Promise<OpenFile>;
  unlinkQuietly(): Promise<void>;
}

/** A file to be made in a folder of ours alone, by its path. */
export function newFile(path: string, files: Files): NewFile {
  return {
    path,
    create: mode => files.open(path, 'wx', mode),
    unlinkQuietly: () => unlinkQuietly(path, files),
  };
}

/**
 * Writes a file that must not exist yet and syncs it; its name is durable once its folder is synced. Nothing is left after a
 * failure.
 * @throws errno errors as they are, `EEXIST` if the name is taken.
 */
export async function createDurably(to: NewFile, content: string | Buffer, options: Omit<Durably, 'files'>) {
  const { log, mode = 0o666 } = options;
  const file = await to.create(mode);
  try {
    await writeAll(file, Buffer.from(content), 0);
    await syncHandle(file, to.path, log);
    await file.close();
  } catch (error) {
    await file.close().catch(() => {});
    await to.unlinkQuietly();
    throw error;
  }
}

/**
 * Writes a file, or replaces it as a whole: after a crash it has the old content or the new, never a part.
 * @throws errno errors as they are.
 */
export async function replaceDurably(path: string, content: string | Buffer, options: Durably): Promise<void> {
  const { files, log } = options;
  const temp = `${path}.new`;
  // One that a crash left behind.
  await unlinkQuietly(temp, files);
  await createDurably(newFile(temp, files), content, options);
  await files.rename(temp, path);
  await syncDir(dirname(path), files, log);
}

/** Writes all of `bytes` at `position`, in as many calls as the file system needs. @returns the position after them. */
export async function writeAll(file: Pick<OpenFile, 'write'>, bytes: Buffer, position: number): Promise<number> {
  // A full disk announces itself by a short write; only the next call fails.
  for (let written = 0; written < bytes.length; ) {
    written += (await file.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
  }
  return position + bytes.length;
}

/** Makes names created, renamed or removed in `dir` durable. If a file system cannot, that is logged once. */
export async function syncDir(dir: string, files: Files, log: Logger): Promise<void> {
  const handle = await files.open(dir, 'r');
  try {
    await syncHandle(handle, dir, log);
  } finally {
    await handle.close();
  }
}

const warned = new WeakSet<Logger>();

/** Makes what was written to an open file durable. */
export async function syncHandle(handle: OpenFile, path: string, log: Logger): Promise<void> {
  try {
    await handle.sync();
  } catch (error) {
    // Some FUSE and SMB mounts have no fsync, above all for folders; every other error means the data may be lost.
    if (!NO_SYNC.has(errnoOf(error) ?? '')) throw error;
    if (warned.has(log)) return;
    warned.add(log);
    log.warn({ path, errno: errnoOf(error) }, 'file system cannot sync; a power cut may lose the newest files there');
  }
}

const NO_SYNC: ReadonlySet<string> = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

export interface CopyOptions {
  log: Logger;
  signal?: AbortSignal | undefined;
  /** Bytes written so far. */
  onProgress?: ((bytes: number) => void) | undefined;
  /** Set on the copy before it is synced; it is not an error if the file system refuses. */
  mtimeMs?: number | undefined;
  /**
   * Exact permission bits, or what finds them out once all bytes are there; until then only we may read the copy. If absent, 0666
   * less the umask, or what the folder's default ACL says.
   */
  mode?: number | ((copy: OpenFile) => Promise<number>) | undefined;
}

/**
 * Copies an open file to a name that must not exist yet, durable when it resolves. The copy is created in its folder, so that
 * owner group (setgid), ACL and label are the folder's, which a link or rename from elsewhere would not get.
 * On any error the copy is removed.
 * @returns size and identity of the copy, and the digest (hex sha256) of the bytes that were read.
 * @throws ShrinkError `no-space`, `changed-underneath` (length differs from what was opened), `cancelled`, ...
 */
export async function copyInto(
  from: Readable,
  dest: NewFile,
  options: CopyOptions,
): Promise<{ bytes: number; ino: string; sha256: string }> {
  const mode = options.mode === undefined ? 0o666 : 0o600;
  const to = { path: dest.path, file: await doing('creating', dest.path, () => dest.create(mode)) };
  try {
    const sha256 = await pump(from, to, options);
    await doing('dating', dest.path, () => stamp(to, options));
    await doing('syncing', dest.path, () => syncHandle(to.file, dest.path, options.log));
    const written = await doing('identifying', dest.path, () => to.file.stat());
    await doing('closing', dest.path, () => to.file.close());
    return { bytes: Number(written.size), ino: String(written.ino), sha256 };
  } catch (error) {
    await to.file.close().catch(() => {});
    await dest.unlinkQuietly();
    throw error;
  }
}

interface Opened {
  path: string;
  file: OpenFile;
}

async function pump(from: Readable, to: Opened, { signal, onProgress }: CopyOptions): Promise<string> {
  const expected = Number((await doing('identifying', from.path, () => from.stat())).size);
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK);
  let done = 0;
  for (;;) {
    if (signal?.aborted) throw cancelled(to.path);
    const { bytesRead } = await doing('reading', from.path, () => from.read(buffer, 0, CHUNK, done));
    if (bytesRead === 0) break;
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    done = await doing('writing', to.path, () => writeAll(to.file, chunk, done));
    onProgress?.(done);
  }
  if (done !== expected) {
    const message = say('files.copy-changed', { path: from.path, before: expected, after: done });
    throw new ShrinkError('changed-underneath', message, { subject: from.path });
  }
  return hash.digest('hex');
}

async function stamp({ file, path }: Opened, { mtimeMs, mode, log }: CopyOptions): Promise<void> {
  try {
    const bits = typeof mode === 'function' ? await mode(file) : mode;
    if (bits !== undefined) await file.chmod(bits);
    if (mtimeMs !== undefined) await file.utimes(mtimeMs / 1000, mtimeMs / 1000);
  } catch (error) {
    if (!NO_METADATA.has(errnoOf(error) ?? '')) throw error;
    log.warn({ path, errno: errnoOf(error) }, 'file system does not take dates or permissions');
  }
}

/** What FAT, SMB and FUSE mounts answer to chmod and utimes by somebody they don't regard as the owner. */
const NO_METADATA: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL']);
