/**
 * Is the end of the last segment torn, or is the journal damaged?
 *
 * A crash can only spoil the one write that was not yet synced, and nobody was told that it happened: cutting it off
 * loses nothing. What a crash leaves is recognisable: the write stops short (no newline at the end), or sectors of it
 * never arrived (zero bytes, which JSON text never holds). So the bytes from the first bad line to the end of the file
 * are a torn tail when
 * - there is no good record among them, not even behind the remains of another one in the same line,
 * - they end without a newline or hold a zero byte, and
 * - they are no longer than one write can be.
 * Anything else, such as a whole last line with a wrong checksum, is no crash's work. That record may have been
 * acknowledged, a paid step may stand in it, and dropping it could mean paying twice: damaged, and a person decides.
 */
import { decodeRecord, MAX_WRITE_BYTES } from './records.ts';

const RECORD_START = Buffer.from('{"v":1,"seq":');

/** Collects what follows the first bad line of the last segment. */
export class Tail {
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

  /** Why this cannot be a torn write, or `undefined` when it is one. */
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
