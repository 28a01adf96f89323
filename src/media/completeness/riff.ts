import { say } from '../../messages/say.ts';
import { type ByteSource, COMPLETE, type Completeness, shorterThanAnnounced, truncated, UNKNOWN } from './source.ts';

/** AVI files above 1 GB continue in further RIFF parts (OpenDML). */
const MAX_PARTS = 4_096;
const STREAMED = 0xffffffff;

export function looksLikeRiff(head: Buffer): boolean {
  return head.length >= 12 && /^(RIFF|RF64|BW64)(AVI |WAVE)$/.test(`${ascii(head, 0)}${ascii(head, 8)}`);
}

/** The sizes of all RIFF parts must fit the file. One small read per part. */
export async function walkRiff(source: ByteSource): Promise<Completeness> {
  let offset = 0;
  for (let n = 0; n < MAX_PARTS; n += 1) {
    const header = await source.read(offset, 12);
    if (header.length < 12 || !/^(RIFF|RF64|BW64)$/.test(ascii(header, 0))) return COMPLETE;
    const size = await partBytes(source, offset, header);
    if (size === undefined) return UNKNOWN;
    if (size === 0) return truncated(say('completeness.header-unfinished'));
    const end = offset + 8 + size;
    if (end > source.size) return shorterThanAnnounced(source.size, end);
    offset = end + (size % 2);
  }
  return UNKNOWN;
}

async function partBytes(source: ByteSource, offset: number, header: Buffer): Promise<number | undefined> {
  const size = header.readUInt32LE(4);
  if (ascii(header, 0) === 'RIFF') return size === STREAMED ? undefined : size;
  // EBU Tech 3306: the ds64 chunk begins with the true size.
  const ds64 = await source.read(offset + 12, 16);
  return ds64.length === 16 && ascii(ds64, 0) === 'ds64' ? Number(ds64.readBigUInt64LE(8)) : undefined;
}

/**
 * Where another AVI begins behind the first one whose tracks are others. Of those with the same tracks ffmpeg makes one film, as
 * their makers meant it to be.
 */
export async function nextAvi(source: ByteSource): Promise<number | undefined> {
  let offset = 0;
  let tracks: string | undefined;
  for (let n = 0; n < MAX_PARTS; n += 1) {
    const header = await source.read(offset, 12);
    if (header.length < 12 || ascii(header, 0) !== 'RIFF') return undefined;
    if (ascii(header, 8) === 'AVI ') {
      const own = await tracksOf(source, offset);
      if (own !== (tracks ?? own)) return offset;
      tracks = own;
    }
    const size = header.readUInt32LE(4);
    if (size === 0 || size === STREAMED) return undefined;
    offset += 8 + size + (size % 2);
  }
  return undefined;
}

const MAX_TRACKS_BYTES = 65_536;

/** What the headers of an AVI say of its tracks' formats, to be compared: kind, codec and rate (`strh`), and details (`strf`). */
async function tracksOf(source: ByteSource, riffAt: number): Promise<string> {
  const list = await source.read(riffAt + 12, MAX_TRACKS_BYTES);
  const bytes = list.length < 8 ? list : list.subarray(0, 8 + list.readUInt32LE(4));
  const found: string[] = [];
  for (let at = bytes.indexOf('strh'); at >= 0 && at + 36 <= bytes.length; at = bytes.indexOf('strh', at + 4)) {
    const details = at + 8 + bytes.readUInt32LE(at + 4);
    const size = details + 8 <= bytes.length ? bytes.readUInt32LE(details + 4) : 0;
    found.push(bytes.toString('hex', at + 8, at + 16), bytes.toString('hex', at + 28, at + 36));
    found.push(bytes.toString('hex', details + 8, details + 8 + size));
  }
  return found.join();
}

function ascii(bytes: Buffer, at: number): string {
  return bytes.toString('latin1', at, at + 4);
}
