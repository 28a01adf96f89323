/**
 * Room: the journal of everything that happened to jobs, in order, in segments `000001.jsonl`, ..., with the lock and the layout of
 * the state directory. It does not know what its records mean; the queue does. May import core, messages, platform.
 *
 * An append resolves once its records are on the disk; appends made while the disk is busy share one write and one sync. The first
 * error ends the journal: after a failed write or sync nobody knows what the disk holds, so nothing more is written, the sync is not
 * retried, and the next start reads the truth.
 */
import { basename } from 'node:path';
import type { ShrinkError } from '../core/errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { type OpenedForAppend, openForAppend, type LiveSegment } from './recover.ts';
import { closedError, isErrno, writeError } from './errors.ts';
import { type JournalFile, type JournalFiles, realJournalFiles, writeWhole } from './io.ts';
import { type Draft, draft, type Entry, finish, MAX_WRITE_BYTES } from './records.ts';
import { type OnRecord, type Replayed, type ReplaySummary, replay } from './replay.ts';
import { isMark, segmentPath, temporaryPath } from './segments.ts';
import { COMPACT_AFTER_RECORDS, isCompactionDue, type WrittenSnapshot, writeSnapshot } from './snapshot.ts';

export interface JournalOptions {
  /** Exists, on a local disk (prepareStateDir), and the lock is held. */
  dir: string;
  clock: Clock;
  log: Logger;
  onRecord: OnRecord;
  /** Called once, when the journal can no longer be written: stop everything and exit. */
  onFatal: (error: ShrinkError) => void;
  files?: JournalFiles;
  /** A new segment begins once one has reached this size; 16 MiB. */
  segmentBytes?: number;
}

export interface FsyncStats {
  count: number;
  totalMs: number;
  lastMs: number;
  /** How long the current write has taken so far; 0 if there is none. A hung disk shows here. */
  pendingMs: number;
}

const SEGMENT_BYTES = 16 * 1024 * 1024;

/**
 * Replays the journal in `dir`, calling `onRecord` for each record, and opens it for appending. A torn tail is cut off
 * and kept as `NNNNNN.jsonl.broken`.
 * @throws ShrinkError `damaged`, `newer-version`, `journal-write`; nothing has been changed after the first two.
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const files = options.files ?? realJournalFiles;
  const started = options.clock.monotonic();
  const replayed = await replay(files, options.dir, options.onRecord);
  let opened: OpenedForAppend;
  try {
    opened = await openForAppend(replayed, { files, dir: options.dir, log: options.log });
  } catch (error) {
    throw writeError(error, 'opening the journal', replayed.segments.at(-1)?.path ?? options.dir);
  }
  const tookMs = Math.round(options.clock.monotonic() - started);
  options.log.debug({ records: replayed.records, segments: replayed.segments.length, tookMs }, 'journal replayed');
  return new Journal(options, files, replayed, opened);
}

/** One line that waits for its place, or a waiting snapshot. The last line of an append settles it as a whole. */
type Waiting = WaitingLine | { entries: Iterable<Entry>; settle: Settle<boolean> };
type WaitingLine = { line: Draft; settle?: Settle };
type Settle<T = void> = { resolve: (value: T) => void; reject: (error: unknown) => void };

export class Journal {
  /** What the replay found when the journal was opened. */
  readonly replayed: ReplaySummary;
  readonly #options: JournalOptions;
  readonly #files: JournalFiles;
  #file: JournalFile;
  /** Oldest first; the last one is written to. */
  #segments: LiveSegment[];
  #lastSeq: number;
  #sinceSnapshot: number;
  /** Set when a snapshot could not be written: not tried again before this many records. */
  #noSnapshotBefore = 0;
  #compacting = 0;
  #queue: Waiting[] = [];
  /** Set while the queue is being processed. */
  #working: Promise<void> | undefined;
  #fatal: ShrinkError | undefined;
  #closing: Promise<void> | undefined;
  #busySince: number | undefined;
  #syncs = { count: 0, totalMs: 0, lastMs: 0 };

  /** Use openJournal. */
  constructor(options: JournalOptions, files: JournalFiles, replayed: Replayed, opened: OpenedForAppend) {
    this.replayed = replayed;
    this.#options = options;
    this.#files = files;
    this.#file = opened.file;
    this.#segments = opened.segments;
    this.#lastSeq = replayed.lastSeq;
    this.#sinceSnapshot = replayed.sinceSnapshot;
  }

  /** Bytes of all segments that count. */
  get size(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** Sequence number of the last record written. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  fsyncStats(): FsyncStats {
    const pendingMs = this.#busySince === undefined ? 0 : this.#options.clock.monotonic() - this.#busySince;
    return { ...this.#syncs, pendingMs };
  }

  /**
   * Appends records in the order of the calls; data is copied at once, so it may change afterwards. Resolves when they, and
   * all before them, are on the disk. After a crash in between, the first few of one call may be there.
   * @throws ShrinkError `journal-write` if they could not be written, now and ever after; TypeError or RangeError,
   *   without harm to the journal, if the data is not JSON or larger than 4 MiB.
   */
  async append(entries: readonly Entry[]): Promise<void> {
    const now = this.#options.clock.now();
    const lines = entries.map(entry => {
      if (isMark(entry.event)) throw new TypeError(`${entry.event} is a mark the journal writes itself`);
      return draft(entry, now);
    });
    if (lines.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      const last = lines.length - 1;
      this.#enqueue(lines.map((line, n) => (n === last ? { line, settle: { resolve, reject } } : { line })));
    });
  }

  /** Whether it is time to call `compact` with `live` records. */
  shouldCompact(live: number): boolean {
    if (this.#compacting > 0 || this.#sinceSnapshot < this.#noSnapshotBefore) return false;
    return isCompactionDue(this.#sinceSnapshot, live);
  }

  /**
   * Replaces everything appended before this call by `snapshot`, which must contain all of it that still matters, and
   * nothing that is appended after this call. It is read piece by piece while other things happen: pass a copy (an
   * array of values that do not change). Appends made meanwhile are written after it.
   *
   * Resolves with true once the old segments are gone, false if there was no room for a snapshot: the journal then stays
   * as it was. A bad entry rejects, with the same effect.
   * @throws ShrinkError `journal-write` as `append` does
   */
  compact(snapshot: Iterable<Entry>): Promise<boolean> {
    this.#compacting += 1;
    const done = new Promise<boolean>((resolve, reject) => {
      this.#enqueue([{ entries: snapshot, settle: { resolve, reject } }]);
    });
    return done.finally(() => {
      this.#compacting -= 1;
    });
  }

  /** Writes what is waiting, then closes the file. Later appends are refused. */
  async close(): Promise<void> {
    this.#closing ??= (this.#working ?? Promise.resolve()).then(() => this.#file.close().catch(() => {}));
    await this.#closing;
  }

  #enqueue(waiting: Waiting[]): void {
    const refusal = this.#fatal ?? (this.#closing ? closedError() : undefined);
    if (refusal) {
      for (const { settle } of waiting) settle?.reject(refusal);
      return;
    }
    for (const one of waiting) this.#queue.push(one);
    this.#working ??= this.#work();
  }

  /** Works until nothing is waiting. Appends made during a write share the next one. */
  async #work(): Promise<void> {
    // Everything appended in this turn of the event loop goes into one write as well.
    await Promise.resolve();
    while (!this.#fatal) {
      const [first] = this.#queue;
      if (!first) break;
      this.#busySince = this.#options.clock.monotonic();
      if ('entries' in first) {
        this.#queue.shift();
        await this.#compactNow(first.entries, first.settle);
      } else {
        await this.#commit(this.#takeLines());
      }
      this.#busySince = undefined;
    }
    this.#working = undefined;
  }

  /** As many lines as fit into one write; they keep their order relative to a waiting snapshot. */
  #takeLines(): WaitingLine[] {
    const lines: WaitingLine[] = [];
    let bytes = 0;
    for (const waiting of this.#queue) {
      if ('entries' in waiting) break;
      bytes += waiting.line.bytes;
      if (bytes > MAX_WRITE_BYTES) break;
      lines.push(waiting);
    }
    this.#queue.splice(0, lines.length);
    return lines;
  }

  async #commit(lines: WaitingLine[]): Promise<void> {
    try {
      if (this.#current.bytes >= (this.#options.segmentBytes ?? SEGMENT_BYTES)) await this.#rotate();
      const first = this.#lastSeq + 1;
      const bytes = Buffer.from(lines.map(({ line }, n) => finish(line, first + n)).join(''));
      await writeWhole(this.#file, bytes, this.#current.bytes);
      await this.#sync(this.#file);
      this.#current.bytes += bytes.length;
      this.#lastSeq += lines.length;
      this.#sinceSnapshot += lines.length;
    } catch (error) {
      return this.#poison(writeError(error, 'writing the journal', this.#current.path), lines);
    }
    for (const { settle } of lines) settle?.resolve();
  }

  async #rotate(): Promise<void> {
    const number = this.#current.number + 1;
    const path = segmentPath(this.#options.dir, number);
    const file = await this.#files.open(path, 'create');
    // Everything in the old one is synced; an error when closing it changes nothing.
    await this.#file.close().catch(() => {});
    this.#file = file;
    await this.#files.syncDir(this.#options.dir);
    this.#segments.push({ number, path, bytes: 0 });
  }

  async #compactNow(entries: Iterable<Entry>, settle: Settle<boolean>): Promise<void> {
    const number = this.#current.number + 1;
    const path = segmentPath(this.#options.dir, number);
    const temporary = temporaryPath(this.#options.dir, number);
    let snapshot: WrittenSnapshot;
    try {
      const content = { entries, firstSeq: this.#lastSeq + 1, now: this.#options.clock.now() };
      snapshot = await writeSnapshot(this.#files, temporary, content);
    } catch (error) {
      // The journal itself was not changed. A disk without room for a snapshot may well have room for a record.
      this.#noSnapshotBefore = this.#sinceSnapshot + COMPACT_AFTER_RECORDS;
      this.#options.log.warn(
        { err: error },
        'could not write a snapshot of the journal; it stays as it is and keeps growing',
      );
      if (isErrno(error)) return settle.resolve(false);
      return settle.reject(error);
    }
    try {
      await this.#sync(snapshot.file);
      await this.#files.rename(temporary, path);
      await this.#files.syncDir(this.#options.dir);
    } catch (error) {
      await snapshot.file.close().catch(() => {});
      return this.#poison(writeError(error, 'compacting the journal', path), [{ settle }]);
    }
    await this.#continueAfter(snapshot, { number, path, bytes: snapshot.bytes });
    settle.resolve(true);
  }

  async #continueAfter(snapshot: WrittenSnapshot, segment: LiveSegment): Promise<void> {
    const [oldFile, oldSegments] = [this.#file, this.#segments];
    this.#file = snapshot.file;
    this.#segments = [segment];
    this.#lastSeq = snapshot.lastSeq;
    this.#sinceSnapshot = 0;
    this.#noSnapshotBefore = 0;
    await oldFile.close().catch(() => {});
    await this.#removeAll(oldSegments);
    this.#options.log.debug({ file: basename(segment.path), bytes: segment.bytes }, 'journal compacted');
  }

  /** The new segment replaces them: one that stays behind is ignored, and removed at the next start. */
  async #removeAll(old: LiveSegment[]): Promise<void> {
    for (const { path } of old) {
      await this.#files.unlink(path).catch((error: unknown) => {
        this.#options.log.warn({ err: error, file: basename(path) }, 'could not remove an old segment of the journal');
      });
    }
  }

  async #sync(file: JournalFile): Promise<void> {
    const { clock } = this.#options;
    const started = clock.monotonic();
    await file.datasync();
    const lastMs = clock.monotonic() - started;
    this.#syncs = { count: this.#syncs.count + 1, totalMs: this.#syncs.totalMs + lastMs, lastMs };
  }

  #poison(error: ShrinkError, underWay: { settle?: Settle<never> }[]): void {
    this.#fatal = error;
    const waiting = this.#queue;
    this.#queue = [];
    for (const { settle } of [...underWay, ...waiting]) settle?.reject(error);
    this.#options.onFatal(error);
  }

  get #current(): LiveSegment {
    const current = this.#segments.at(-1);
    if (!current) throw new Error('a journal has at least one segment');
    return current;
  }
}
