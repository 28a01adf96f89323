import * as fs from 'node:fs';
import type { Clock } from '../platform/clock.ts';
import type { FsKind } from '../platform/files/fs-types.ts';
import { MountGuard } from '../platform/files/hang-guard.ts';
import type { FileStat } from './file-id.ts';

/** What lstat said of one path: gone, a stat, or why it would not tell. */
export type Looked = FileStat | undefined | NodeJS.ErrnoException;

export interface OpenedFile {
  stat(): Promise<FileStat>;
  read(offset: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

/**
 * File access for watching; opens for reading only. Local disks are asked synchronously (14 times faster than promises for
 * 100,000 files) and the loop gets its turn every few milliseconds; anything that may hang is asked in the thread pool, one
 * call at a time per mount and with a deadline. Rejects with Node's errors, or `unavailable` where a mount does not answer.
 */
export interface Disk {
  list(dir: string): Promise<string[]>;
  listRaw(dir: string): Promise<Buffer[]>;
  lstat(paths: readonly (string | Buffer)[]): Promise<Looked[]>;
  /** Follows symbolic links. */
  stat(path: string): Promise<FileStat>;
  realpath(path: string): Promise<string>;
  readlink(path: string): Promise<string>;
  /** Never follows a symbolic link, never waits for the other end of a pipe. */
  open(path: string): Promise<OpenedFile>;
}

const OPEN_FLAGS = fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0);

/** Hands out the disk for a kind of file system; `mountPoint` names what hangs together. */
export class Disks {
  readonly local: Disk;
  private readonly clock: Clock;
  private readonly answerMs: number;
  private readonly guards = new Map<string, { guard: MountGuard; disk: Disk }>();

  constructor(clock: Clock, answerMs: number) {
    this.clock = clock;
    this.answerMs = answerMs;
    this.local = localDisk(clock);
  }

  for(kind: FsKind, mountPoint: string): Disk {
    if (!kind.polled) return this.local;
    let known = this.guards.get(mountPoint);
    if (!known) {
      const guard = new MountGuard(mountPoint, this.clock, this.answerMs);
      known = { guard, disk: remoteDisk(guard) };
      this.guards.set(mountPoint, known);
    }
    return known.disk;
  }

  /** Gives up on every call that has not come back. */
  abandon(): void {
    for (const { guard } of this.guards.values()) guard.abandon();
  }
}

/** How long synchronous work may keep the event loop from everybody else, ms. */
const SLICE_MS = 8;

function localDisk(clock: Clock): Disk {
  let sliceStart = clock.monotonic();
  async function breathe(): Promise<void> {
    if (clock.monotonic() - sliceStart < SLICE_MS) return;
    await new Promise(resolve => setImmediate(resolve));
    sliceStart = clock.monotonic();
  }
  return {
    async list(dir) {
      await breathe();
      return fs.readdirSync(dir);
    },
    async listRaw(dir) {
      await breathe();
      return fs.readdirSync(dir, { encoding: 'buffer' });
    },
    async lstat(paths) {
      const looked: Looked[] = [];
      for (const path of paths) {
        if (looked.length % 64 === 0) await breathe();
        looked.push(lookSync(path));
      }
      return looked;
    },
    stat: async path => fs.statSync(path, { bigint: true }),
    realpath: async path => fs.realpathSync(path),
    readlink: async path => fs.readlinkSync(path),
    async open(path) {
      await breathe();
      const fd = fs.openSync(path, OPEN_FLAGS);
      return {
        stat: async () => fs.fstatSync(fd, { bigint: true }),
        read: async (offset, length) => {
          const buffer = Buffer.allocUnsafe(length);
          return buffer.subarray(0, fs.readSync(fd, buffer, 0, length, offset));
        },
        close: async () => fs.closeSync(fd),
      };
    },
  };
}

function lookSync(path: string | Buffer): Looked {
  try {
    return fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    return gone(error) ? undefined : (error as NodeJS.ErrnoException);
  }
}

function remoteDisk(guard: MountGuard): Disk {
  const { promises } = fs;
  return {
    list: dir => guard.call(() => promises.readdir(dir)),
    listRaw: dir => guard.call(() => promises.readdir(dir, { encoding: 'buffer' })),
    async lstat(paths) {
      const looked: Looked[] = [];
      for (const path of paths) {
        looked.push(
          await guard.call(() =>
            promises
              .lstat(path, { bigint: true })
              .catch((error: NodeJS.ErrnoException) => (gone(error) ? undefined : error)),
          ),
        );
      }
      return looked;
    },
    stat: path => guard.call(() => promises.stat(path, { bigint: true })),
    realpath: path => guard.call(() => promises.realpath(path)),
    readlink: path => guard.call(() => promises.readlink(path)),
    async open(path) {
      const handle = await guard.call(() => promises.open(path, OPEN_FLAGS), { onLate: late => void late.close() });
      return {
        stat: () => guard.call(() => handle.stat({ bigint: true })),
        read: (offset, length) =>
          guard.call(async () => {
            const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, offset);
            return buffer.subarray(0, bytesRead);
          }),
        close: () => guard.call(() => handle.close()),
      };
    },
  };
}

function gone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
