/** Header fields that a container's reader believes, found by the names in front of them, and values that readers trip over. Pure. */
import type { Random } from '../torture/random.ts';
import type { Spoiled } from './mutate.ts';

const VALUES = [
  0, 1, 2, 7, 8, 15, 16, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
];

/** Name in front, and where after its first byte the fields stand: offset and bytes of each. */
type Field = readonly [offset: number, bytes: 1 | 2 | 4 | 8];

/** Boxes of ISO base media (ISO/IEC 14496-12); -4 is the box's own size. */
const BOXES: Readonly<Record<string, readonly Field[]>> = {
  ftyp: [
    [-4, 4],
    [4, 4],
  ],
  moov: [[-4, 4]],
  mdat: [[-4, 4]],
  moof: [[-4, 4]],
  trak: [[-4, 4]],
  stbl: [[-4, 4]],
  mvhd: [
    [-4, 4],
    [4, 1],
    [16, 4],
    [20, 4],
  ],
  mdhd: [
    [4, 1],
    [16, 4],
    [20, 4],
  ],
  tkhd: [
    [4, 4],
    [16, 4],
    [24, 4],
    [44, 4],
    [48, 4],
    [52, 4],
    [80, 4],
    [84, 4],
  ],
  elst: [
    [8, 4],
    [12, 4],
    [16, 4],
    [20, 4],
  ],
  stsd: [
    [8, 4],
    [12, 4],
  ],
  avc1: [
    [28, 2],
    [30, 2],
    [44, 2],
  ],
  hvc1: [
    [28, 2],
    [30, 2],
  ],
  mp4a: [
    [20, 2],
    [22, 2],
    [28, 4],
  ],
  avcC: [
    [-4, 4],
    [5, 1],
    [8, 1],
    [9, 2],
    [14, 4],
    [18, 4],
  ],
  hvcC: [
    [-4, 4],
    [5, 4],
    [26, 1],
  ],
  esds: [
    [-4, 4],
    [8, 1],
    [20, 4],
  ],
  stts: [
    [8, 4],
    [12, 4],
    [16, 4],
    [20, 4],
  ],
  ctts: [
    [8, 4],
    [12, 4],
    [16, 4],
    [20, 4],
  ],
  stss: [
    [8, 4],
    [12, 4],
  ],
  stsc: [
    [8, 4],
    [12, 4],
    [16, 4],
    [20, 4],
  ],
  stsz: [
    [8, 4],
    [12, 4],
    [16, 4],
    [24, 4],
  ],
  stco: [
    [8, 4],
    [12, 4],
    [16, 4],
  ],
  hdlr: [[12, 4]],
  dref: [
    [8, 4],
    [12, 4],
  ],
  pasp: [
    [4, 4],
    [8, 4],
  ],
  colr: [
    [4, 4],
    [8, 2],
    [10, 2],
    [12, 2],
  ],
  trex: [
    [8, 4],
    [12, 4],
    [16, 4],
  ],
  tfhd: [
    [4, 4],
    [8, 4],
    [12, 4],
  ],
  tfdt: [
    [4, 1],
    [8, 4],
    [12, 4],
  ],
  trun: [
    [4, 4],
    [8, 4],
    [12, 4],
    [16, 4],
  ],
  udta: [[-4, 4]],
  meta: [[-4, 4]],
};

/** Elements of Matroska (RFC 9559) by id; the length byte follows the id, then the value. */
const ELEMENTS: Readonly<Record<string, string>> = {
  TimestampScale: '2ad7b1',
  Duration: '4489',
  PixelWidth: 'b0',
  PixelHeight: 'ba',
  DisplayWidth: '54b0',
  DisplayHeight: '54ba',
  DefaultDuration: '23e383',
  CodecDelay: '56aa',
  TrackNumber: 'd7',
  TrackType: '83',
  Timestamp: 'e7',
  Cluster: '1f43b675',
  Segment: '18538067',
  SeekPosition: '53ac',
  CodecPrivate: '63a2',
  SamplingFrequency: 'b5',
  Channels: '9f',
  SimpleBlock: 'a3',
  BlockGroup: 'a0',
  BlockDuration: '9b',
  ContentEncodings: '6d80',
  Tags: '1254c367',
  Chapters: '1043a770',
};

/** AVI chunks, little-endian: frame time, counts, sizes, scale and rate. */
const CHUNKS: Readonly<Record<string, readonly Field[]>> = {
  RIFF: [[4, 4]],
  LIST: [[4, 4]],
  avih: [
    [4, 4],
    [8, 4],
    [16, 4],
    [24, 4],
    [32, 4],
    [40, 4],
    [44, 4],
  ],
  strh: [
    [4, 4],
    [12, 4],
    [28, 4],
    [32, 4],
    [36, 4],
    [40, 4],
    [52, 4],
  ],
  strf: [
    [4, 4],
    [8, 4],
    [12, 4],
    [16, 4],
    [20, 2],
    [22, 2],
  ],
  idx1: [
    [4, 4],
    [16, 4],
    [20, 4],
  ],
  '00dc': [[4, 4]],
  '01wb': [[4, 4]],
};

/** A field set to something else; `undefined` where the file has none of those known here. */
export function forgeField(bytes: Buffer, random: Random): Spoiled | undefined {
  const ways = [
    () => forgeNamed(bytes, random, BOXES, false),
    () => forgeNamed(bytes, random, CHUNKS, true),
    () => forgeElement(bytes, random),
    () => forgeTransport(bytes, random),
  ];
  // Each format is tried in turn from a random one on; a file of another has none of its names.
  const first = random.between(0, ways.length - 1);
  for (let n = 0; n < ways.length; n += 1) {
    const spoiled = ways[(first + n) % ways.length]?.();
    if (spoiled) return spoiled;
  }
  return undefined;
}

function forgeNamed(
  bytes: Buffer,
  random: Random,
  names: Readonly<Record<string, readonly Field[]>>,
  little: boolean,
): Spoiled | undefined {
  const there = Object.keys(names).flatMap(name =>
    placesOf(bytes, Buffer.from(name, 'latin1')).map(at => ({ name, at })),
  );
  if (there.length < 3) return undefined;
  const name = random.pick([...new Set(there.map(one => one.name))]);
  const { at } = random.pick(there.filter(one => one.name === name));
  const [offset, size] = random.pick(names[name] ?? []);
  const from = at + offset;
  if (from < 0 || from + size > bytes.length) return undefined;
  const copy = Buffer.from(bytes);
  const value = forged(copy, from, size, random, little);
  return { bytes: copy, how: `${name}${offset < 0 ? ' size' : `+${offset}`} at ${at} = ${value}` };
}

function forgeElement(bytes: Buffer, random: Random): Spoiled | undefined {
  if (bytes.length < 4 || bytes.readUInt32BE(0) !== 0x1a45dfa3) return undefined;
  const there = Object.entries(ELEMENTS).flatMap(([name, id]) =>
    placesOf(bytes, Buffer.from(id, 'hex')).map(at => ({ name, at: at + id.length / 2 })),
  );
  if (there.length === 0) return undefined;
  const name = random.pick([...new Set(there.map(one => one.name))]);
  const { at } = random.pick(there.filter(one => one.name === name));
  const copy = Buffer.from(bytes);
  if (random.next() < 0.3 || at + 1 >= copy.length) {
    copy[Math.min(at, copy.length - 1)] = random.pick([0, 1, 0x40, 0x7f, 0x80, 0x81, 0x88, 0xff]);
    return { bytes: copy, how: `${name} length at ${at}` };
  }
  const length = Math.min(8, Math.max(1, (copy[at] ?? 0) & 0x7f), copy.length - at - 1);
  const size = ([1, 2, 4, 8] as const).findLast(one => one <= length) ?? 1;
  const value = forged(copy, at + 1, size, random, false);
  return { bytes: copy, how: `${name} at ${at} = ${value}` };
}

const PACKET = 188;

/** Clocks that jump, packets that vanish, tracks that change their number. */
function forgeTransport(bytes: Buffer, random: Random): Spoiled | undefined {
  if (bytes.length < PACKET * 4 || bytes[0] !== 0x47 || bytes[PACKET] !== 0x47) return undefined;
  const copy = Buffer.from(bytes);
  const packets = Math.floor(copy.length / PACKET);
  const at = random.between(0, packets - 1) * PACKET;
  const way = random.between(0, 3);
  if (way === 0) copy.writeUInt16BE(random.between(0, 0xffff), at + 1);
  if (way === 1) copy[at + 3] = random.between(0, 255);
  if (way === 2) copy[at + 4] = random.pick([0, 1, 183, 184, 255]);
  if (way === 3) {
    // Time stamps stand behind 00 00 01 and a stream number (ISO 13818-1, 2.4.3.6).
    const starts = placesOf(copy, Buffer.from([0, 0, 1])).filter(
      one => one + 14 < copy.length && (copy[one + 3] ?? 0) >= 0xbd,
    );
    const start = starts.length > 0 ? random.pick(starts) : at;
    for (let n = 9; n < 14 && start + n < copy.length; n += 1) copy[start + n] = random.between(0, 255);
  }
  return { bytes: copy, how: `transport packet at ${at}, way ${way}` };
}

function forged(bytes: Buffer, at: number, size: 1 | 2 | 4 | 8, random: Random, little: boolean): string {
  const most = 2 ** (8 * Math.min(size, 4)) - 1;
  const before = size === 8 ? 0 : bytes.readUIntBE(at, size);
  const value = random.pick([
    random.pick(VALUES),
    random.pick(VALUES),
    random.between(0, most),
    before + random.pick([-1, 1, 2, 8, 1000]),
    before * random.pick([2, 16, 1000]),
  ]);
  const fitting = ((Math.trunc(value) % (most + 1)) + most + 1) % (most + 1);
  if (size === 8) bytes.writeBigUInt64BE((BigInt(fitting) << 32n) | BigInt(random.between(0, 0xffff)), at);
  else if (little) bytes.writeUIntLE(fitting, at, size);
  else bytes.writeUIntBE(fitting, at, size);
  return String(fitting);
}

/** Every place of a name, the first 200 at most: tables repeat theirs a thousand times. */
function placesOf(bytes: Buffer, name: Buffer): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(name); at >= 0 && places.length < 200; at = bytes.indexOf(name, at + 1)) places.push(at);
  return places;
}
