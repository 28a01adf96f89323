/**
 * One record of the journal is one line of JSON:
 *
 *     {"v":1,"seq":7,"at":1700000000000,"job":"k3x9","event":"started","data":{...},"crc":"1f2e3d4c"}
 *
 * `crc` is the CRC-32 of the bytes before `,"crc":` and always comes last. Later versions keep that frame, so that an older program
 * can tell a newer record from a damaged one. The shape of `data` is part of the version as well: queue/journal-schema.ts checks it.
 */
import { crc32 } from 'node:zlib';

/** Raised when the frame, or the meaning of a key in `data`, changes so that an older shrinkbox must not read it. */
export const RECORD_VERSION = 3;

/** Longest line the journal writes, with its newline, in bytes; also the most it ever writes before it syncs. */
export const MAX_WRITE_BYTES = 4 * 1024 * 1024;

export interface JournalRecord {
  /** Position in the journal: 1, 2, 3, ... without a gap. */
  seq: number;
  /** Epoch milliseconds. */
  at: number;
  /** The job it is about; null for the daemon as a whole. */
  job: string | null;
  event: string;
  /** Whatever JSON the event carries; what it means is the queue's business (queue/journal-schema.ts). */
  data: unknown;
}

/** A record before it gets its place. */
export interface Entry {
  job: string | null;
  event: string;
  data: unknown;
  /** Epoch milliseconds; now where absent. */
  at?: number;
  /** The version of the records that brought this event; 1 where absent, so that an older shrinkbox reads what it can. */
  v?: number;
}

export type Decoded =
  | { kind: 'record'; record: JournalRecord }
  | { kind: 'newer'; version: number }
  /** `wrong` completes the sentence "line 7: ...". */
  | { kind: 'bad'; wrong: string };

/** An entry as it was when appended: everything of its line except `seq`. */
export interface Draft {
  v: number;
  tail: string;
  /** Upper bound of the finished line in bytes, newline included. */
  bytes: number;
}

/**
 * Encodes an entry at once: its `data` may change afterwards.
 * @param now epoch milliseconds, for an entry without a time
 * @throws TypeError if it is not JSON (a cycle, a BigInt), RangeError if the line would be longer than
 *   MAX_WRITE_BYTES: both are bugs of the caller, and nothing is written.
 */
export function draft(entry: Entry, now: number): Draft {
  const at = Math.trunc(entry.at ?? now);
  if (!Number.isSafeInteger(at)) throw new TypeError(`the time of ${entry.event} is ${at}`);
  const data = JSON.stringify(entry.data) ?? 'null';
  const event = JSON.stringify(entry.event);
  const tail = `,"at":${at},"job":${JSON.stringify(entry.job)},"event":${event},"data":${data}`;
  const bytes = HEAD_BYTES + Buffer.byteLength(tail) + FRAME_BYTES + 1;
  if (bytes > MAX_WRITE_BYTES) throw new RangeError(`the data of ${entry.event} is too large: ${bytes} bytes`);
  return { v: entry.v ?? 1, tail, bytes };
}

/** The line of a draft at its place, newline included. */
export function finish(drafted: Draft, seq: number): string {
  const body = `{"v":${drafted.v},"seq":${seq}${drafted.tail}`;
  return `${body},"crc":"${hex(crc32(body))}"}\n`;
}

export function encodeRecord(record: JournalRecord): string {
  return finish(draft(record, record.at), record.seq);
}

/** Reads one line (without its newline) and says exactly what is wrong with a bad one. Never throws. */
export function decodeRecord(line: Buffer): Decoded {
  const end = line.length - FRAME_BYTES;
  if (!isFramed(line, end)) return bad(line.length === 0 ? 'it is empty' : 'it does not end like a record');
  const is = crc32(line.subarray(0, end));
  if (checksumIn(line, end + CRC_AT) !== is) {
    const said = printable(line.toString('latin1', end + CRC_AT, end + CRC_AT + 8));
    return bad(`its checksum is ${said}, its content says ${hex(is)}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch (error) {
    return bad(`its checksum is right, but it is not JSON: ${(error as Error).message}`);
  }
  return checked(value as Record<string, unknown>);
}

/** The end of a line with zeros for digits, and where the digits begin. */
const FRAME = Buffer.from(',"crc":"\0\0\0\0\0\0\0\0"}');
const FRAME_BYTES = FRAME.length;
const CRC_AT = FRAME.indexOf(0);
/** `{"v":1,"seq":` + up to 16 digits */
const HEAD_BYTES = 29;

// Byte by byte instead of as text: a start reads a million of these, and this saves a tenth of the time.

function isFramed(line: Buffer, end: number): boolean {
  if (end < 1) return false;
  for (let at = 0; at < FRAME_BYTES; at += 1) {
    if (FRAME[at] !== 0 && line[end + at] !== FRAME[at]) return false;
  }
  return true;
}

/** Eight lower-case digits, or -1: `1F2E` for `1f2e` is a flipped bit too. */
function checksumIn(line: Buffer, start: number): number {
  let value = 0;
  for (let at = start; at < start + 8; at += 1) {
    const byte = line[at] ?? 0;
    if (byte >= 0x30 && byte <= 0x39) value = value * 16 + byte - 0x30;
    else if (byte >= 0x61 && byte <= 0x66) value = value * 16 + byte - 0x57;
    else return -1;
  }
  return value;
}

function checked(value: Record<string, unknown>): Decoded {
  const { v, seq, at, job, event } = value;
  if (!isCount(v)) return bad('it has no version');
  if (v > RECORD_VERSION) return { kind: 'newer', version: v };
  if (!isCount(seq)) return bad('it has no sequence number');
  if (!Number.isSafeInteger(at)) return bad('it has no time');
  if (job !== null && typeof job !== 'string') return bad('it does not say which job it is about');
  if (typeof event !== 'string') return bad('it does not say what happened');
  if (!('data' in value)) return bad('it has no data');
  return { kind: 'record', record: { seq, at: at as number, job, event, data: value['data'] } };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function bad(wrong: string): Decoded {
  return { kind: 'bad', wrong };
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}

function printable(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
