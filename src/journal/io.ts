import { type FileHandle, open, readdir, rename, unlink } from 'node:fs/promises';
import { MAX_WRITE_BYTES } from './records.ts';

/** Everything the journal does to a disk; few calls, so that a test can make each of them fail in turn. */
export interface JournalFiles {
  /** Names in a directory. */
  list(dir: string): Promise<string[]>;
  /** `read` and `update` need an existing file, `create` (0600) one that does not exist yet. */
  open(path: string, mode: 'read' | 'update' | 'create'): Promise<JournalFile>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Makes names that were created, renamed or removed in `dir` durable. */
  syncDir(dir: string): Promise<void>;
}

export interface JournalFile {
  /** Bytes read, fewer than `into` only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Bytes written. Fewer than requested means a full disk or a limit; the caller must check. */
  write(bytes: Uint8Array, position: number): Promise<number>;
  truncate(length: number): Promise<void>;
  /** Also rejects if the file was deleted meanwhile: nobody will ever read its content. */
  datasync(): Promise<void>;
  close(): Promise<void>;
}

const FLAGS = { read: 'r', update: 'r+', create: 'wx+' } as const;

export const realJournalFiles: JournalFiles = {
  list: dir => readdir(dir),
  async open(path, mode) {
    const handle = await open(path, FLAGS[mode], 0o600);
    try {
      return new RealFile(handle, await hasName(handle));
    } catch (error) {
      await handle.close();
      throw error;
    }
  },
  rename,
  unlink,
  async syncDir(dir) {
    const handle = await open(dir, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

async function hasName(handle: FileHandle): Promise<boolean> {
  return (await handle.stat()).nlink > 0;
}

class RealFile implements JournalFile {
  readonly #handle: FileHandle;
  /** Whether this file system counts links at all. */
  readonly #namesCount: boolean;

  constructor(handle: FileHandle, namesCount: boolean) {
    this.#handle = handle;
    this.#namesCount = namesCount;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const { bytesRead } = await this.#handle.read(into, filled, into.length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    return (await this.#handle.write(bytes, 0, bytes.length, position)).bytesWritten;
  }

  truncate(length: number): Promise<void> {
    return this.#handle.truncate(length);
  }

  async datasync(): Promise<void> {
    await this.#handle.datasync();
    if (!this.#namesCount || (await hasName(this.#handle))) return;
    throw Object.assign(new Error('it was deleted while shrinkbox was writing to it'), { code: 'ENOENT' });
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** A read or write that moved fewer bytes than asked for: a full disk, a file size limit, a file that shrank. */
export class ShortIoError extends Error {
  override readonly name = 'ShortIoError';
  readonly code = 'ESHORT';
}

/** The rest of a short write is never retried: the next start decides what the disk holds. @throws ShortIoError */
export async function writeWhole(file: JournalFile, bytes: Buffer, position: number): Promise<void> {
  const written = await file.write(bytes, position);
  if (written !== bytes.length) throw new ShortIoError(`only ${written} of ${bytes.length} bytes were written`);
}

export async function readWhole(file: JournalFile, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const got = await file.read(bytes, position);
  if (got !== length) throw new ShortIoError(`only ${got} of ${length} bytes were read`);
  return bytes;
}

const CHUNK_BYTES = 1024 * 1024;

/**
 * Calls `visit` for every line of a file, in order, without its newline. The last one may lack the newline (then `whole` is
 * false); a line longer than MAX_WRITE_BYTES is cut there, which is not whole either, and ends the scan: no record is as
 * long. Memory is that of the longest line; the bytes are only valid during the call.
 */
export async function scanLines(
  file: JournalFile,
  visit: (line: Buffer, offset: number, whole: boolean) => void,
): Promise<void> {
  let buffer: Buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  /** File offset of the first byte in `buffer`, and how many bytes there belong to a line not yet complete. */
  let base = 0;
  let held = 0;
  for (;;) {
    if (held === buffer.length) buffer = grown(buffer);
    const got = await file.read(buffer.subarray(held), base + held);
    const filled = buffer.subarray(0, held + got);
    let start = 0;
    let newline = filled.indexOf(0x0a, held);
    while (newline !== -1) {
      visit(filled.subarray(start, newline), base + start, true);
      start = newline + 1;
      newline = filled.indexOf(0x0a, start);
    }
    held = filled.length - start;
    base += start;
    const ended = got === 0 || held > MAX_WRITE_BYTES;
    if (ended && held > 0) visit(filled.subarray(start), base, false);
    if (ended) return;
    buffer.copyWithin(0, start, filled.length);
  }
}

function grown(buffer: Buffer): Buffer {
  const larger = Buffer.allocUnsafe(buffer.length * 2);
  buffer.copy(larger);
  return larger;
}
