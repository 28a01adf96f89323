import { doing, type InputFile, type Readable, reading } from '../platform/files/files.ts';

/** A top-level box of an MP4 or MOV file. */
export interface Box {
  type: string;
  offset: number;
  bytes: number;
}

/** A sane file has a handful; a fragmented one may have two for every second. */
const MAX_BOXES = 200_000;

/**
 * The top-level boxes of an MP4, headers only (a few reads, whatever the size). Stops at anything that is not a whole box; then
 * the last box returned ends before the file does. `cut`: the remaining bytes begin a box that would end after the file.
 */
export async function topBoxes(file: InputFile): Promise<TopBoxes> {
  return await reading(file, opened => doing('reading', file.path, () => topBoxesOf(opened)));
}

interface TopBoxes {
  boxes: Box[];
  brand: string;
  bytes: number;
  cut: boolean;
}

export async function topBoxesOf(file: Pick<Readable, 'read' | 'stat'>): Promise<TopBoxes> {
  const size = Number((await file.stat()).size);
  const boxes: Box[] = [];
  const header = Buffer.alloc(16);
  let brand = '';
  let cut = false;
  for (let offset = 0; offset + 8 <= size && boxes.length < MAX_BOXES; ) {
    const { bytesRead } = await file.read(header, 0, 16, offset);
    const bytes = boxSize(header, bytesRead, size - offset);
    const type = header.toString('latin1', 4, 8);
    if (bytes === undefined || !/^[\w ©-]{4}$/.test(type)) break;
    if (bytes > size - offset) {
      cut = !isNoBox(type, wanted => boxes.some(box => box.type === wanted));
      break;
    }
    if (type === 'ftyp') brand = header.toString('latin1', 8, 12);
    boxes.push({ type, offset, bytes });
    offset += bytes;
  }
  return { boxes, brand, bytes: size, cut };
}

/** What stands at the top level of some film. */
const TOP_LEVEL = new Set([
  ...[
    'ftyp',
    'styp',
    'moov',
    'mdat',
    'imda',
    'moof',
    'mfra',
    'sidx',
    'ssix',
    'prft',
    'emsg',
    'pdin',
    'bloc',
    'meta',
    'meco',
  ],
  ...['udta', 'uuid', 'wide', 'free', 'skip', 'junk', 'pnot', 'PICT'],
]);

/**
 * Whether what would be a box that ends behind the file is none: words behind a film that is whole, as of a camera's own data, happen to
 * look like one.
 */
export function isNoBox(type: string, has: (type: string) => boolean): boolean {
  return has('moov') && has('mdat') && !has('moof') && !TOP_LEVEL.has(type);
}

/** 32 bits, or 64 if that says 1, or to the end of the file if it says 0. */
function boxSize(header: Buffer, bytesRead: number, left: number): number | undefined {
  if (bytesRead < 8) return undefined;
  const short = header.readUInt32BE(0);
  const bytes = short === 0 ? left : short === 1 ? (bytesRead < 16 ? 0 : Number(header.readBigUInt64BE(8))) : short;
  return bytes >= 8 ? bytes : undefined;
}

/** A player can start before the end has arrived: the index comes before the media, and nothing follows what the boxes say. */
export function startsFast(boxes: readonly Box[]): boolean {
  const index = boxes.findIndex(box => box.type === 'moov');
  const media = boxes.findIndex(box => box.type === 'mdat');
  return index !== -1 && media !== -1 && index < media;
}

/** Whether an MP4 ends prematurely: inside a box, or without the index, which no player can do without. */
export async function endsEarly(file: InputFile): Promise<boolean> {
  const { boxes, cut } = await topBoxes(file);
  const has = (type: string) => boxes.some(box => box.type === type);
  return cut || (has('mdat') && !has('moov'));
}

/** Bytes of picture and sound in an MP4 of ours: everything except its tables. */
export async function mediaBytes(file: InputFile): Promise<number> {
  const { boxes } = await topBoxes(file);
  return boxes.filter(box => box.type === 'mdat').reduce((sum, box) => sum + box.bytes - 8, 0);
}

const CODEC_HEADERS = ['avcC', 'hvcC', 'av1C'];
/** The index of one part: some minutes of frames. */
const MAX_INDEX_BYTES = 64_000_000;

/** What a decoder must know before the first frame of an MP4 of ours; `undefined` if not found. */
export async function codecHeader(file: InputFile): Promise<Buffer | undefined> {
  const { boxes } = await topBoxes(file);
  const index = boxes.find(box => box.type === 'moov');
  if (!index || index.bytes > MAX_INDEX_BYTES) return undefined;
  const buffer = Buffer.alloc(index.bytes);
  await reading(file, opened => doing('reading', file.path, () => opened.read(buffer, 0, index.bytes, index.offset)));
  const at = CODEC_HEADERS.map(name => buffer.indexOf(name)).find(found => found >= 4);
  return at === undefined ? undefined : buffer.subarray(at, at - 4 + buffer.readUInt32BE(at - 4));
}

/** What the descriptions of an MP4's tracks name, and how long they are shown. */
export interface SampleEntries {
  /** Boxes of interest that were found. */
  boxes: ReadonlySet<string>;
  /** How it is encrypted (`cenc`, `cbcs`, `FairPlay`); absent if no track is. */
  protection: string | undefined;
  /** By the ID of a track. */
  lengths: ReadonlyMap<number, TrackLength>;
}

/** What the headers say of a track's length. Either may be stale or forged, or be nothing but the sum of the other. */
export interface TrackLength {
  /** When it ends on the movie's clock, seconds. */
  endS: number;
  /** How long its media are, seconds: by their header, and not longer than all samples together, where a table has those. */
  mediaS: number;
}

/** The way from an MP4's index to the descriptions of its tracks. */
const CONTAINERS = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl']);
const ENCRYPTED_FORMATS = new Set(['encv', 'enca']);
/** Apple's own, of films and songs bought before the standard. */
const FAIRPLAY_FORMATS = new Set(['drms', 'drmi']);
const NAMED_INSIDE = ['lhvC', 'vexu'];
const MAX_DESCRIPTION_BYTES = 1_000_000;
const MAX_HEADERS = 5_000;

/** The sample entries of an MP4 or MOV; empty for another kind of file, and as far as they can be read. A few small reads. */
export async function sampleEntries(file: InputFile): Promise<SampleEntries> {
  const { boxes } = await topBoxes(file);
  const index = boxes.find(box => box.type === 'moov');
  return await reading(file, opened => doing('reading', file.path, () => entriesBelow(index, opened)));
}

async function entriesBelow(index: Box | undefined, file: Readable): Promise<SampleEntries> {
  const found = { boxes: new Set<string>(), protection: undefined as string | undefined };
  const tracks: Headers[] = [];
  const movie: Headers = {};
  const left: { box: Box; of: Headers }[] = index ? [{ box: index, of: movie }] : [];
  for (let headers = 0; left.length > 0 && headers < MAX_HEADERS; headers += 1) {
    const { box, of } = left.shift() as (typeof left)[number];
    if (box.type === 'stsd') noteEntries(found, await readBox(file, box));
    if (isHeader(box.type)) of[box.type] = await readBox(file, box);
    if (!CONTAINERS.has(box.type)) continue;
    const inside = box.type === 'trak' ? {} : of;
    if (inside !== of) tracks.push(inside);
    left.push(...(await boxesIn(file, box)).map(one => ({ box: one, of: inside })));
  }
  return { ...found, lengths: lengthsOf(movie, tracks) };
}

/** Headers with durations: of the whole movie, of a track, of the media in it, and of its samples. */
type Headers = Partial<Record<'mvhd' | 'tkhd' | 'mdhd' | 'stts', Buffer>>;

function isHeader(type: string): type is keyof Headers {
  return type === 'mvhd' || type === 'tkhd' || type === 'mdhd' || type === 'stts';
}

/** `mvhd` and `mdhd`: two dates, ticks per second, duration. `tkhd`: two dates, ID, nothing, duration in ticks of the movie. */
function lengthsOf({ mvhd }: Headers, tracks: readonly Headers[]): Map<number, TrackLength> {
  const lengths = new Map<number, TrackLength>();
  const movieTicks = mvhd && numberIn(mvhd);
  for (const { tkhd, mdhd, stts } of tracks) {
    const [id, shown] = [tkhd && numberIn(tkhd), tkhd && durationIn(tkhd, 8)];
    const [ticks, media] = [mdhd && numberIn(mdhd), mdhd && durationIn(mdhd, 4)];
    if (id === undefined || !movieTicks || !ticks || shown === undefined || media === undefined) continue;
    const samples = stts && samplesIn(stts);
    lengths.set(id, { endS: shown / movieTicks, mediaS: Math.min(media, samples ?? media) / ticks });
  }
  return lengths;
}

/** `stts`: how many entries, then for each how many samples and how long each of them is. A fragmented film has none here. */
function samplesIn(stts: Buffer): number | undefined {
  if (stts.length < 16) return undefined;
  const end = 16 + 8 * stts.readUInt32BE(12);
  if (end === 16 || end > stts.length) return undefined;
  let ticks = 0;
  for (let at = 16; at < end; at += 8) ticks += stts.readUInt32BE(at) * stts.readUInt32BE(at + 4);
  return ticks;
}

/** Dates and durations have eight bytes instead of four. */
const isLong = (header: Buffer): boolean => header[8] === 1;
const afterDates = (header: Buffer): number => (isLong(header) ? 28 : 20);

function numberIn(header: Buffer): number | undefined {
  const at = afterDates(header);
  return header.length < at + 4 ? undefined : header.readUInt32BE(at);
}

/** All ones mean that nobody knows. */
function durationIn(header: Buffer, after: number): number | undefined {
  const at = afterDates(header) + after;
  if (header.length < at + 8 || header.readUInt32BE(at) === 0xffff_ffff) return undefined;
  return isLong(header) ? Number(header.readBigUInt64BE(at)) : header.readUInt32BE(at);
}

async function boxesIn(file: Readable, { offset, bytes }: Box): Promise<Box[]> {
  const end = offset + bytes;
  const header = Buffer.alloc(16);
  const inside: Box[] = [];
  for (let at = offset + 8; at + 8 <= end && inside.length < MAX_HEADERS; ) {
    const { bytesRead } = await file.read(header, 0, 16, at);
    const size = boxSize(header, bytesRead, end - at);
    if (size === undefined || size > end - at) break;
    inside.push({ type: header.toString('latin1', 4, 8), offset: at, bytes: size });
    at += size;
  }
  return inside;
}

async function readBox(file: Readable, { offset, bytes }: Box): Promise<Buffer> {
  const buffer = Buffer.alloc(Math.min(bytes, MAX_DESCRIPTION_BYTES));
  const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
  return buffer.subarray(0, bytesRead);
}

/** `stsd`: header, version and count, then one entry per format the track uses. */
function noteEntries(found: { boxes: Set<string>; protection: string | undefined }, stsd: Buffer): void {
  for (let at = 16; at + 8 <= stsd.length; ) {
    const size = stsd.readUInt32BE(at);
    const format = stsd.toString('latin1', at + 4, at + 8);
    if (size < 8) return;
    const entry = stsd.subarray(at, at + size);
    for (const name of NAMED_INSIDE) if (entry.includes(name, 8, 'latin1')) found.boxes.add(name);
    if (FAIRPLAY_FORMATS.has(format)) found.protection ??= 'FairPlay';
    if (ENCRYPTED_FORMATS.has(format)) found.protection ??= schemeIn(entry);
    at += size;
  }
}

/** The four letters of the scheme that `schm` names. */
function schemeIn(entry: Buffer): string {
  const at = entry.indexOf('schm', 8, 'latin1');
  const scheme = at < 0 ? '' : entry.toString('latin1', at + 8, at + 12);
  return /^\w{4}$/.test(scheme) ? scheme : 'encrypted';
}
