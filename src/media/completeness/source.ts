/**
 * Room: whether a media file is complete, by the sizes its container announces. One walker for each kind of container reads a
 * few headers; none decodes anything. Callers decide how to read (ByteSource). May import core, messages, platform.
 */
import type { Sentence } from '../../core/message.ts';
import { say } from '../../messages/say.ts';
import { cancelled, doing, type Readable } from '../../platform/files/files.ts';

/** What a walker reads from. Reads may be short at the end of the file. */
export interface ByteSource {
  size: number;
  read(offset: number, length: number): Promise<Buffer>;
}

/** An open file as a source of bytes. Reads reject with the ShrinkErrors of reading, and `cancelled`. */
export async function byteSourceOf(file: Readable, signal?: AbortSignal): Promise<ByteSource> {
  return {
    size: Number((await file.stat()).size),
    async read(offset, length) {
      if (signal?.aborted) throw cancelled(file.path);
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await doing('reading', file.path, () => file.read(buffer, 0, length, offset));
      return buffer.subarray(0, bytesRead);
    },
  };
}

/**
 * - `complete`: the container's own sizes add up to the file. At `nextAt` another film begins (next-film.ts).
 * - `truncated`: bytes the container announces are not there.
 * - `suspect`: nothing is certainly missing, but more may come. An empty end is space that a copier or downloader has allocated and
 *   not written to yet; a camera's padding looks the same.
 * - `unknown`: not a container that says how large it is.
 * - `still`: complete, but a single picture under a name that animations have.
 */
export type Completeness =
  | { kind: 'complete'; nextAt?: number }
  | { kind: 'truncated'; why: Sentence }
  | { kind: 'suspect'; why: Sentence; hasEmptyEnd?: true; nextAt?: number }
  | { kind: 'unknown' }
  | { kind: 'still' };

export const COMPLETE: Completeness = { kind: 'complete' };
export const UNKNOWN: Completeness = { kind: 'unknown' };
export const STILL: Completeness = { kind: 'still' };

export function truncated(why: Sentence): Completeness {
  return { kind: 'truncated', why };
}

export function suspect(why: Sentence): Completeness {
  return { kind: 'suspect', why };
}

const END_BYTES = 4096;

/** What is said of a file whose last bytes are all zero; `undefined` for any other. No frame or packet of any format ends like this. */
export async function emptyEnd({ size, read }: ByteSource): Promise<Completeness | undefined> {
  const end = await read(Math.max(0, size - END_BYTES), END_BYTES);
  if (end.length === 0 || !isZero(end)) return undefined;
  return { kind: 'suspect', why: say('completeness.empty-end'), hasEmptyEnd: true };
}

/** The file is shorter than its header announces. */
export function shorterThanAnnounced(have: number, announced: number): Completeness {
  return truncated(say('completeness.share-of-announced', { percent: percentOf(have, announced) }));
}

/** How much of the announced size is there; never 100 while something is missing. */
export function percentOf(have: number, announced: number): number {
  return Math.floor((have / announced) * 100);
}

const WINDOW_BYTES = 1024;

/** Keeps the last window read, so that neighbouring headers cost one read. */
export function withWindow(source: ByteSource, windowBytes = WINDOW_BYTES): ByteSource {
  let start = 0;
  let window: Buffer = Buffer.alloc(0);
  return {
    size: source.size,
    async read(offset, length) {
      if (length > windowBytes) return source.read(offset, length);
      if (offset < start || offset + length > start + window.length) {
        window = await source.read(offset, windowBytes);
        start = offset;
      }
      return window.subarray(offset - start, offset - start + length);
    },
  };
}

export function isZero(bytes: Buffer): boolean {
  return bytes.every(byte => byte === 0);
}
