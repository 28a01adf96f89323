/** Ways to spoil a file, each with a few words that say what was done. All chance comes from `random`. Pure. */
import type { Random } from '../torture/random.ts';
import { forgeField } from './fields.ts';

export interface Spoiled {
  bytes: Buffer;
  how: string;
}

type Way = (bytes: Buffer, random: Random, other: () => Buffer) => Spoiled;

/** Where a stretch begins: as often in the headers as anywhere else. */
function place(bytes: Buffer, random: Random): number {
  const most = Math.max(0, bytes.length - 1);
  const edge = Math.min(most, 4096);
  const where = random.next();
  if (where < 0.35) return random.between(0, edge);
  if (where < 0.5) return random.between(Math.max(0, most - edge), most);
  return random.between(0, most);
}

function stretch(bytes: Buffer, random: Random): [from: number, to: number] {
  const from = place(bytes, random);
  const length = Math.ceil(2 ** (random.next() * Math.log2(Math.max(2, bytes.length / 2))));
  return [from, Math.min(bytes.length, from + length)];
}

const flipBits: Way = (bytes, random) => {
  const copy = Buffer.from(bytes);
  const count = random.between(1, 2 ** random.between(0, 6));
  let first = -1;
  for (let n = 0; n < count; n += 1) {
    const at = place(copy, random);
    if (first < 0) first = at;
    copy[at] = (copy[at] ?? 0) ^ (1 << random.between(0, 7));
  }
  return { bytes: copy, how: `${count} bits flipped, the first at ${first}` };
};

const cutShort: Way = (bytes, random) => {
  const length = random.next() < 0.3 ? place(bytes, random) : random.between(0, bytes.length);
  return { bytes: Buffer.from(bytes.subarray(0, length)), how: `cut to ${length} bytes` };
};

const fill =
  (what: string, byte: (random: Random) => number): Way =>
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    const [from, to] = stretch(copy, random);
    for (let at = from; at < to; at += 1) copy[at] = byte(random);
    return { bytes: copy, how: `${what} from ${from} to ${to}` };
  };

const repeatStretch: Way = (bytes, random) => {
  const [from, to] = stretch(bytes, random);
  const times = random.next() < 0.1 ? random.between(2, 40) : 1;
  const piece = bytes.subarray(from, Math.min(to, from + 60_000));
  const all = [bytes.subarray(0, to), ...Array.from({ length: times }, () => piece), bytes.subarray(to)];
  return { bytes: Buffer.concat(all), how: `${from} to ${to} repeated ${times} times` };
};

const removeStretch: Way = (bytes, random) => {
  const [from, to] = stretch(bytes, random);
  return { bytes: Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]), how: `${from} to ${to} removed` };
};

const swapStretches: Way = (bytes, random) => {
  const [a, b] = stretch(bytes, random);
  const [c, d] = stretch(bytes, random);
  const [one, two] = a <= c ? [[a, b] as const, [c, d] as const] : [[c, d] as const, [a, b] as const];
  if (one[1] > two[0]) return removeStretch(bytes, random, () => bytes);
  const pieces = [
    bytes.subarray(0, one[0]),
    bytes.subarray(two[0], two[1]),
    bytes.subarray(one[1], two[0]),
    bytes.subarray(one[0], one[1]),
    bytes.subarray(two[1]),
  ];
  return { bytes: Buffer.concat(pieces), how: `${one.join('-')} swapped with ${two.join('-')}` };
};

const splice: Way = (bytes, random, other) => {
  const second = other();
  const from = random.between(0, bytes.length);
  const to = random.next() < 0.3 ? 0 : random.between(0, second.length);
  return {
    bytes: Buffer.concat([bytes.subarray(0, from), second.subarray(to)]),
    how: `after ${from} goes on as another file from ${to}`,
  };
};

const LISTS = [
  '#EXTM3U\n#EXTINF:9,\n/etc/passwd\n#EXT-X-ENDLIST\n',
  "ffconcat version 1.0\nfile '/etc/passwd'\n",
  'ID3\x04\x00\x00\x00\x00\x0f\x76APIC',
  '\0\0\0\x08free',
  'RIFF\xff\xff\xff\xffAVI ',
  '\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xff',
];

const stick: Way = (bytes, random) => {
  const piece = Buffer.from(random.pick(LISTS), 'latin1');
  const front = random.next() < 0.5;
  return {
    bytes: Buffer.concat(front ? [piece, bytes] : [bytes, piece]),
    how: `${JSON.stringify(piece.toString('latin1').slice(0, 12))} ${front ? 'in front' : 'behind'}`,
  };
};

const forge: Way = (bytes, random) => forgeField(bytes, random) ?? flipBits(bytes, random, () => bytes);

/** Forged fields are what containers and decoders believe: they come up most. */
const WAYS: readonly Way[] = [
  ...[forge, forge, forge, forge, forge, forge],
  ...[flipBits, flipBits],
  cutShort,
  fill('zeros', () => 0),
  fill('noise', random => random.between(0, 255)),
  repeatStretch,
  removeStretch,
  swapStretches,
  splice,
  stick,
];

/** Largest file that comes out: repeated stretches of repeated stretches would grow without end. */
const MAX_BYTES = 4_000_000;

export function spoil(bytes: Buffer, random: Random, other: () => Buffer): Spoiled {
  let result: Spoiled = { bytes, how: '' };
  const times = random.pick([1, 1, 1, 2, 2, 3]);
  for (let n = 0; n < times; n += 1) {
    const next = random.pick(WAYS)(result.bytes, random, other);
    if (next.bytes.length > MAX_BYTES) break;
    result = { bytes: next.bytes, how: [result.how, next.how].filter(Boolean).join('; ') };
  }
  return result;
}
