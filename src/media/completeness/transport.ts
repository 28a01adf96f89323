import { layoutOf, type Layout } from './packets.ts';
import type { ByteSource } from './source.ts';

/** A recording says several times a second which tracks it has; UHD has some megabytes a second. */
const WINDOW_BYTES = 4 * 2 ** 20;
/** MPEG-1, MPEG-2, MPEG-4, H.264, HEVC, VVC, AVS, VC-1 (ISO 13818-1, table 2-34, and its users). */
const VIDEO_TYPES = new Set([0x01, 0x02, 0x10, 0x1b, 0x24, 0x33, 0x42, 0xea]);
const PROGRAMS_PID = 0;
const NAMES_PID = 0x11;

/**
 * Where a transport stream goes on as another one: none of the pictures it has at its end are among those at its beginning, by their
 * number and codec. ffmpeg would leave out the rest, or decode it as what it isn't.
 */
export async function nextTransport(source: ByteSource): Promise<number | undefined> {
  const layout = await layoutOf(source);
  if (!layout) return undefined;
  const end = source.size - (source.size % layout.bytes);
  const most = Math.min(WINDOW_BYTES, source.size / 4);
  const window = most - (most % layout.bytes);
  const packetsAt = async (at: number) => await source.read(at, Math.min(window, end - at));
  const first = videosAtStart(await packetsAt(0), layout);
  const isOther = async (at: number) => {
    const videos = videosIn(await packetsAt(at), layout);
    return videos.size > 0 && ![...videos].some(video => first.has(video));
  };
  let [before, after] = [0, Math.floor((end - window) / layout.bytes)];
  if (first.size === 0 || !(await isOther(after * layout.bytes))) return undefined;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (await isOther(middle * layout.bytes)) after = middle;
    else before = middle;
  }
  // Behind the last word of the first: the next list of programs is the other's.
  const packets = await packetsAt(after * layout.bytes);
  const opens = ({ pid }: Packet) => pid === PROGRAMS_PID || pid === NAMES_PID;
  return after * layout.bytes + ([...packetsIn(packets, layout)].find(opens)?.at ?? 0);
}

/** As early as any are listed: a short film may end within the window. */
function videosAtStart(packets: Buffer, layout: Layout): Set<string> {
  for (let count = 64; ; count *= 4) {
    const found = videosIn(packets.subarray(0, count * layout.bytes), layout);
    if (found.size > 0 || count * layout.bytes >= packets.length) return found;
  }
}

interface Packet {
  /** Where it begins, and what it says whole sections in: absent if it goes on with one. */
  at: number;
  pid: number;
  section: Buffer | undefined;
}

function* packetsIn(bytes: Buffer, layout: Layout): Generator<Packet> {
  for (let at = 0; at + layout.bytes <= bytes.length; at += layout.bytes) {
    const packet = bytes.subarray(at + layout.sync, at + layout.bytes);
    const begins = ((packet[1] ?? 0) & 0x40) !== 0;
    const skipped = ((packet[3] ?? 0) & 0x20) === 0 ? 4 : 5 + (packet[4] ?? 0);
    const section = begins ? packet.subarray(skipped + 1 + (packet[skipped] ?? 0)) : undefined;
    yield { at, pid: packet.readUInt16BE(1) & 0x1fff, section };
  }
}

/** Number and type of every video track that some program lists. */
function videosIn(bytes: Buffer, layout: Layout): Set<string> {
  const programs = new Set<number>();
  const videos = new Set<string>();
  for (const { pid, section } of packetsIn(bytes, layout)) {
    if (!section || section.length < 16) continue;
    if (pid === PROGRAMS_PID && section[0] === 0) for (const each of programsIn(section)) programs.add(each);
    if (programs.has(pid) && section[0] === 2) for (const each of tracksIn(section)) videos.add(each);
  }
  return videos;
}

const sectionEnd = (section: Buffer): number => Math.min(section.length, 3 + (section.readUInt16BE(1) & 0xfff) - 4);

/** ISO 13818-1, 2.4.4.3: where each program says what it holds. */
function programsIn(section: Buffer): number[] {
  const found: number[] = [];
  for (let at = 8; at + 4 <= sectionEnd(section); at += 4)
    if (section.readUInt16BE(at) !== 0) found.push(section.readUInt16BE(at + 2) & 0x1fff);
  return found;
}

/** ISO 13818-1, 2.4.4.8; as far as one packet goes. */
function tracksIn(section: Buffer): string[] {
  const found: string[] = [];
  const end = sectionEnd(section);
  for (
    let at = 12 + (section.readUInt16BE(10) & 0xfff);
    at + 5 <= end;
    at += 5 + (section.readUInt16BE(at + 3) & 0xfff)
  )
    if (VIDEO_TYPES.has(section[at] ?? 0)) found.push(`${section[at]}:${section.readUInt16BE(at + 1) & 0x1fff}`);
  return found;
}
