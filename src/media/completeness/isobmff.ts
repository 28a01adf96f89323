import { say } from '../../messages/say.ts';
import { isNoBox } from '../mp4-boxes.ts';
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
    if (box.end !== undefined && box.end > source.size) {
      const has = (type: string) => (type === 'moof' ? found.fragments : type === 'moov' ? found.moov : found.mdat);
      return isNoBox(box.type, has) ? verdict(found, source) : cutInside(box, source.size);
    }
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

/**
 * Where a second film begins in an MP4 or MOV with these top-level boxes: a file type of its own, its index and its media. Of two
 * indexes ffmpeg reads one. Fragments may repeat theirs; they are another film if their clock starts again.
 */
export async function nextMovie(source: ByteSource, boxes: readonly TopBox[]): Promise<number | undefined> {
  const old = nextOldMovie(boxes);
  if (old !== undefined) return old;
  const starts = boxes.flatMap(({ type }, at) => (type === 'ftyp' ? [at] : []));
  for (const [n, start] of starts.entries()) {
    const [before, after] = [boxes.slice(0, start), boxes.slice(start, starts[n + 1])];
    if (!isMovie(before) || !isMovie(after)) continue;
    const [last, first] = [before.findLast(isFragment), after.find(isFragment)];
    if (last && first && (await goesOn(source, last, first))) continue;
    return boxes[start]?.offset;
  }
  return undefined;
}

/** The first films of QuickTime have no file type: index and media, twice. */
function nextOldMovie(boxes: readonly TopBox[]): number | undefined {
  const parts = boxes.filter(({ type }) => ['ftyp', 'moov', 'mdat', 'moof'].includes(type));
  const isTwice = /^(moov mdat|mdat moov)( \1)+$/.test(parts.map(({ type }) => type).join(' '));
  const end = isTwice ? parts[1] : undefined;
  return end && end.offset + end.bytes;
}

type TopBox = { type: string; offset: number; bytes: number };

const isFragment = ({ type }: TopBox): boolean => type === 'moof';
const isMovie = (boxes: readonly TopBox[]): boolean =>
  ['moov', 'mdat'].every(wanted => boxes.some(({ type }) => type === wanted));

/** Whether the tracks of one fragment are later than those of another; fragments that don't say follow each other. */
async function goesOn(source: ByteSource, before: TopBox, after: TopBox): Promise<boolean> {
  const [earlier, later] = [await startsOf(source, before), await startsOf(source, after)];
  if (earlier.size === 0 || later.size === 0) return true;
  return [...later].some(([track, time]) => time > (earlier.get(track) ?? Infinity));
}

const MAX_FRAGMENT_HEADER = 1_000_000;

/** When the tracks of a fragment begin, in ticks of each, by their IDs: of every `traf`, its `tfhd` and `tfdt`. */
async function startsOf(source: ByteSource, { offset, bytes }: TopBox): Promise<Map<number, number>> {
  const moof = await source.read(offset, Math.min(bytes, MAX_FRAGMENT_HEADER));
  const starts = new Map<number, number>();
  let track: number | undefined;
  for (let at = 8; at + 24 <= moof.length; ) {
    const size = moof.readUInt32BE(at);
    const type = moof.toString('latin1', at + 4, at + 8);
    if (size < 8) break;
    if (type === 'tfhd') track = moof.readUInt32BE(at + 12);
    if (type === 'tfdt' && track !== undefined)
      starts.set(track, moof[at + 8] === 1 ? Number(moof.readBigUInt64BE(at + 12)) : moof.readUInt32BE(at + 12));
    at += type === 'traf' ? 8 : size;
  }
  return starts;
}
