import * as fs from 'node:fs';
import { isShrinkError, sentenceOf } from '../core/errors.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import type { Clock } from '../platform/clock.ts';
import { type FsKind, kindOfType } from '../platform/files/fs-types.ts';
import { openBelow } from '../platform/files/door.ts';
import {
  errnoOf,
  type Files,
  HAS_DESCRIPTOR_PATHS,
  nodeFiles,
  type OpenFile,
  throughDescriptor,
} from '../platform/files/files.ts';
import { filesBehind, MountGuard } from '../platform/files/hang-guard.ts';
import { type Mount, mountsReader } from '../platform/files/mounts.ts';
import { type Elsewhere, isElsewhere, Stepwise } from '../platform/files/stepwise.ts';
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

  constructor(clock: Clock, answerMs: number, mounts = mountsReader()) {
    this.#clock = clock;
    this.#answerMs = answerMs;
    this.local = HAS_DESCRIPTOR_PATHS
      ? new StepwiseFs(clock, mounts, ({ mount }) => this.for(kindOfType(mount?.type ?? 'unknown'), mount?.point ?? ''))
      : plainFs(clock);
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

/** Gives the event loop a turn where synchronous work has held it for too long. */
function slicer(clock: Clock): () => Promise<void> {
  let sliceStart = clock.monotonic();
  return async () => {
    if (clock.monotonic() - sliceStart < SLICE_MS) return;
    await new Promise(resolve => setImmediate(resolve));
    sliceStart = clock.monotonic();
  };
}

/** On Linux: what may hang is found out one name of a path at a time, because it may have been mounted just now. */
class StepwiseFs implements GuardedFs {
  readonly #yieldIfLong: () => Promise<void>;
  readonly #mounts: () => readonly Mount[];
  readonly #elsewhere: (to: Elsewhere) => GuardedFs;

  /** @param elsewhere how to reach what must not be asked synchronously */
  constructor(clock: Clock, mounts: () => readonly Mount[], elsewhere: (to: Elsewhere) => GuardedFs) {
    this.#yieldIfLong = slicer(clock);
    this.#mounts = mounts;
    this.#elsewhere = elsewhere;
  }

  list(dir: string): Promise<string[]> {
    const look = (fd: number) => fs.readdirSync(throughDescriptor(fd));
    return this.#at(dir, look, other => other.list(dir));
  }

  listRaw(dir: string): Promise<Buffer[]> {
    const look = (fd: number) => fs.readdirSync(throughDescriptor(fd), { encoding: 'buffer' });
    return this.#at(dir, look, other => other.listRaw(dir));
  }

  lstat(paths: readonly (string | Buffer)[]): Promise<LstatResult[]> {
    return inBatches(paths, async batch => {
      const found = await this.#looking(steps => batch.map(path => lstatStepwise(steps, path)));
      const results: LstatResult[] = [];
      for (const [n, each] of found.entries()) {
        results.push(isElsewhere(each) ? (await this.#elsewhere(each).lstat(batch.slice(n, n + 1)))[0] : each);
      }
      return results;
    });
  }

  stat(path: string): Promise<FileStat> {
    const look = (fd: number) => fs.fstatSync(fd, { bigint: true });
    return this.#at(path, look, other => other.stat(path));
  }

  realpath(path: string): Promise<string> {
    const look = (fd: number) => fs.readlinkSync(throughDescriptor(fd));
    return this.#at(path, look, other => other.realpath(path));
  }

  async readlink(path: string): Promise<string> {
    const found = await this.#looking(steps => steps.readlink(path));
    return isElsewhere(found) ? this.#elsewhere(found).readlink(path) : found;
  }

  /** Until it is open, it may still be exchanged for such a mount: that costs a thread until the mount answers, not the process. */
  open(root: string, names: readonly string[]): Promise<OpenedFile> {
    const look = () => opened(root, names, nodeFiles);
    return this.#at([root, ...names].join('/'), look, other => other.open(root, names), false);
  }

  async #at<T>(
    path: string,
    look: (fd: number) => T | Promise<T>,
    ask: (other: GuardedFs) => Promise<T>,
    follows = true,
  ): Promise<T> {
    return this.#looking(steps =>
      steps.at(path, follows, to => (isElsewhere(to) ? ask(this.#elsewhere(to)) : look(to.fd))),
    );
  }

  async #looking<T>(look: (steps: Stepwise) => T): Promise<T> {
    await this.#yieldIfLong();
    const steps = new Stepwise(this.#mounts);
    try {
      return look(steps);
    } finally {
      steps.close();
    }
  }
}

async function inBatches(
  paths: readonly (string | Buffer)[],
  lstat: (paths: readonly (string | Buffer)[]) => Promise<LstatResult[]>,
): Promise<LstatResult[]> {
  const results: LstatResult[] = [];
  for (let i = 0; i < paths.length; i += 64) results.push(...(await lstat(paths.slice(i, i + 64))));
  return results;
}

function lstatStepwise(steps: Stepwise, path: string | Buffer): LstatResult | Elsewhere {
  return lstatResult(() =>
    steps.at(path, false, to => (to.fd === undefined ? to : fs.fstatSync(to.fd, { bigint: true }))),
  );
}

/** Where there are no paths through descriptors. */
function plainFs(clock: Clock): GuardedFs {
  const yieldIfLong = slicer(clock);
  const later = async <T>(look: () => T): Promise<T> => {
    await yieldIfLong();
    return look();
  };
  return {
    list: dir => later(() => fs.readdirSync(dir)),
    listRaw: dir => later(() => fs.readdirSync(dir, { encoding: 'buffer' })),
    lstat: paths =>
      inBatches(paths, batch =>
        later(() => batch.map(path => lstatResult(() => fs.lstatSync(path, { bigint: true, throwIfNoEntry: false })))),
      ),
    stat: path => later(() => fs.statSync(path, { bigint: true })),
    realpath: path => later(() => fs.realpathSync(path)),
    readlink: path => later(() => fs.readlinkSync(path)),
    open: (root, names) => opened(root, names, nodeFiles),
  };
}

function lstatResult<T>(look: () => T): T | undefined | NodeJS.ErrnoException {
  try {
    return look();
  } catch (error) {
    // Without descriptors nothing can be said of the file.
    if (SHORTAGES.has(errnoOf(error) ?? '')) throw error;
    return isGone(error) ? undefined : (error as NodeJS.ErrnoException);
  }
}

const SHORTAGES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

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
