import { say } from '../../messages/say.ts';
import {
  type ByteSource,
  COMPLETE,
  type Completeness,
  isZero,
  shorterThanAnnounced,
  suspect,
  truncated,
  UNKNOWN,
} from './source.ts';

const EBML = 0x1a45dfa3;
const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;
const SEEK_HEAD = 0x114d9b74;
const SEEK = 0x4dbb;
const SEEK_ID = 0x53ab;
const SEEK_POSITION = 0x53ac;
/** Direct children of a segment (RFC 9559): a cluster of unknown size ends where one of them begins. */
const LEVEL_1 = new Set([
  SEEK_HEAD,
  CLUSTER,
  0x1549a966, // Info
  0x1654ae6b, // Tracks
  0x1c53bb6b, // Cues
  0x1043a770, // Chapters
  0x1254c367, // Tags
  0x1941a469, // Attachments
]);
const ANYWHERE = new Set([0xec /* Void */, 0xbf /* CRC-32 */]);
/** A segment of unknown size is walked this far; a longer one counts as unknown. */
const MAX_ELEMENTS = 5_000;

interface Element {
  id: number;
  start: number;
  dataAt: number;
  /** Undefined: unknown size (all ones), as live muxers write it. */
  end: number | undefined;
}

export function looksLikeMatroska(head: Buffer): boolean {
  return head.length >= 4 && head.readUInt32BE(0) === EBML;
}

/** The segment's size must fit the file, and its seek table must not point to nothing. */
export async function walkMatroska(source: ByteSource): Promise<Completeness> {
  const header = await elementAt(source, 0);
  if (!header?.end) return UNKNOWN;
  const segment = await elementAt(source, header.end);
  if (!segment || segment.id !== SEGMENT) {
    return source.size - header.end < 12 ? truncated(say('completeness.only-header')) : UNKNOWN;
  }
  if (segment.end === undefined) return walkOpenSegment(source, segment.dataAt);
  if (segment.end > source.size) return shorterThanAnnounced(source.size, segment.end);
  return (await hasEmptySeekTarget(source, segment))
    ? truncated(say('completeness.unwritten-part'))
    : endOf(source, segment.end);
}

async function elementAt(source: ByteSource, start: number): Promise<Element | undefined> {
  const bytes = await source.read(start, 12);
  const idBytes = vintLength(bytes[0]);
  if (idBytes === 0 || idBytes > 4 || bytes.length < idBytes + 1) return undefined;
  const sizeBytes = vintLength(bytes[idBytes]);
  if (sizeBytes === 0 || bytes.length < idBytes + sizeBytes) return undefined;
  const id = bytes.readUIntBE(0, idBytes);
  const size = vintValue(bytes.subarray(idBytes, idBytes + sizeBytes));
  const dataAt = start + idBytes + sizeBytes;
  return { id, start, dataAt, end: size === undefined ? undefined : dataAt + size };
}

/** Bytes of a variable-size integer by its first byte; 0 for a byte that cannot begin one. */
function vintLength(first: number | undefined): number {
  return first ? Math.clz32(first) - 23 : 0;
}

function vintValue(bytes: Buffer): number | undefined {
  let value = BigInt(bytes[0] ?? 0) & BigInt((1 << (8 - bytes.length)) - 1);
  for (const byte of bytes.subarray(1)) value = (value << 8n) | BigInt(byte);
  const allOnes = (1n << BigInt(7 * bytes.length)) - 1n;
  return value === allOnes ? undefined : Number(value);
}

/** A segment without a size: a recording that is running, was interrupted, or was written to a pipe. */
async function walkOpenSegment(source: ByteSource, from: number): Promise<Completeness> {
  let offset = from;
  let inCluster = false;
  let clusters = 0;
  for (let n = 0; offset < source.size; n += 1) {
    if (n === MAX_ELEMENTS) return UNKNOWN;
    const element = await elementAt(source, offset);
    if (!element) return truncated(say('completeness.inside-cluster'));
    if (element.id === EBML) return { kind: 'suspect', why: say('completeness.live'), nextAt: offset };
    const plausible = LEVEL_1.has(element.id) || ANYWHERE.has(element.id) || inCluster;
    if (!plausible) return truncated(say('completeness.bad-structure'));
    if (element.id === CLUSTER) clusters += 1;
    if (LEVEL_1.has(element.id)) inCluster = element.id === CLUSTER && element.end === undefined;
    if (element.end === undefined && element.id !== CLUSTER) return UNKNOWN;
    if (element.end !== undefined && element.end > source.size) return truncated(say('completeness.inside-cluster'));
    offset = element.end ?? element.dataAt;
  }
  return clusters === 0 ? truncated(say('completeness.no-clusters')) : suspect(say('completeness.live'));
}

async function endOf(source: ByteSource, at: number): Promise<Completeness> {
  return looksLikeMatroska(await source.read(at, 4)) ? { kind: 'complete', nextAt: at } : COMPLETE;
}

/** Whether the seek table points to an element where there are only zeros (space allocated by a downloader). */
async function hasEmptySeekTarget(source: ByteSource, segment: Element): Promise<boolean> {
  const table = await elementAt(source, segment.dataAt);
  if (!table?.end || table.id !== SEEK_HEAD || table.end - table.dataAt > 4096) return false;
  for (let at = table.dataAt; at < table.end; ) {
    const seek = await elementAt(source, at);
    if (!seek?.end) return false;
    const position = seek.id === SEEK ? await seekPosition(source, seek.dataAt, seek.end) : undefined;
    if (position !== undefined && isZero(await source.read(segment.dataAt + position, 4))) return true;
    at = seek.end;
  }
  return false;
}

async function seekPosition(source: ByteSource, from: number, to: number): Promise<number | undefined> {
  for (let at = from; at < to; ) {
    const field = await elementAt(source, at);
    if (!field?.end) return undefined;
    const length = field.end - field.dataAt;
    if (field.id === SEEK_POSITION && length >= 1 && length <= 6) {
      return (await source.read(field.dataAt, length)).readUIntBE(0, length);
    }
    if (field.id !== SEEK_ID && field.id !== SEEK_POSITION && !ANYWHERE.has(field.id)) return undefined;
    at = field.end;
  }
  return undefined;
}
