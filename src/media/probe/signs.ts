/** What a file's bytes show and ffprobe does not say: captions in the picture, encryption, a second eye. A few small reads. */
import { doing, type InputFile, type Readable, reading } from '../../platform/files/files.ts';
import { sampleEntries, type TrackLength } from '../mp4-boxes.ts';
import { unreadBytes } from '../unread.ts';

export interface Signs {
  /** CEA-608 or 708 captions in the picture's own data. */
  captions: boolean;
  /** How a track is encrypted: `cenc`, `cbcs`, `FairPlay`, `DVB`; absent if none is. */
  encryption: string | undefined;
  /** HEVC with a second layer for the other eye. */
  secondEye: boolean;
  /** How long the tracks of an MP4 are by their headers, by ID. */
  lengths: ReadonlyMap<number, TrackLength>;
  /** Behind the film, where ffmpeg reads nothing. */
  unreadBytes: number;
}

export const NO_SIGNS: Signs = {
  captions: false,
  encryption: undefined,
  secondEye: false,
  lengths: new Map(),
  unreadBytes: 0,
};

/** Captions are in every group of pictures or nowhere: the beginning and three places further on show which. */
const PLACES = [0, 0.25, 0.5, 0.75];
const BYTES_PER_PLACE = 4_000_000;

/**
 * The signs of a file of `bytes`. `thorough` looks for captions in all of it.
 * @throws ShrinkError those of reading a file
 */
export async function readSigns(file: InputFile, bytes: number, { thorough = false } = {}): Promise<Signs> {
  const { boxes, protection, lengths } = await sampleEntries(file);
  const secondEye = boxes.has('lhvC') || boxes.has('vexu');
  const unread = await unreadBytes(file, bytes);
  const length = Math.min(bytes, BYTES_PER_PLACE);
  const all = thorough || bytes <= BYTES_PER_PLACE * PLACES.length;
  const count = Math.ceil(bytes / BYTES_PER_PLACE);
  const starts = all
    ? Array.from({ length: count }, (_, at) => at * BYTES_PER_PLACE)
    : PLACES.map(place => Math.floor(bytes * place));
  const buffer = Buffer.alloc(length + OVERLAP);
  const look = async (opened: Readable): Promise<Signs> => {
    const head = await readAt(opened, buffer, 0);
    const encryption = protection ?? (isScrambled(head) ? 'DVB' : undefined);
    return { captions: await anyCaptions(opened, buffer, starts), encryption, secondEye, lengths, unreadBytes: unread };
  };
  return await reading(file, opened => doing('reading', file.path, () => look(opened)));
}

async function readAt(file: Readable, buffer: Buffer, position: number): Promise<Buffer> {
  const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
  return buffer.subarray(0, bytesRead);
}

/** What of a caption message may lie beyond a place. */
const OVERLAP = 16;

async function anyCaptions(file: Readable, buffer: Buffer, starts: readonly number[]): Promise<boolean> {
  for (const start of starts) if (hasCaptions(await readAt(file, buffer, start))) return true;
  return false;
}

/** The user data of ATSC A/53: `GA94`, then 3 for captions. Before it, H.264 and HEVC name country and provider, MPEG-2 its start code. */
const MARK = Buffer.from('GA94\x03', 'latin1');
const BEFORE = [Buffer.from([0xb5, 0x00, 0x31]), Buffer.from([0x00, 0x00, 0x01, 0xb2])];

/** Whether there is a message that holds captions: many broadcasts send empty ones. */
export function hasCaptions(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + 1)) {
    const isIntroduced = BEFORE.some(before => bytes.subarray(Math.max(0, at - before.length), at).equals(before));
    const flags = bytes[at + MARK.length] ?? 0;
    // One bit says that captions are processed; the lower five count them.
    if (isIntroduced && (flags & 0x40) !== 0 && (flags & 0x1f) !== 0) return true;
  }
  return false;
}

/** Packets of a transport stream, and those of a camera or disc with four bytes before each. */
const PACKET_SIZES = [188, 192];
const SYNC = 0x47;
const MIN_PACKETS = 50;

/** Whether most packets of a transport stream are scrambled, as encrypted broadcasts are. */
export function isScrambled(head: Buffer): boolean {
  return PACKET_SIZES.some(size => {
    const first = size - 188;
    let packets = 0;
    let scrambled = 0;
    for (let at = first; at + 188 <= head.length && head[at] === SYNC; at += size) {
      packets += 1;
      if (((head[at + 3] ?? 0) & 0xc0) !== 0) scrambled += 1;
    }
    return packets >= MIN_PACKETS && scrambled > packets / 2;
  });
}
