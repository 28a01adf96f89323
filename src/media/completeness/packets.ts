import { say } from '../../messages/say.ts';
import { type ByteSource, type Completeness, truncated, UNKNOWN } from './source.ts';

/*
 * Formats that never say how long they are, but whose last unit must be whole: an upload that stalled almost always ends in
 * the middle of one, almost always. A whole last unit proves nothing: that stays `unknown`.
 */

const SYNC = 0x47;
/** Packet size, and the position of its sync byte: MPEG-TS (ISO 13818-1), and BDAV/AVCHD with four bytes of time in front. */
const LAYOUTS = [
  { bytes: 188, sync: 0 },
  { bytes: 192, sync: 4 },
] as const;
/** This many packets in a row must have their sync byte. */
const SYNCED_PACKETS = 4;

export type Layout = (typeof LAYOUTS)[number];

export async function layoutOf(source: ByteSource): Promise<Layout | undefined> {
  const head = await source.read(0, SYNCED_PACKETS * 192);
  return LAYOUTS.find(({ bytes, sync }) =>
    Array.from({ length: SYNCED_PACKETS }, (_, n) => n).every(n => head[n * bytes + sync] === SYNC),
  );
}

/** `undefined` if it is not a transport stream. */
export async function walkTransportStream(source: ByteSource): Promise<Completeness | undefined> {
  const layout = await layoutOf(source);
  if (!layout) return undefined;
  const rest = source.size % layout.bytes;
  if (rest === 0) return UNKNOWN;
  return truncated(say('completeness.cut-packet', { bytes: rest, packetBytes: layout.bytes }));
}

export function looksLikeFlv(head: Buffer): boolean {
  return head.length >= 13 && head.toString('latin1', 0, 3) === 'FLV' && head.readUInt32BE(5) === 9;
}

/** Every FLV tag is followed by its own length; at the end of a complete file that leads back to the last tag's header. */
export async function walkFlv(source: ByteSource): Promise<Completeness> {
  const cut = truncated(say('completeness.cut-tag'));
  if (source.size < 13 + 15) return cut;
  const length = (await source.read(source.size - 4, 4)).readUInt32BE(0);
  const start = source.size - 4 - length;
  if (length < 11 || start < 13) return cut;
  const tag = await source.read(start, 4);
  const isTag = tag.length === 4 && [8, 9, 18].includes((tag[0] ?? 0) & 0x1f);
  return isTag && tag.readUIntBE(1, 3) + 11 === length ? UNKNOWN : cut;
}

/** Tag by tag: type, size, time and stream of a film's own; where one should be, another file begins. */
export async function nextFlv(source: ByteSource): Promise<number | undefined> {
  const FILE_HEADER = 9;
  for (let at = FILE_HEADER + 4; ; ) {
    const tag = await source.read(at, 13);
    if (looksLikeFlv(tag)) return at;
    if (tag.length < 11 || ![8, 9, 18].includes((tag[0] ?? 0) & 0x1f)) return undefined;
    at += 11 + tag.readUIntBE(1, 3) + 4;
  }
}
