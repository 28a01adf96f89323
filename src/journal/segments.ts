/** The files of a journal: `000001.jsonl`, `000002.jsonl`, ..., and which of them count. */
import { basename, join } from 'node:path';
import { fileError } from '../platform/files/file-error.ts';
import { ShrinkError } from '../core/errors.ts';
import type { JournalFile, JournalFiles } from './io.ts';
import { decodeRecord } from './records.ts';

/** First and last record of a snapshot. A segment that begins with one makes all older segments superfluous. */
export const SNAPSHOT_BEGIN = 'snapshot-begin';
export const SNAPSHOT_END = 'snapshot-end';

/** Names of events that are the journal's own. */
export function isMark(event: string): boolean {
  return event === SNAPSHOT_BEGIN || event === SNAPSHOT_END;
}

export interface OpenSegment {
  number: number;
  path: string;
  file: JournalFile;
}

/** The segments that count, oldest first and open for reading, and files that only a crash left behind. */
export interface Chain {
  segments: OpenSegment[];
  /** True when the first segment begins with a snapshot; otherwise it is number 1, or there is none. */
  snapshot: boolean;
  leftovers: string[];
}

export function segmentPath(dir: string, number: number): string {
  return join(dir, `${String(number).padStart(6, '0')}.jsonl`);
}

/** Where a snapshot is written before it is renamed to its segment. */
export function temporaryPath(dir: string, number: number): string {
  return `${segmentPath(dir, number)}.tmp`;
}

/**
 * Opens every segment that counts before the first record is read, so that a compaction by a running daemon cannot take
 * one away half-way. The caller closes them.
 * @throws ShrinkError `damaged` when a segment is missing.
 */
export async function openChain(files: JournalFiles, dir: string): Promise<Chain> {
  let before = '';
  for (;;) {
    const names = await listing(files, dir);
    const found = await tryOpen(files, dir, names);
    if (typeof found !== 'string') return found;
    // A compaction during the listing can show a list that never existed; two equal lists in a row are true.
    if (names.join() === before) throw damaged(dir, found);
    before = names.join();
  }
}

/** @param where a segment, where there is one to blame, else the folder */
export function damaged(where: string, wrong: string, cause?: unknown): ShrinkError {
  return new ShrinkError('damaged', `the journal is damaged: ${wrong}`, {
    doing: 'reading the journal',
    subject: where,
    hint:
      'Nothing was changed. Restore the journal folder from a backup, or move it away to start over: sources and results are safe, ' +
      'but shrinkbox then no longer knows what was done, waiting or paid for.',
    cause,
  });
}

export async function closeAll(segments: readonly OpenSegment[]): Promise<void> {
  await Promise.allSettled(segments.map(segment => segment.file.close()));
}

async function listing(files: JournalFiles, dir: string): Promise<string[]> {
  try {
    return (await files.list(dir)).sort();
  } catch (error) {
    throw fileError(error, 'reading the journal', dir);
  }
}

/** Newest first until one begins with a snapshot. A string says what is missing. */
async function tryOpen(files: JournalFiles, dir: string, names: string[]): Promise<Chain | string> {
  const numbers = names.flatMap(name => numberOf(name) ?? []).sort((a, b) => b - a);
  const segments: OpenSegment[] = [];
  let complete = false;
  let missing: string | undefined;
  try {
    for (const number of numbers) {
      const newer = segments[0]?.number ?? number + 1;
      const path = segmentPath(dir, number);
      if (newer !== number + 1) missing = `${basename(path)} is not followed by the next segment`;
      const file = missing ? undefined : await openForReading(files, path);
      if (!file) return missing ?? `${basename(path)} is missing`;
      segments.unshift({ number, path, file });
      if (await beginsWithSnapshot(file, path)) {
        complete = true;
        return { segments, snapshot: true, leftovers: leftovers(dir, names, number) };
      }
    }
    if (segments[0] && segments[0].number !== 1) return `what came before ${basename(segments[0].path)} is missing`;
    complete = true;
    return { segments, snapshot: false, leftovers: leftovers(dir, names, 1) };
  } finally {
    if (!complete) await closeAll(segments);
  }
}

async function openForReading(files: JournalFiles, path: string): Promise<JournalFile | undefined> {
  try {
    return await files.open(path, 'read');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError(error, 'reading the journal', path);
  }
}

/** A `snapshot-begin` is short, so the first bytes are enough to tell. */
async function beginsWithSnapshot(file: JournalFile, path: string): Promise<boolean> {
  const start = Buffer.alloc(512);
  try {
    const length = await file.read(start, 0);
    const newline = start.subarray(0, length).indexOf(0x0a);
    const decoded = decodeRecord(start.subarray(0, Math.max(0, newline)));
    return decoded.kind === 'record' && decoded.record.event === SNAPSHOT_BEGIN;
  } catch (error) {
    throw fileError(error, 'reading the journal', path);
  }
}

function numberOf(name: string): number | undefined {
  const match = /^(\d{6,9})\.jsonl$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** Unfinished snapshots, and segments a finished one replaced. Kept tails (`.broken`) and foreign files are not ours to remove. */
function leftovers(dir: string, names: string[], first: number): string[] {
  return names
    .filter(name => /^\d{6,9}\.jsonl\.tmp$/.test(name) || (numberOf(name) ?? first) < first)
    .map(name => join(dir, name));
}
