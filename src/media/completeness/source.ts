/** What a header walk reads from. Reads may come back short at the end of the file. */
export interface ByteSource {
  size: number;
  read(offset: number, length: number): Promise<Buffer>;
}

/**
 * - `complete`: the container's own arithmetic adds up to the file.
 * - `truncated`: bytes the container announces are not there.
 * - `suspect`: nothing is missing for sure, but it looks as if more may come.
 * - `unknown`: not a container with such arithmetic.
 */
export type Completeness =
  | { kind: 'complete' }
  | { kind: 'truncated'; why: string }
  | { kind: 'suspect'; why: string }
  | { kind: 'unknown' };

export const COMPLETE: Completeness = { kind: 'complete' };
export const UNKNOWN: Completeness = { kind: 'unknown' };

export function truncated(why: string): Completeness {
  return { kind: 'truncated', why };
}

export function suspect(why: string): Completeness {
  return { kind: 'suspect', why };
}

/** `37 %`, never 100: how much of what was announced is there. */
export function shareOf(have: number, announced: number): string {
  return `${Math.min(99, Math.floor((have / announced) * 100))} %`;
}

const WINDOW_BYTES = 1024;

/** Keeps the last window read, so that neighbouring headers cost one read. */
export function withWindow(source: ByteSource): ByteSource {
  let start = 0;
  let window: Buffer = Buffer.alloc(0);
  return {
    size: source.size,
    async read(offset, length) {
      if (length > WINDOW_BYTES) return source.read(offset, length);
      if (offset < start || offset + length > start + window.length) {
        window = await source.read(offset, WINDOW_BYTES);
        start = offset;
      }
      return window.subarray(offset - start, offset - start + length);
    },
  };
}

export function isZero(bytes: Buffer): boolean {
  return bytes.every(byte => byte === 0);
}
