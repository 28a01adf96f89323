/**
 * The file system behind a small interface, so that a test can make every call fail in turn: whoever touches the disk takes `Files`
 * as an argument. Also what several stages need from a file: its identity and digests. Durable writes are in durable.ts.
 */
import { createHash, webcrypto } from 'node:crypto';
import { type BigIntStats, constants, type Dirent, existsSync, type StatsFs } from 'node:fs';
import * as fs from 'node:fs/promises';
import { fileError } from './file-error.ts';
import { ShrinkError } from '../../core/errors.ts';
import type { Pin } from '../../core/job.ts';
import { say } from '../../messages/say.ts';

/**
 * - `r`: to read it, links followed. `wx`: to make it.
 * - `again`: to go on writing a file we made; a link is not followed.
 * - `source`: to read a file; neither follows a link nor waits for the other end of a pipe.
 * - `folder`, `root`: to act below a folder (platform/files/door.ts); only for `root`, a link is followed.
 */
export type OpenMode = 'r' | 'wx' | 'again' | 'source' | 'folder' | 'root';

export interface OpenFile {
  /** Its descriptor, where `throughDescriptor` makes it a path (Linux); absent elsewhere. */
  readonly fd?: number | undefined;
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  write(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesWritten: number }>;
  stat(): Promise<BigIntStats>;
  /** Seconds since the epoch, fractions allowed. */
  utimes(atime: number, mtime: number): Promise<void>;
  chmod(mode: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** An open file, and its path for messages. */
export interface Readable extends Pick<OpenFile, 'read' | 'stat'> {
  readonly path: string;
}

/** A file that we and our children read: one that is held open (door.ts), or one of ours. */
export interface InputFile {
  /** For messages. */
  readonly path: string;
  /** The descriptor that children get; absent where they open the path. */
  readonly fd?: number | undefined;
  /** To be closed; what is held open stays so. @throws ShrinkError `gone`, ... */
  open(): Promise<Readable & Pick<OpenFile, 'close'>>;
}

/** Opens the file for as long as `act` takes. @throws what `open` and `act` throw. */
export async function reading<T>(file: InputFile, act: (opened: Readable) => Promise<T>): Promise<T> {
  const opened = await file.open();
  try {
    return await act(opened);
  } finally {
    await opened.close().catch(() => {});
  }
}

/** Exactly the calls we need; they fail with Node's errno errors. */
export interface Files {
  lstat(path: string): Promise<BigIntStats>;
  stat(path: string): Promise<BigIntStats>;
  open(path: string, how: OpenMode, mode?: number): Promise<OpenFile>;
  readdir(path: string): Promise<Dirent[]>;
  mkdir(path: string): Promise<void>;
  link(from: string, to: string): Promise<void>;
  /** Replaces `to` silently, as rename(2) does. */
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  statfs(path: string): Promise<StatsFs>;
}

const { O_RDONLY, O_RDWR } = constants;
// Not on every platform.
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0;
const O_NONBLOCK = constants.O_NONBLOCK ?? 0;
const O_DIRECTORY = constants.O_DIRECTORY ?? 0;
const FLAGS: Readonly<Record<OpenMode, string | number>> = {
  r: 'r',
  wx: 'wx',
  again: O_RDWR | O_NOFOLLOW | O_NONBLOCK,
  source: O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
  folder: O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_DIRECTORY,
  root: O_RDONLY | O_NONBLOCK | O_DIRECTORY,
};

const DESCRIPTORS = '/proc/self/fd';
export const HAS_DESCRIPTOR_PATHS = process.platform === 'linux' && existsSync(DESCRIPTORS);

/** A path to what this process holds open under `fd`, whatever became of its name; also below it, if it is a folder. */
export function throughDescriptor(fd: number): string;
export function throughDescriptor(fd: number | undefined): string | undefined;
export function throughDescriptor(fd: number | undefined): string | undefined {
  return fd === undefined ? undefined : `${DESCRIPTORS}/${fd}`;
}

export const nodeFiles: Files = {
  lstat: path => fs.lstat(path, { bigint: true }),
  stat: path => fs.stat(path, { bigint: true }),
  async open(path, how, mode) {
    const handle = await fs.open(path, FLAGS[how], mode);
    return {
      fd: HAS_DESCRIPTOR_PATHS ? handle.fd : undefined,
      read: (buffer, offset, length, position) => handle.read(buffer, offset, length, position),
      write: (buffer, offset, length, position) => handle.write(buffer, offset, length, position),
      stat: () => handle.stat({ bigint: true }),
      utimes: (atime, mtime) => handle.utimes(atime, mtime),
      chmod: mode => handle.chmod(mode),
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  },
  readdir: path => fs.readdir(path, { withFileTypes: true }),
  mkdir: path => fs.mkdir(path),
  link: (from, to) => fs.link(from, to),
  rename: (from, to) => fs.rename(from, to),
  unlink: path => fs.unlink(path),
  statfs: path => fs.statfs(path),
};

/** Creates a directory for us alone. Its mode is set explicitly: a umask may mask even 0700. Fails with Node's errors. */
export async function makePrivateDir(path: string, options: { recursive?: boolean } = {}): Promise<void> {
  await fs.mkdir(path, { ...options, mode: 0o700 });
  await fs.chmod(path, 0o700);
}

export function errnoOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** The current identity of a file; a symbolic link is not followed. @throws ShrinkError `gone`, `denied`, ... */
export async function pinOf(path: string, files: Files = nodeFiles): Promise<Pin> {
  return pinFrom(await doing('identifying', path, () => files.lstat(path)));
}

export function pinFrom(stats: BigIntStats): Pin {
  return {
    dev: String(stats.dev),
    ino: String(stats.ino),
    sizeBytes: Number(stats.size),
    mtimeNs: String(stats.mtimeNs),
    ctimeNs: String(stats.ctimeNs),
  };
}

/**
 * A file in a folder that nobody else writes into (the state directory, a job's work directory), opened by its path whenever
 * it is read.
 */
export function ownFile(path: string, files: Files = nodeFiles): InputFile {
  return {
    path,
    open: () => openToRead(path, files),
  };
}

/** Removes a file of ours after something else went wrong: that first error is the one to report. */
export async function unlinkQuietly(path: string, files: Files): Promise<void> {
  await files.unlink(path).catch(() => {});
}

/** Bytes per read; larger ones are no faster. */
export const CHUNK = 2 ** 20;

export function cancelled(path: string): ShrinkError {
  return new ShrinkError('cancelled', say('files.copy-stopped'), { subject: path });
}

/** What a file operation is part of, as `files.CODE` words it. */
type FileOperation = 'opening' | 'creating' | 'identifying' | 'reading' | 'writing' | 'dating' | 'syncing' | 'closing';

/** Wraps the errno errors of `act`. @throws ShrinkError, see `fileError`. */
export async function doing<T>(operation: FileOperation, path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw fileError(error, say(`files.${operation}`, { path }), path);
  }
}

/** Opens a file of ours alone to read it, links followed. @throws ShrinkError, see `fileError`. */
export async function openToRead(path: string, files: Files): Promise<Readable & Pick<OpenFile, 'close'>> {
  const file = await doing('opening', path, () => files.open(path, 'r'));
  return { ...file, path };
}

/** Hex sha256 of all of an open file, as read back from disk or cache. */
export async function sha256OfOpen({ path, read }: Readable, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (let done = 0; ; ) {
    if (signal?.aborted) throw cancelled(path);
    const at = done;
    const { bytesRead } = await doing('reading', path, () => read(buffer, 0, CHUNK, at));
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
    done += bytesRead;
  }
}

/** Hex sha256 of a whole file, as read back from disk or cache. */
export async function sha256Of(path: string, files: Files, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const whole = [{ from: 0, bytes: Number.MAX_SAFE_INTEGER }];
  const take = (chunk: Buffer) => {
    if (signal?.aborted) throw cancelled(path);
    hash.update(chunk);
  };
  await reading(ownFile(path, files), file => readRanges(file, whole, take));
  return hash.digest('hex');
}

const MIB = 2 ** 20;
/** Up to this size the fingerprint is a digest of every byte. */
export const WHOLE_UP_TO = 16 * MIB;
const SAMPLES = 14;
const SAMPLE_BYTES = MIB / 4;

/**
 * Recognises a file that was renamed or remounted: 32 hex digits (128 bits of sha256) over its size and its content; above
 * 16 MiB, over the first and last MiB and 14 evenly spaced samples of 256 KiB, 5.5 MiB in all however large the file is.
 * Equal fingerprints mean the same video for all practical purposes, not the same bytes.
 * @throws ShrinkError `changed-underneath` if the file is shorter than `sizeBytes`.
 */
export async function fingerprint(file: Readable, sizeBytes: number): Promise<string> {
  const { path } = file;
  const hash = createHash('sha256').update(`${sizeBytes}\n`);
  const ranges = fingerprintRanges(sizeBytes);
  const read = await readRanges(file, ranges, chunk => void hash.update(chunk));
  if (read !== ranges.reduce((sum, range) => sum + range.bytes, 0)) {
    throw new ShrinkError('changed-underneath', say('files.truncated', { path }), { subject: path });
  }
  return hash.digest('hex').slice(0, 32);
}

/**
 * Whether less than half of the file was ever written. Films are not like that; whoever wants to can make such a file of any
 * size in a moment. False where the file system does not count blocks.
 */
export async function isMostlyHoles(file: Readable): Promise<boolean> {
  const { blocks, size } = await doing('identifying', file.path, () => file.stat());
  return blocks > 0n && blocks * 512n * 2n < size;
}

/** Only root sees which files the programs of other users have open, and those write mostly what belongs to their user. */
export function hidesItsWriter({ uid }: Pick<BigIntStats, 'uid'>): boolean {
  const own = process.geteuid?.() ?? 0;
  return own !== 0 && uid !== BigInt(own);
}

/** Bytes that are hashed at a time. Changing it changes every content hash. */
const BLOCK = MIB;

/**
 * Hash of every byte of a file: hex sha256 over the sha256 of each MiB. The blocks are hashed outside of the event loop, which a
 * digest of a whole film would hold for seconds.
 * @returns the hash, and the file's identity after the last byte was read
 * @throws ShrinkError, `cancelled` once the signal aborts
 */
export async function contentHashOf(file: Readable, signal?: AbortSignal): Promise<{ contentHash: string; pin: Pin }> {
  const { path } = file;
  const whole = createHash('sha256');
  const buffer = Buffer.alloc(BLOCK);
  for (let at = 0; ; at += BLOCK) {
    if (signal?.aborted) throw cancelled(path);
    const block = await doing('reading', path, () => readBlock(file, buffer, at));
    whole.update(new Uint8Array(await webcrypto.subtle.digest('SHA-256', block)));
    if (block.length < BLOCK) break;
  }
  const pin = pinFrom(await doing('identifying', path, () => file.stat()));
  return { contentHash: whole.digest('hex'), pin };
}

/** Fills the buffer; a shorter result is the end of the file. */
async function readBlock(handle: Readable, buffer: Buffer<ArrayBuffer>, at: number): Promise<Uint8Array<ArrayBuffer>> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

interface Range {
  from: number;
  bytes: number;
}

function fingerprintRanges(size: number): Range[] {
  if (size <= WHOLE_UP_TO) return [{ from: 0, bytes: size }];
  const gap = (size - 2 * MIB - SAMPLE_BYTES) / (SAMPLES - 1);
  const samples = Array.from({ length: SAMPLES }, (_, i) => ({ from: MIB + Math.floor(i * gap), bytes: SAMPLE_BYTES }));
  return [{ from: 0, bytes: MIB }, ...samples, { from: size - MIB, bytes: MIB }];
}

async function readRanges(file: Readable, ranges: Range[], take: (chunk: Buffer) => void): Promise<number> {
  const buffer = Buffer.allocUnsafe(CHUNK);
  let total = 0;
  for (const range of ranges) {
    for (let done = 0; done < range.bytes; ) {
      const at = done;
      const want = Math.min(CHUNK, range.bytes - at);
      const { bytesRead } = await doing('reading', file.path, () => file.read(buffer, 0, want, range.from + at));
      if (bytesRead === 0) break;
      take(buffer.subarray(0, bytesRead));
      done += bytesRead;
      total += bytesRead;
    }
  }
  return total;
}
