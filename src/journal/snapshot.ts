import { type JournalFile, type JournalFiles, writeWhole } from './io.ts';
import { draft, type Entry, finish } from './records.ts';
import { isMark, SNAPSHOT_BEGIN, SNAPSHOT_END } from './segments.ts';

/** Encoded in one go: little enough not to hold up the event loop. */
const CHUNK_CHARACTERS = 256 * 1024;

export const COMPACT_AFTER_RECORDS = 50_000;
const COMPACT_PER_LIVE = 4;

/**
 * A snapshot is worth writing when replay would read many records, and most of them about things that no longer matter.
 * @param live how many records the snapshot would have
 */
export function isCompactionDue(sinceSnapshot: number, live: number): boolean {
  return sinceSnapshot > COMPACT_AFTER_RECORDS && sinceSnapshot > COMPACT_PER_LIVE * live;
}

export interface SnapshotContent {
  entries: Iterable<Entry>;
  firstSeq: number;
  /** Epoch milliseconds, for entries without a time. */
  now: number;
}

export interface WrittenSnapshot {
  file: JournalFile;
  bytes: number;
  lastSeq: number;
}

/** Writes a snapshot to a new file, in pieces; the caller syncs it. Leaves no file behind when it fails. */
export async function writeSnapshot(
  files: JournalFiles,
  path: string,
  content: SnapshotContent,
): Promise<WrittenSnapshot> {
  let file: JournalFile | undefined;
  try {
    file = await files.open(path, 'create');
    return { file, ...(await fill(file, content)) };
  } catch (error) {
    await file?.close().catch(() => {});
    await files.unlink(path).catch(() => {});
    throw error;
  }
}

async function fill(
  file: JournalFile,
  { entries, firstSeq, now }: SnapshotContent,
): Promise<{ bytes: number; lastSeq: number }> {
  let seq = firstSeq;
  let bytes = 0;
  let chunk = '';
  const flush = async () => {
    const piece = Buffer.from(chunk);
    chunk = '';
    await writeWhole(file, piece, bytes);
    bytes += piece.length;
  };
  for (const entry of framed(entries)) {
    chunk += finish(draft(entry, now), seq);
    seq += 1;
    if (chunk.length >= CHUNK_CHARACTERS) await flush();
  }
  await flush();
  return { bytes, lastSeq: seq - 1 };
}

function* framed(entries: Iterable<Entry>): Generator<Entry> {
  yield { job: null, event: SNAPSHOT_BEGIN, data: { jobs: Array.isArray(entries) ? entries.length : null } };
  let count = 0;
  for (const entry of entries) {
    if (isMark(entry.event)) throw new TypeError(`${entry.event} is a mark the journal writes itself`);
    yield entry;
    count += 1;
  }
  yield { job: null, event: SNAPSHOT_END, data: { count } };
}
