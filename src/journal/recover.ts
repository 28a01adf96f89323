import { basename } from 'node:path';
import type { Logger } from '../platform/log.ts';
import type { JournalFile, JournalFiles } from './io.ts';
import { MAX_WRITE_BYTES } from './records.ts';
import type { Replayed } from './replay.ts';
import { segmentPath } from './segments.ts';
import { readWhole, writeWhole } from './whole.ts';

export interface LiveSegment {
  number: number;
  path: string;
  bytes: number;
}

/** The last segment, open for appending at `bytes`, and all that count, oldest first, with it at the end. */
export interface OpenedForAppend {
  file: JournalFile;
  segments: LiveSegment[];
}

/**
 * Makes a journal that was just replayed ready for more: cuts a torn tail off (its bytes are kept), makes durable what
 * was read, removes what a crash left beside it. An empty journal gets its first segment.
 */
export async function openForAppend(
  files: JournalFiles,
  dir: string,
  replayed: Replayed,
  log: Logger,
): Promise<OpenedForAppend> {
  const segments: LiveSegment[] = [...replayed.segments];
  const last = segments.at(-1) ?? { number: 1, path: segmentPath(dir, 1), bytes: 0 };
  if (segments.length === 0) segments.push(last);
  const file = await files.open(last.path, replayed.segments.length > 0 ? 'update' : 'create');
  try {
    if (replayed.tornBytes > 0) await cutTail(files, dir, file, last, replayed.tornBytes, log);
    await rewriteTail(file, last);
    // Before an old segment goes, the name of the snapshot that replaced it must be there to stay.
    await files.syncDir(dir);
    for (const path of replayed.leftovers) await files.unlink(path);
    return { file, segments };
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
}

async function cutTail(
  files: JournalFiles,
  dir: string,
  file: JournalFile,
  segment: LiveSegment,
  length: number,
  log: Logger,
): Promise<void> {
  const tail = await readWhole(file, segment.bytes, length);
  const kept = await keep(files, dir, `${segment.path}.broken`, tail);
  await file.truncate(segment.bytes);
  await file.datasync();
  log.warn(
    { file: basename(segment.path), bytes: length, kept: basename(kept) },
    'cut off the unfinished end of the journal, left by a crash; no acknowledged record was in it',
  );
}

/** Never overwrites an earlier one: `.broken`, `.broken-2`, `.broken-3`, ... */
async function keep(files: JournalFiles, dir: string, wanted: string, bytes: Buffer): Promise<string> {
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
 * What was replayed may exist in the page cache only: the process before may have died between write and sync, or its
 * sync may have failed, after which Linux calls the pages clean although they never reached the disk (measured: a second
 * fdatasync said yes, and the record was gone after the cache was dropped). Writing the same bytes again and syncing them
 * makes it true. Only the last write can be affected.
 */
async function rewriteTail(file: JournalFile, segment: LiveSegment): Promise<void> {
  const start = Math.max(0, segment.bytes - MAX_WRITE_BYTES);
  if (segment.bytes === 0) return;
  await writeWhole(file, await readWhole(file, start, segment.bytes - start), start);
  await file.datasync();
}
