import { type ByteSource, COMPLETE, type Completeness, shorterThanAnnounced, UNKNOWN } from './source.ts';

/*
 * TV recordings of Windows: sectors, of which the header counts all. Their directory is at the end, so that a cut one cannot be read at
 * all, and ffmpeg does not say why.
 */

const HEADER = Buffer.from('b7d800203749da11a64e0007e95ead8d', 'hex');
const SECTOR_BYTES = 4096;
const SECTORS_AT = 0x5c;

export function looksLikeWtv(head: Buffer): boolean {
  return head.subarray(0, HEADER.length).equals(HEADER);
}

/** Where it ends by its own header; `undefined` while that does not say. */
async function endOfWtv(source: ByteSource): Promise<number | undefined> {
  const sectors = await source.read(SECTORS_AT, 4);
  const count = sectors.length < 4 ? 0 : sectors.readUInt32LE(0);
  return count === 0 ? undefined : count * SECTOR_BYTES;
}

export async function walkWtv(source: ByteSource): Promise<Completeness> {
  const end = await endOfWtv(source);
  if (end === undefined) return UNKNOWN;
  return end > source.size ? shorterThanAnnounced(source.size, end) : COMPLETE;
}

/** ffmpeg knows no film behind the first. */
export async function nextWtv(source: ByteSource): Promise<number | undefined> {
  const end = await endOfWtv(source);
  return end !== undefined && looksLikeWtv(await source.read(end, HEADER.length)) ? end : undefined;
}
