import { layoutOf, type Layout } from './packets.ts';
import type { ByteSource } from './source.ts';

/** A recording says several times a second which tracks it has; UHD has some megabytes a second. */
const WINDOW_BYTES = 4 * 2 ** 20;
/** MPEG-1, MPEG-2, MPEG-4, H.264, HEVC, VVC, AVS, VC-1 (ISO 13818-1, table 2-34, and its users). */
const VIDEO_TYPES = new Set([0x01, 0x02, 0x10, 0x1b, 0x24, 0x33, 0x42, 0xea]);
/** MPEG-1 and MPEG-2, AAC, LATM, and ATSC's AC-3 and E-AC-3. Others share a number for private data with what is no sound. */
const SOUND_TYPES = new Set([0x03, 0x04, 0x0f, 0x11, 0x81, 0x87]);
const PROGRAMS_PID = 0;
const NAMES_PID = 0x11;

/**
 * Where a transport stream goes on as another one: none of the pictures it has at its end are among those at its beginning, by their
 * number and codec, or one of its sounds has become another codec under the same number. ffmpeg would leave out the rest, or decode
 * it as what it isn't. Sounds that come and go are of one broadcast.
 */
export async function nextTransport(source: ByteSource): Promise<number | undefined> {
  const layout = await layoutOf(source);
  if (!layout) return undefined;
  const end = source.size - (source.size % layout.bytes);
  const window = WINDOW_BYTES - (WINDOW_BYTES % layout.bytes);
  const packetsAt = async (at: number) => await source.read(at, Math.min(window, end - at));
  const lastAt = Math.max(0, end - window);
  const last = listedLast(await packetsAt(lastAt), layout);
  const gone = contradicted(listedFirst(await packetsAt(0), layout), last.tracks);
  if (gone.length === 0) return undefined;
  const isOther = async (at: number) => {
    const { tracks } = listsIn(packetsIn(await packetsAt(at), layout));
    return tracks.size > 0 && !gone.some(track => tracks.has(track));
  };
  let [before, after] = [0, Math.floor((lastAt + last.at) / layout.bytes)];
  if (!(await isOther(after * layout.bytes))) return undefined;
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

/** The tracks of the first that cannot be in one film with those of the last. */
function contradicted(first: ReadonlySet<string>, last: ReadonlySet<string>): string[] {
  const videos = [...first].filter(isVideo);
  const isSame = videos.some(track => last.has(track)) || ![...last].some(isVideo);
  const types = new Map([...last].map(track => [pidOf(track), track]));
  const isOther = (track: string) => (types.get(pidOf(track)) ?? track) !== track;
  return [...new Set([...(isSame ? [] : videos), ...[...first].filter(isOther)])];
}

const pidOf = (track: string): string => track.slice(track.indexOf(':') + 1);
const isVideo = (track: string): boolean => VIDEO_TYPES.has(Number(track.slice(0, track.indexOf(':'))));

/** The tracks listed first: the other film may begin within the window. */
function listedFirst(bytes: Buffer, layout: Layout): Set<string> {
  const lists = new ProgramLists();
  for (const packet of packetsIn(bytes, layout)) {
    lists.add(packet);
    if (lists.isComplete) break;
  }
  return lists.tracks;
}

/** The tracks listed last, and where their list begins: the other film may be no more than that. */
function listedLast(bytes: Buffer, layout: Layout): { tracks: Set<string>; at: number } {
  const packets = [...packetsIn(bytes, layout)].filter(({ section }) => section !== undefined);
  for (let from = packets.length - 1; from > 0; from -= 1) {
    const { pid, at } = packets[from] as Packet;
    if (pid !== PROGRAMS_PID) continue;
    const lists = listsIn(packets.slice(from));
    if (lists.isComplete) return { tracks: lists.tracks, at };
  }
  return { tracks: listsIn(packets).tracks, at: 0 };
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

/** What programs there are, and the type and number of each track of picture or sound that they list. */
class ProgramLists {
  readonly tracks = new Set<string>();
  readonly #programs = new Set<number>();
  readonly #known = new Set<number>();

  add({ pid, section }: Packet): void {
    if (!section || section.length < 16) return;
    if (pid === PROGRAMS_PID && section[0] === 0) for (const each of programsIn(section)) this.#programs.add(each);
    if (!this.#programs.has(pid) || section[0] !== 2) return;
    this.#known.add(pid);
    for (const each of tracksIn(section)) this.tracks.add(each);
  }

  /** Every program has listed its tracks. */
  get isComplete(): boolean {
    return this.tracks.size > 0 && [...this.#programs].every(each => this.#known.has(each));
  }
}

function listsIn(packets: Iterable<Packet>): ProgramLists {
  const lists = new ProgramLists();
  for (const packet of packets) lists.add(packet);
  return lists;
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
    if (VIDEO_TYPES.has(section[at] ?? 0) || SOUND_TYPES.has(section[at] ?? 0))
      found.push(`${section[at]}:${section.readUInt16BE(at + 1) & 0x1fff}`);
  return found;
}
