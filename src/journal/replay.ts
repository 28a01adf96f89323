import { basename } from 'node:path';
import { fileError } from '../platform/files/file-error.ts';
import { ShrinkError } from '../core/errors.ts';
import { isErrno } from './errors.ts';
import { type JournalFiles, realJournalFiles, scanLines } from './io.ts';
import { decodeRecord, type JournalRecord, RECORD_VERSION } from './records.ts';
import { type FoundFiles, TornTail } from './recover.ts';
import { closeAll, damaged, type OpenSegment, openChain, SNAPSHOT_BEGIN, SNAPSHOT_END } from './segments.ts';

/** The position of a record; the line counts from 1. */
export interface RecordPosition {
  file: string;
  line: number;
}

/** Receives every record in order except the marks around a snapshot; an error it throws ends the replay. */
export type OnRecord = (record: JournalRecord, position: RecordPosition) => void;

export interface ReplaySummary {
  /** Sequence number of the last record; 0 for an empty journal. */
  lastSeq: number;
  /** Records handed to `onRecord`. */
  records: number;
  /** Of those, the ones after the snapshot that the journal begins with, or all. */
  sinceSnapshot: number;
  /** Bytes at the end that were being written when a crash came; they were left out. */
  tornBytes: number;
}

export interface Replayed extends ReplaySummary, FoundFiles {}

/**
 * Replays a journal without changing anything, for commands that run without a daemon, or beside one: the journal may
 * grow and be compacted meanwhile. A journal that does not exist is empty.
 * @throws ShrinkError `damaged` or `newer-version`, naming file and line; file errors as they are.
 */
export async function readJournal(options: {
  dir: string;
  onRecord: OnRecord;
  files?: JournalFiles;
}): Promise<ReplaySummary> {
  const files = options.files ?? realJournalFiles;
  try {
    await files.list(options.dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw fileError(error, 'reading the journal', options.dir);
    return { lastSeq: 0, records: 0, sinceSnapshot: 0, tornBytes: 0 };
  }
  const { lastSeq, records, sinceSnapshot, tornBytes } = await replay(files, options.dir, options.onRecord);
  return { lastSeq, records, sinceSnapshot, tornBytes };
}

/** Reads the whole chain; changes nothing. Throws as `readJournal`. */
export async function replay(files: JournalFiles, dir: string, onRecord: OnRecord): Promise<Replayed> {
  const chain = await openChain(files, dir);
  try {
    const sequence = new Sequence(chain.snapshot, onRecord);
    const segments: Replayed['segments'] = [];
    let tornBytes = 0;
    for (const segment of chain.segments) {
      const last = segment === chain.segments.at(-1);
      const read = await replaySegment(segment, last, sequence);
      segments.push({ number: segment.number, path: segment.path, bytes: read.goodBytes });
      tornBytes = read.tornBytes;
    }
    if (sequence.inSnapshot) {
      const path = chain.segments[0]?.path ?? dir;
      throw damaged(path, `${basename(path)} ends in the middle of its snapshot`);
    }
    const { lastSeq, records, sinceSnapshot } = sequence;
    return { lastSeq, records, sinceSnapshot, tornBytes, segments, leftovers: chain.leftovers };
  } finally {
    await closeAll(chain.segments);
  }
}

async function replaySegment(
  { path, file }: OpenSegment,
  last: boolean,
  sequence: Sequence,
): Promise<{ goodBytes: number; tornBytes: number }> {
  const name = basename(path);
  let line = 0;
  let goodBytes = 0;
  let spoilt: { tail: TornTail; wrong: string } | undefined;
  const visit = (bytes: Buffer, offset: number, whole: boolean) => {
    if (spoilt) return spoilt.tail.add(bytes, whole);
    line += 1;
    const decoded = decodeRecord(bytes);
    if (decoded.kind === 'newer') throw newer(path, `${name}, line ${line}`, decoded.version);
    if (decoded.kind === 'record' && whole) {
      const wrong = sequence.take(decoded.record, { file: name, line });
      if (wrong) throw damaged(path, `${name}, line ${line}: ${wrong}`);
      goodBytes = offset + bytes.length + 1;
      return;
    }
    const wrong = decoded.kind === 'bad' ? decoded.wrong : 'it ends without a newline';
    if (!last) throw damaged(path, `${name}, line ${line}: ${wrong}`);
    spoilt = { tail: new TornTail(), wrong };
    spoilt.tail.add(bytes, whole);
  };
  try {
    await scanLines(file, visit);
  } catch (error) {
    throw isErrno(error) ? fileError(error, 'reading the journal', path) : error;
  }
  const why = spoilt?.tail.whyDamaged();
  if (spoilt && why) throw damaged(path, `${name}, line ${line}: ${spoilt.wrong}; ${why}`);
  return { goodBytes, tornBytes: spoilt?.tail.bytes ?? 0 };
}

/** Holds records against each other: no gap, no snapshot but a whole one at the start. */
class Sequence {
  lastSeq = 0;
  records = 0;
  sinceSnapshot = 0;
  #snapshot: 'expected' | 'open' | 'none';
  readonly #onRecord: OnRecord;

  constructor(snapshot: boolean, onRecord: OnRecord) {
    this.#snapshot = snapshot ? 'expected' : 'none';
    this.#onRecord = onRecord;
  }

  get inSnapshot(): boolean {
    return this.#snapshot === 'open';
  }

  /** What is wrong with the record at this place, or `undefined`. */
  take(record: JournalRecord, position: RecordPosition): string | undefined {
    // A snapshot continues the numbering of the segments it replaced.
    if (this.#snapshot !== 'expected' && record.seq !== this.lastSeq + 1) {
      return this.lastSeq === 0 ? `the journal begins with record ${record.seq}` : this.#gap(record.seq);
    }
    this.lastSeq = record.seq;
    if (record.event === SNAPSHOT_BEGIN) return this.#begin();
    if (record.event === SNAPSHOT_END) return this.#end(record.data);
    this.records += 1;
    if (this.#snapshot === 'none') this.sinceSnapshot += 1;
    this.#onRecord(record, position);
    return undefined;
  }

  #gap(seq: number): string {
    return `record ${seq} follows record ${this.lastSeq}`;
  }

  #begin(): string | undefined {
    if (this.#snapshot !== 'expected') return 'a snapshot begins in the middle';
    this.#snapshot = 'open';
    return undefined;
  }

  #end(data: unknown): string | undefined {
    if (this.#snapshot !== 'open') return 'a snapshot ends that did not begin';
    this.#snapshot = 'none';
    const count = (data as { count?: number } | null)?.count;
    return count === this.records ? undefined : `the snapshot says ${count} records, there are ${this.records}`;
  }
}

function newer(path: string, where: string, version: number): ShrinkError {
  return new ShrinkError(
    'newer-version',
    `A newer shrinkbox wrote the journal: ${where} has version ${version}; this one reads up to ${RECORD_VERSION}.`,
    { doing: 'reading the journal', subject: path, hint: 'Update shrinkbox; nothing was changed.' },
  );
}
