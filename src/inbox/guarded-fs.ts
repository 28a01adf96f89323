import * as fs from 'node:fs';
import { isShrinkError, sentenceOf } from '../core/errors.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import type { Clock } from '../platform/clock.ts';
import type { FsKind } from '../platform/files/fs-types.ts';
import { openBelow } from '../platform/files/door.ts';
import { type Files, nodeFiles, type OpenFile } from '../platform/files/files.ts';
import { filesBehind, MountGuard } from '../platform/files/hang-guard.ts';
import type { FileStat } from './file-id.ts';

/** The result of lstat for one path: a stat, `undefined` if nothing is there, or why it failed. */
export type LstatResult = FileStat | undefined | NodeJS.ErrnoException;

export interface OpenedFile {
  stat(): Promise<FileStat>;
  read(offset: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

/**
 * File access for watching; opens for reading only. Local disks are listed and looked at synchronously, far faster than promises, giving
 * the event loop a turn every few milliseconds. Anything that may hang runs in the thread pool, one call at a time per
 * mount and with a deadline. Rejects with Node's errors, or `unavailable` if a mount does not answer.
 */
export interface GuardedFs {
  list(dir: string): Promise<string[]>;
  listRaw(dir: string): Promise<Buffer[]>;
  lstat(paths: readonly (string | Buffer)[]): Promise<LstatResult[]>;
  /** Follows symbolic links. */
  stat(path: string): Promise<FileStat>;
  realpath(path: string): Promise<string>;
  readlink(path: string): Promise<string>;
  /** Opens a regular file below `root`: see `openBelow`. */
  open(root: string, names: readonly string[]): Promise<OpenedFile>;
}

/** Provides access to each file system; all paths of one `mountPoint` share a guard. */
export class FileSystems {
  readonly local: GuardedFs;
  readonly #clock: Clock;
  readonly #answerMs: number;
  readonly #guards = new Map<string, { guard: MountGuard; fs: GuardedFs }>();

  constructor(clock: Clock, answerMs: number) {
    this.#clock = clock;
    this.#answerMs = answerMs;
    this.local = localFs(clock);
  }

  for(kind: FsKind, mountPoint: string): GuardedFs {
    if (!kind.polled) return this.local;
    let guarded = this.#guards.get(mountPoint);
    if (!guarded) {
      const guard = new MountGuard(mountPoint, this.#clock, this.#answerMs);
      guarded = { guard, fs: remoteFs(guard) };
      this.#guards.set(mountPoint, guarded);
    }
    return guarded.fs;
  }

  /** Gives up on every call that has not returned. */
  abandon(): void {
    for (const { guard } of this.#guards.values()) guard.abandon();
  }
}

/** How long synchronous work may hold the event loop, ms. */
const SLICE_MS = 8;

function localFs(clock: Clock): GuardedFs {
  let sliceStart = clock.monotonic();
  async function yieldIfLong(): Promise<void> {
    if (clock.monotonic() - sliceStart < SLICE_MS) return;
    await new Promise(resolve => setImmediate(resolve));
    sliceStart = clock.monotonic();
  }
  return {
    async list(dir) {
      await yieldIfLong();
      return fs.readdirSync(dir);
    },
    async listRaw(dir) {
      await yieldIfLong();
      return fs.readdirSync(dir, { encoding: 'buffer' });
    },
    async lstat(paths) {
      const results: LstatResult[] = [];
      for (const path of paths) {
        if (results.length % 64 === 0) await yieldIfLong();
        results.push(lstatSync(path));
      }
      return results;
    },
    stat: async path => fs.statSync(path, { bigint: true }),
    realpath: async path => fs.realpathSync(path),
    readlink: async path => fs.readlinkSync(path),
    open: (root, names) => opened(root, names, nodeFiles),
  };
}

function lstatSync(path: string | Buffer): LstatResult {
  try {
    return fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    return isGone(error) ? undefined : (error as NodeJS.ErrnoException);
  }
}

function remoteFs(guard: MountGuard): GuardedFs {
  const { promises } = fs;
  return {
    list: dir => guard.call(() => promises.readdir(dir)),
    listRaw: dir => guard.call(() => promises.readdir(dir, { encoding: 'buffer' })),
    async lstat(paths) {
      const results: LstatResult[] = [];
      for (const path of paths) {
        results.push(
          await guard.call(() =>
            promises
              .lstat(path, { bigint: true })
              .catch((error: NodeJS.ErrnoException) => (isGone(error) ? undefined : error)),
          ),
        );
      }
      return results;
    },
    stat: path => guard.call(() => promises.stat(path, { bigint: true })),
    realpath: path => guard.call(() => promises.realpath(path)),
    readlink: path => guard.call(() => promises.readlink(path)),
    open: (root, names) => opened(root, names, filesBehind(guard, nodeFiles)),
  };
}

async function opened(root: string, names: readonly string[], files: Files): Promise<OpenedFile> {
  return openedFile(await openBelow(root, names, files));
}

export function openedFile(file: Pick<OpenFile, 'stat' | 'read' | 'close'>): OpenedFile {
  return {
    stat: () => file.stat(),
    async read(offset, length) {
      const buffer = Buffer.allocUnsafe(length);
      return buffer.subarray(0, (await file.read(buffer, 0, length, offset)).bytesRead);
    },
    close: () => file.close(),
  };
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Errors of a folder that is missing, unreachable or not readable by us. */
const AWAY: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ESTALE',
  'EIO',
  'ENOTCONN',
  'EHOSTDOWN',
  'ENODEV',
  'ENXIO',
  'ETIMEDOUT',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EACCES',
  'EPERM',
  'ELOOP',
]);

/** Whether an error means that a folder is missing and may come back; anything else is a bug of ours. */
export function meansAway(error: unknown): boolean {
  return isShrinkError(error, 'unavailable') || AWAY.has((error as NodeJS.ErrnoException).code ?? '');
}

/** Why a folder is unavailable; its path is shown beside it. */
export function whyAway(error: unknown): Sentence {
  if (isShrinkError(error)) return sentenceOf(error);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return say('inbox.missing');
  if (code === 'EACCES' || code === 'EPERM') return say('inbox.not-readable');
  return say('inbox.failing', { error: message });
}
