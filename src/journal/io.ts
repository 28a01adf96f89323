import { type FileHandle, open, readdir, rename, unlink } from 'node:fs/promises';

/** The few things the journal does to a disk; small, so that a test can fail each of them in turn. */
export interface JournalFiles {
  /** Names in a directory. */
  list(dir: string): Promise<string[]>;
  /** `read` and `update` want an existing file, `create` (0600) one that does not exist yet. */
  open(path: string, mode: 'read' | 'update' | 'create'): Promise<JournalFile>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Makes names that were created, renamed or removed in `dir` durable. */
  syncDir(dir: string): Promise<void>;
}

export interface JournalFile {
  /** Bytes read, fewer than `into` only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Bytes written. Fewer than asked for means a full disk or a limit; the caller must look. */
  write(bytes: Uint8Array, position: number): Promise<number>;
  truncate(length: number): Promise<void>;
  /** Rejects, too, when the file was deleted meanwhile: what is in it now nobody will ever read. */
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
  /** Whether this file system counts names at all. */
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
    throw Object.assign(new Error('somebody deleted it'), { code: 'ENOENT' });
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
