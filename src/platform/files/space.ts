/**
 * Free space, checked and reserved before a job starts, so that concurrent jobs do not count on the same bytes.
 * The arithmetic is pure; statfs is called once per reservation.
 */
import { fileError, isOutOfRoom } from './file-error.ts';
import { ShrinkError } from '../../core/errors.ts';
import { say } from '../../messages/say.ts';
import type { Files } from './files.ts';

export interface MinFree {
  /** Bytes that always stay free. */
  bytes: number;
  /** Share of the whole file system (0..1) that always stays free; the larger of both applies. */
  share: number;
}

export interface DiskSpace {
  totalBytes: number;
  /** Free for us, without what is reserved for root. */
  freeBytes: number;
  /** It counts no free inodes. Served by a program or another machine, it may still take files: rclone always says 0. */
  isOutOfNames?: boolean;
  /** The count is the disk's own. */
  countsNames?: boolean;
}

/** statfs(2) types whose counts are made up by whoever serves them: FUSE, NFS, CIFS, SMB2, SMB, 9P, Ceph, AFS. */
const SERVED: ReadonlySet<number> = new Set([
  0x65735546, 0x6969, 0xff534d42, 0xfe534d42, 0x517b, 0x01021997, 0x00c36400, 0x5346414f,
]);

/** Bytes missing for a new reservation; 0 if it fits. A file system that reports no size (some FUSE) always fits. */
export function missingBytes(disk: DiskSpace, reservedBytes: number, minFree: MinFree, wantedBytes: number): number {
  return Math.max(0, wantedBytes - (roomIn(disk, minFree) - reservedBytes));
}

/** Bytes that may be written, below 0 where too little is free already. */
export function roomIn({ totalBytes, freeBytes: free }: DiskSpace, minFree: MinFree): number {
  if (totalBytes === 0) return Infinity;
  return free - Math.max(minFree.bytes, Math.ceil(minFree.share * totalBytes));
}

/** @throws errno errors of statfs. */
export async function diskSpace(dir: string, files: Files): Promise<DiskSpace> {
  const { type, bsize, blocks, bavail, files: names, ffree } = await files.statfs(dir);
  // Where names are not counted (btrfs), both are 0.
  const isOutOfNames = names > 0 && ffree === 0;
  const count = isOutOfNames ? { isOutOfNames, countsNames: !SERVED.has(type) } : {};
  return { totalBytes: bsize * blocks, freeBytes: bsize * bavail, ...count };
}

/**
 * An error of a full disk in true words: it may be full of files (inodes) and have bytes left, and freeing those would not help.
 * Any other error comes back as it is.
 * @param folders where it may have happened
 */
export async function fullOfWhat(error: unknown, folders: readonly string[], files: Files): Promise<unknown> {
  if (!isOutOfRoom(error)) return error;
  for (const folder of folders) {
    const disk = await diskSpace(folder, files).catch(() => undefined);
    if (disk?.isOutOfNames) return noMoreFiles(folder, error);
  }
  return error;
}

/** The disk of this folder takes no more files, however small. */
export function noMoreFiles(folder: string, cause?: unknown): ShrinkError {
  const facts = { subject: folder, hint: say('files.no-more-files-hint'), cause };
  return new ShrinkError('no-space', say('files.no-more-files', { folder }), facts);
}

export async function freeBytes(dir: string, files: Files): Promise<number> {
  return (await diskSpace(dir, files)).freeBytes;
}

interface Reservation {
  job: string;
  dir: string;
  /** Device number of the file system. */
  dev: string;
  bytes: number;
}

/** Reservations of free space, per file system. Lives as long as the daemon; none of it is journaled. */
export class SpaceBook {
  readonly #files: Files;
  #minFree: MinFree;
  #reservations: Reservation[] = [];

  constructor(options: { files: Files; minFree: MinFree }) {
    this.#files = options.files;
    this.#minFree = options.minFree;
  }

  /** Takes effect with the next reservation. */
  leaveFree(minFree: MinFree): void {
    this.#minFree = minFree;
  }

  /**
   * Reserves `bytes` for the job on the file system of `dir`, which must exist. Asking again for the same job and folder
   * replaces the reservation. What a running job has already written counts twice, as used and as reserved: a disk that is
   * this full makes others wait a little longer, never fail. If it throws, the job's reservations in other folders stay
   * until `release`.
   * @throws ShrinkError `no-space` with what is missing; `unavailable` if the folder is missing.
   */
  async reserve(dir: string, bytes: number, job: string): Promise<void> {
    const [dev, disk] = await Promise.all([this.#deviceOf(dir), this.#spaceOf(dir)]);
    if (disk.isOutOfNames && disk.countsNames) throw noMoreFiles(dir);
    // From here on synchronous: two jobs that ask at once must see each other.
    const others = this.#reservations.filter(entry => !(entry.job === job && entry.dir === dir));
    const reserved = others.reduce((sum, entry) => sum + (entry.dev === dev ? entry.bytes : 0), 0);
    const missing = missingBytes(disk, reserved, this.#minFree, bytes);
    if (missing > 0) throw notEnough(dir, bytes, missing);
    this.#reservations = [...others, { job, dir, dev, bytes }];
  }

  /** Releases everything reserved for the job. */
  release(job: string): void {
    this.#reservations = this.#reservations.filter(entry => entry.job !== job);
  }

  async #deviceOf(dir: string): Promise<string> {
    return String((await this.#ask(dir, () => this.#files.stat(dir))).dev);
  }

  #spaceOf(dir: string): Promise<DiskSpace> {
    return this.#ask(dir, () => diskSpace(dir, this.#files));
  }

  async #ask<T>(dir: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      const failure = fileError(error, say('files.measuring', { path: dir }), dir);
      if (failure.code !== 'gone') throw failure;
      throw new ShrinkError('unavailable', say('files.missing-folder', { path: dir }), {
        subject: dir,
        hint: say('files.missing-folder-hint'),
        cause: error,
      });
    }
  }
}

function notEnough(path: string, needed: number, missing: number): ShrinkError {
  return new ShrinkError('no-space', say('files.not-enough-space', { path, needed, missing }), {
    subject: path,
    hint: say('files.not-enough-space-hint'),
  });
}
