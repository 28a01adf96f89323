import { say } from '../../messages/say.ts';
import {
  type ByteSource,
  COMPLETE,
  type Completeness,
  emptyEnd,
  isZero,
  percentOf,
  suspect,
  truncated,
  UNKNOWN,
} from './source.ts';

/** Top-level boxes of MP4 and QuickTime that a file may begin with. */
const FIRST_BOXES = new Set(['ftyp', 'moov', 'mdat', 'wide', 'free', 'skip', 'pnot', 'styp', 'moof', 'uuid', 'sidx']);
/** Fragmented files of many hours have more; there the walk gives up. */
const MAX_BOXES = 10_000;

interface Box {
  type: string;
  start: number;
  headerBytes: number;
  /** Undefined: up to the end of the file. */
  end: number | undefined;
}

interface Found {
  moov: boolean;
  mdat: boolean;
  fragments: boolean;
  /** An index of the fragments agrees with where the file ends. */
  indexed: boolean;
  /** HEIF and AVIF have `meta` where a video has `moov`. */
  meta: boolean;
  last: Box | undefined;
}

export function looksLikeIsobmff(head: Buffer): boolean {
  return head.length >= 8 && FIRST_BOXES.has(head.toString('latin1', 4, 8));
}

/** Top-level boxes must add up to the file, with `moov` and media among them. One small read per box. */
export async function walkIsobmff(source: ByteSource): Promise<Completeness> {
  const found: Found = { moov: false, mdat: false, fragments: false, indexed: false, meta: false, last: undefined };
  let offset = 0;
  for (let n = 0; offset < source.size; n += 1) {
    if (n === MAX_BOXES) return UNKNOWN;
    const box = boxAt(await source.read(offset, 16), offset);
    if (!box) return afterLastBox(source, found, offset);
    if (box.end !== undefined && box.end > source.size) return cutInside(box, source.size);
    await note(found, box, source);
    offset = box.end ?? source.size;
  }
  return verdict(found, source);
}

function boxAt(header: Buffer, start: number): Box | undefined {
  if (header.length < 8) return undefined;
  const type = header.toString('latin1', 4, 8);
  if (!/^[\x20-\x7e\xa9]{4}$/.test(type)) return undefined;
  const size = header.readUInt32BE(0);
  if (size === 0) return { type, start, headerBytes: 8, end: undefined };
  if (size === 1 && header.length >= 16) {
    const large = Number(header.readBigUInt64BE(8));
    return large < 16 ? undefined : { type, start, headerBytes: 16, end: start + large };
  }
  return size < 8 ? undefined : { type, start, headerBytes: 8, end: start + size };
}

async function note(found: Found, box: Box, source: ByteSource): Promise<void> {
  found.last = box;
  if (box.type === 'moov') found.moov = true;
  if (box.type === 'meta') found.meta = true;
  if (box.type === 'mdat') found.mdat = true;
  if (box.type === 'moof') found.fragments = true;
  if (box.type === 'mfra') found.indexed = true;
  if (box.type === 'sidx') found.indexed ||= (await endOfSidx(box, source)) === source.size;
}

/** Where the last fragment listed in a segment index ends (ISO/IEC 14496-12, 8.16.3). */
async function endOfSidx(box: Box, source: ByteSource): Promise<number | undefined> {
  if (box.end === undefined || box.end - box.start > 1_000_000) return undefined;
  const bytes = await source.read(box.start + box.headerBytes, box.end - box.start - box.headerBytes);
  if (bytes.length < 24) return undefined;
  const wide = bytes[0] === 1;
  const firstOffset = wide ? Number(bytes.readBigUInt64BE(20)) : bytes.readUInt32BE(16);
  const listAt = wide ? 28 : 20;
  if (bytes.length < listAt + 4) return undefined;
  const count = bytes.readUInt16BE(listAt + 2);
  let end = box.end + firstOffset;
  for (let i = 0; i < count; i += 1) {
    const at = listAt + 4 + i * 12;
    if (at + 4 > bytes.length) return undefined;
    end += bytes.readUInt32BE(at) & 0x7fffffff;
  }
  return end;
}

function cutInside(box: Box, size: number): Completeness {
  const announced = (box.end ?? size) - box.start;
  if (box.type !== 'mdat') return truncated(say('completeness.inside-box', { type: box.type }));
  return truncated(say('completeness.share-of-media', { percent: percentOf(size - box.start, announced) }));
}

/** Bytes that are not a box: padding after a finished file, or space that is allocated and not yet written. */
async function afterLastBox(source: ByteSource, found: Found, offset: number): Promise<Completeness> {
  const finished = found.moov && found.mdat && !found.fragments;
  if (finished || source.size - offset < 8) return verdict(found, source);
  if (isZero(await source.read(offset, 16))) return truncated(say('completeness.unwritten-part'));
  return offset === 0 ? UNKNOWN : truncated(say('completeness.bad-structure'));
}

async function verdict(found: Found, source: ByteSource): Promise<Completeness> {
  if (!found.moov) return found.meta ? COMPLETE : truncated(say('completeness.no-index'));
  if (!found.mdat) return truncated(say('completeness.no-media'));
  if (found.fragments && !found.indexed) return suspect(say('completeness.fragments-without-index'));
  return (found.last?.type === 'mdat' && (await emptyEnd(source))) || COMPLETE;
}
