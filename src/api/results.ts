/**
 * Delivered files for people to play and to fetch: read from one descriptor, a piece at a time, so that a film of 10 GB takes no more
 * memory than a short one.
 */
import { basename } from 'node:path';
import { ShrinkError } from '../core/errors.ts';
import type { Pin } from '../core/job.ts';
import { say } from '../messages/say.ts';
import type { Clock } from '../platform/clock.ts';
import type { HeldFile } from '../platform/files/door.ts';
import { fileError } from '../platform/files/file-error.ts';
import { Streams } from './connections.ts';
import {
  answerFor,
  dispositionOf,
  etagOf,
  type FileAnswer,
  type FileRequest,
  lastModifiedOf,
  type Span,
} from './file-headers.ts';

/** What a job delivered, or was about. */
export interface Delivered {
  /** Absolute path. */
  path: string;
  bytes: number;
  /** The inode it had; absent in journals that did not keep it. */
  ino?: string | undefined;
  /** The date it was given: that of its source, epoch ms. */
  mtimeMs: number;
  /** Media type; by default that of results. */
  type?: string | undefined;
}

export interface ResultsOptions {
  /** What the files are, as is said of one that is gone. */
  of?: 'result' | 'original';
  /** What the job with this id delivered; `undefined` if there is no such job, or it has no result. */
  find(id: string): Delivered | undefined;
  /** Opens a result in its outbox, never through a link. @throws ShrinkError, or an errno error */
  open(path: string): Promise<HeldFile>;
  clock: Clock;
}

export interface ResultRequest extends FileRequest {
  id: string;
  /** Whether only the headers are wanted. */
  head: boolean;
  /** To be saved rather than shown. */
  download: boolean;
  /** Who asks, for the limit of each; empty on the socket. */
  address: string;
  /** Ends the connection: of a file that cannot be read to its end, nothing more can be said. */
  cut(): void;
}

export interface ResultAnswer {
  status: 200 | 206 | 304 | 416;
  headers: Record<string, string>;
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
}

/** Each holds a descriptor and a piece of the file. A player has one or two, and one more while it seeks. */
const LIMITS = { total: 64, perAddress: 16 };
const PIECE_BYTES = 256 * 1024;
/** A player that was paused this long asks for the rest again, from where it was. */
const STALLED_MS = 10 * 60_000;
/** FAT keeps even seconds only. */
const SAME_DATE_MS = 2_000;

export class Results {
  readonly #options: ResultsOptions;
  readonly #streams = new Streams(LIMITS);

  constructor(options: ResultsOptions) {
    this.#options = options;
  }

  has(id: string): boolean {
    return this.#options.find(id) !== undefined;
  }

  /**
   * The answer to a request for the result of a job; `undefined` if it has none.
   * @throws ShrinkError `gone` if the file is no longer there or another has its name, `unavailable` if its disk is away or too many
   *   are being read.
   */
  async answer(asked: ResultRequest): Promise<ResultAnswer | undefined> {
    const delivered = this.#options.find(asked.id);
    if (!delivered) return undefined;
    const end = this.#streams.open(asked.address);
    if (!end) throw new ShrinkError('unavailable', say('api.too-many-results'), { hint: say('api.try-later') });
    const file = await this.#open(delivered).catch(error => {
      end();
      throw error;
    });
    const release = async () => {
      end();
      await file.close();
    };
    const answer = answerFor(asked, file.pin);
    const headers = headersOf(answer, file.pin, {
      disposition: dispositionFor(delivered, asked.download),
      type: delivered.type ?? 'video/mp4',
    });
    if (asked.head || !('span' in answer)) {
      await release();
      return { status: answer.status, headers, body: null };
    }
    const body = streamOf(file, answer.span, { release, cut: asked.cut, clock: this.#options.clock });
    return { status: answer.status, headers, body };
  }

  async #open(delivered: Delivered): Promise<HeldFile> {
    const { path } = delivered;
    const { of = 'result' } = this.#options;
    const gone = (cause?: unknown) =>
      new ShrinkError('gone', say(of === 'result' ? 'api.result-gone' : 'api.original-gone'), { subject: path, cause });
    const exchanged = () =>
      new ShrinkError('gone', say(of === 'result' ? 'api.result-exchanged' : 'api.original-exchanged'), {
        subject: path,
      });
    let file: HeldFile;
    try {
      file = await this.#options.open(path);
    } catch (error) {
      const known = fileError(error, say('files.opening', { path }), path);
      if (known.code === 'gone') throw gone(error);
      if (known.code === 'changed-underneath') throw exchanged();
      throw known;
    }
    if (isWhatWasDelivered(file, delivered)) return file;
    await file.close();
    throw exchanged();
  }
}

/** A copy of the outbox on another disk keeps dates but no inodes, and a `touch` the other way round. */
function isWhatWasDelivered({ pin }: HeldFile, { bytes, ino, mtimeMs }: Delivered): boolean {
  if (pin.sizeBytes !== bytes) return false;
  const isSameDate = Math.abs(Number(BigInt(pin.mtimeNs) / 1_000_000n) - mtimeMs) <= SAME_DATE_MS;
  return ino === undefined || ino === pin.ino || isSameDate;
}

function dispositionFor({ path }: Delivered, download: boolean): string {
  return dispositionOf(basename(path), download ? 'attachment' : 'inline');
}

function headersOf(
  answer: FileAnswer,
  pin: Pin,
  { disposition, type }: { disposition: string; type: string },
): Record<string, string> {
  const general = {
    'Accept-Ranges': 'bytes',
    ETag: etagOf(pin),
    'Last-Modified': lastModifiedOf(pin),
    // To be kept, but asked about each time: whoever lost the token sees nothing.
    'Cache-Control': 'private, no-cache',
  };
  if (answer.status === 304) return general;
  if (answer.status === 416) return { ...general, 'Content-Range': `bytes */${pin.sizeBytes}`, 'Content-Length': '0' };
  const { from, to } = answer.span;
  return {
    ...general,
    'Content-Type': type,
    'Content-Disposition': disposition,
    'Content-Length': String(to - from),
    ...(answer.status === 206 && { 'Content-Range': `bytes ${from}-${to - 1}/${pin.sizeBytes}` }),
  };
}

interface Ending {
  /** Closes the file; called once. */
  release(): Promise<void>;
  cut(): void;
  clock: Clock;
}

/** Reads a piece when one is wanted. Whoever stops reading, or reads nothing for long, has the file closed. */
function streamOf(
  file: HeldFile,
  { from, to }: Span,
  { release, cut, clock }: Ending,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = from;
  let isOver = false;
  const finish = async () => {
    if (isOver) return;
    isOver = true;
    stopWatching();
    await release();
  };
  const fail = async () => {
    await finish();
    cut();
  };
  const watch = () => clock.after(STALLED_MS, () => void fail());
  // From the first moment on: the connection may be gone before anything of it is wanted.
  let stopWatching = watch();
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        stopWatching();
        const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, to - at));
        const read = await file.read(piece, 0, piece.length, at).catch(() => undefined);
        if (isOver) return;
        // It was cut short meanwhile, or its disk fails.
        if (!read || (read.bytesRead === 0 && at < to)) return fail();
        at += read.bytesRead;
        if (read.bytesRead > 0) controller.enqueue(piece.subarray(0, read.bytesRead));
        if (at < to) {
          stopWatching = watch();
          return;
        }
        controller.close();
        await finish();
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  );
}
