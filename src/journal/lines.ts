import type { JournalFile } from './io.ts';
import { MAX_WRITE_BYTES } from './records.ts';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Calls `visit` for every line of a file, in order, without its newline. The last one may lack the newline (`whole` is
 * false then); a line longer than MAX_WRITE_BYTES is cut there, not whole either, and ends the scan: no record is as
 * long. Memory is that of the longest line; the bytes are only valid during the call.
 */
export async function scanLines(
  file: JournalFile,
  visit: (line: Buffer, offset: number, whole: boolean) => void,
): Promise<void> {
  let buffer: Buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  /** File offset of the first byte in `buffer`, and how many bytes there belong to a line not yet complete. */
  let base = 0;
  let held = 0;
  for (;;) {
    if (held === buffer.length) buffer = grown(buffer);
    const got = await file.read(buffer.subarray(held), base + held);
    const filled = buffer.subarray(0, held + got);
    let start = 0;
    let newline = filled.indexOf(0x0a, held);
    while (newline !== -1) {
      visit(filled.subarray(start, newline), base + start, true);
      start = newline + 1;
      newline = filled.indexOf(0x0a, start);
    }
    held = filled.length - start;
    base += start;
    const ended = got === 0 || held > MAX_WRITE_BYTES;
    if (ended && held > 0) visit(filled.subarray(start), base, false);
    if (ended) return;
    buffer.copyWithin(0, start, filled.length);
  }
}

function grown(buffer: Buffer): Buffer {
  const larger = Buffer.allocUnsafe(buffer.length * 2);
  buffer.copy(larger);
  return larger;
}
