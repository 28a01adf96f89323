import { say } from '../../messages/say.ts';
import { type ByteSource, COMPLETE, type Completeness, truncated, UNKNOWN } from './source.ts';

/** Where a whole file ends with a mark, or lists what it holds, one without it was cut. */
export const endMissing = (): Completeness => truncated(say('completeness.end-missing'));

const PNG = Buffer.from('89504e470d0a1a0a', 'hex');
/** The empty last chunk (W3C PNG, 11.2.5). */
const IEND = Buffer.from('0000000049454e44ae426082', 'hex');

export function looksLikePng(head: Buffer): boolean {
  return head.subarray(0, PNG.length).equals(PNG);
}

/** PNG and its animations. */
export async function walkPng(source: ByteSource): Promise<Completeness> {
  const end = await source.read(Math.max(0, source.size - IEND.length), IEND.length);
  return end.equals(IEND) ? COMPLETE : endMissing();
}

const MAX_PNG_HEADERS = 4096;

/** Another animation behind the end of the first. */
export async function nextPng(source: ByteSource): Promise<number | undefined> {
  for (let at = PNG.length; ; ) {
    const chunk = await source.read(at, 8);
    if (chunk.length < 8) return undefined;
    at += 12 + chunk.readUInt32BE(0);
    if (chunk.toString('latin1', 4, 8) !== 'IEND') continue;
    const next = await source.read(at, MAX_PNG_HEADERS);
    return looksLikePng(next) && next.includes('acTL') ? at : undefined;
  }
}

const IVF_FRAME_HEADER = 12;
/** Longer ones are not walked to their end. */
const MAX_IVF_FRAMES = 20_000;

export function looksLikeIvf(head: Buffer): boolean {
  return head.length >= 32 && head.toString('latin1', 0, 4) === 'DKIF' && head.readUInt16LE(6) >= 32;
}

/** IVF, as libvpx writes it: a header with the number of frames, 0 in a stream, then each frame behind its size. */
export async function walkIvf(source: ByteSource): Promise<Completeness> {
  const header = await source.read(0, 32);
  const announced = header.readUInt32LE(24);
  let at = header.readUInt16LE(6);
  for (let frames = 0; frames <= MAX_IVF_FRAMES; frames += 1) {
    if (frames === announced && looksLikeIvf(await source.read(at, 32))) return { kind: 'complete', nextAt: at };
    if (at === source.size) return announced > frames ? endMissing() : announced === frames ? COMPLETE : UNKNOWN;
    const frame = await source.read(at, IVF_FRAME_HEADER);
    if (frame.length < IVF_FRAME_HEADER) return endMissing();
    at += IVF_FRAME_HEADER + frame.readUInt32LE(0);
    if (at > source.size) return endMissing();
  }
  return UNKNOWN;
}

const OGG_PAGE = Buffer.from('OggS', 'latin1');
/** 27 bytes, then the sizes of up to 255 parts of up to 255 bytes each (RFC 3533, 6). */
const OGG_HEADER = 27;
const MAX_OGG_PAGE = OGG_HEADER + 255 + 255 * 255;
/** Of the flags of a page: its stream ends here. */
const OGG_LAST = 4;

export function looksLikeOgg(head: Buffer): boolean {
  return head.subarray(0, OGG_PAGE.length).equals(OGG_PAGE);
}

/** Of the flags of a page: a stream begins here. All of one film begin before anything else of it. */
const OGG_FIRST = 2;

/** A chained stream: legal, but ffmpeg reads no second film from it. */
export async function nextOgg(source: ByteSource): Promise<number | undefined> {
  let hasBegun = false;
  for (let at = 0; ; ) {
    const page = await source.read(at, OGG_HEADER + 255);
    const count = page[OGG_HEADER - 1];
    if (!looksLikeOgg(page) || count === undefined) return undefined;
    const isFirst = ((page[5] ?? 0) & OGG_FIRST) !== 0;
    if (isFirst && hasBegun) return at;
    hasBegun ||= !isFirst;
    at += OGG_HEADER + count + page.subarray(OGG_HEADER, OGG_HEADER + count).reduce((sum, size) => sum + size, 0);
  }
}

/** Ogg ends with a whole page, which says that its stream ends. What was recorded live may lack the latter. */
export async function walkOgg(source: ByteSource): Promise<Completeness> {
  const end = await source.read(Math.max(0, source.size - MAX_OGG_PAGE), MAX_OGG_PAGE);
  for (let at = end.lastIndexOf(OGG_PAGE); at >= 0; at = at === 0 ? -1 : end.lastIndexOf(OGG_PAGE, at - 1)) {
    const count = end[at + OGG_HEADER - 1];
    const sizes = end.subarray(at + OGG_HEADER, at + OGG_HEADER + (count ?? 0));
    // Such letters may stand in a page by chance: then the page before them is the one that ends.
    if (sizes.length !== count) continue;
    const pageEnd = at + OGG_HEADER + count + sizes.reduce((sum, size) => sum + size, 0);
    const isLast = ((end[at + 5] ?? 0) & OGG_LAST) !== 0;
    if (pageEnd === end.length) return isLast ? COMPLETE : UNKNOWN;
    // Somebody may have added something behind it.
    if (isLast && pageEnd < end.length) return UNKNOWN;
  }
  return endMissing();
}
