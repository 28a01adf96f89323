/** What a crash leaves at the end of a journal: told apart from damage, cut off and kept, and the rest made durable. */
import { basename } from 'node:path';
import type { Logger } from '../platform/log.ts';
import { type JournalFile, type JournalFiles, readWhole, writeWhole } from './io.ts';
import { decodeRecord, MAX_WRITE_BYTES } from './records.ts';
import { segmentPath } from './segments.ts';

export interface LiveSegment {
  number: number;
  path: string;
  bytes: number;
}

/** What reading a journal found on the disk. */
export interface FoundFiles {
  /** The segments that count, oldest first, with their good bytes. */
  segments: LiveSegment[];
  /** Bytes after them that were being written when a crash came. */
  tornBytes: number;
  /** Files that only a crash left behind. */
  leftovers: string[];
}

/** The last segment, open for appending at `bytes`, and all that count, oldest first, with it at the end. */
export interface OpenedForAppend {
  file: JournalFile;
  segments: LiveSegment[];
}

interface RecoverOptions {
  files: JournalFiles;
  dir: string;
  log: Logger;
}

/**
 * Prepares a replayed journal for more: cuts off a torn tail (its bytes are kept), makes durable what was read, and removes
 * leftovers of a crash. An empty journal gets its first segment.
 */
export async function openForAppend(found: FoundFiles, options: RecoverOptions): Promise<OpenedForAppend> {
  const { files, dir } = options;
  const segments = [...found.segments];
  const last = segments.at(-1) ?? { number: 1, path: segmentPath(dir, 1), bytes: 0 };
  if (segments.length === 0) segments.push(last);
  const file = await files.open(last.path, found.segments.length > 0 ? 'update' : 'create');
  try {
    if (found.tornBytes > 0) await cutTail(file, last, found.tornBytes, options);
    await rewriteTail(file, last);
    // Before an old segment is removed, the name of the snapshot that replaced it must be durable.
    await files.syncDir(dir);
    for (const path of found.leftovers) await files.unlink(path);
    return { file, segments };
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
}

async function cutTail(
  file: JournalFile,
  segment: LiveSegment,
  length: number,
  options: RecoverOptions,
): Promise<void> {
  const kept = await keep(`${segment.path}.broken`, await readWhole(file, segment.bytes, length), options);
  await file.truncate(segment.bytes);
  await file.datasync();
  options.log.warn(
    { file: basename(segment.path), bytes: length, kept: basename(kept) },
    'cut off the unfinished end of the journal, left by a crash; no acknowledged record was in it',
  );
}

/** Never overwrites an earlier one: `.broken`, `.broken-2`, `.broken-3`, ... */
async function keep(wanted: string, bytes: Buffer, { files, dir }: RecoverOptions): Promise<string> {
  const taken = new Set(await files.list(dir));
  let path = wanted;
  for (let n = 2; taken.has(basename(path)); n += 1) path = `${wanted}-${n}`;
  const file = await files.open(path, 'create');
  try {
    await writeWhole(file, bytes, 0);
    await file.datasync();
  } finally {
    await file.close();
  }
  await files.syncDir(dir);
  return path;
}

/**
 * What was replayed may exist only in the page cache: after a failed sync Linux marks the pages clean although they never reached the
 * disk, and a second sync reports success. Writing the last write's bytes again makes them durable.
 */
async function rewriteTail(file: JournalFile, segment: LiveSegment): Promise<void> {
  if (segment.bytes === 0) return;
  const start = Math.max(0, segment.bytes - MAX_WRITE_BYTES);
  await writeWhole(file, await readWhole(file, start, segment.bytes - start), start);
  await file.datasync();
}

const RECORD_START = Buffer.from('{"v":1,"seq":');

/**
 * The bytes from the first bad line of the last segment to its end: torn, or damaged? A crash spoils only the one write that was not
 * yet synced, and nobody received an acknowledgement of it. It leaves a write that stops short (no newline at the end) or sectors that
 * never arrived (zero bytes, which JSON never contains). So this is a torn tail if
 * - there is no good record in it, not even behind the remains of another one in the same line,
 * - it ends without a newline or holds a zero byte, and
 * - it is no longer than one write can be.
 * Anything else, such as a complete last line with a wrong checksum, does not come from a crash: that record may have been acknowledged
 * and record a payment, so the journal counts as damaged and a person decides.
 */
export class TornTail {
  bytes = 0;
  #hasZero = false;
  #whole = true;
  #goodRecord = false;

  add(line: Buffer, whole: boolean): void {
    // The first line was read as a whole already: bad, or good but for its newline.
    this.#goodRecord ||= holdsRecord(line, this.bytes === 0 ? 1 : 0);
    this.#hasZero ||= line.includes(0);
    this.#whole = whole;
    this.bytes += line.length + (whole ? 1 : 0);
  }

  /** Why this cannot be a torn write, or `undefined` if it is one. */
  whyDamaged(): string | undefined {
    if (this.#goodRecord) return 'good records follow';
    if (this.bytes > MAX_WRITE_BYTES) return `it and what follows, ${this.bytes} bytes or more, are bad`;
    if (this.#whole && !this.#hasZero) return 'it is complete, so a crash while writing does not explain it';
    return undefined;
  }
}

function holdsRecord(line: Buffer, from: number): boolean {
  for (let at = line.indexOf(RECORD_START, from); at !== -1; at = line.indexOf(RECORD_START, at + 1)) {
    if (decodeRecord(line.subarray(at)).kind !== 'bad') return true;
  }
  return false;
}
