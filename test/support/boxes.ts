/** Boxes of an MP4 put where ffmpeg does not write them. The file must have its index at its end, so that no offset changes. */

/** Bytes of each container before the boxes in it: `stsd` counts its entries, an entry describes the picture. */
const BEFORE_CHILDREN: Readonly<Record<string, number>> = { stsd: 16, avc1: 86, hvc1: 86 };

export function box(type: string, ...content: Buffer[]): Buffer {
  const inside = Buffer.concat(content);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + inside.length);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, inside]);
}

/** Version and flags, all zero, then the numbers as 32 bits each. */
export function fullBox(type: string, ...numbers: number[]): Buffer {
  const content = Buffer.alloc(4 + 4 * numbers.length);
  numbers.forEach((number, at) => content.writeInt32BE(number, 4 + 4 * at));
  return box(type, content);
}

/** A copy of `file` with `added` at the end of the box that `path` leads to, the first of each name: `moov/trak/...`. */
export function withBox(file: Buffer, path: string, added: Buffer): Buffer {
  const bytes = Buffer.from(file);
  let [from, to] = [0, bytes.length];
  for (const type of path.split('/')) {
    const found = find(bytes, type, from, to);
    [from, to] = [found + (BEFORE_CHILDREN[type] ?? 8), found + bytes.readUInt32BE(found)];
    bytes.writeUInt32BE(to - found + added.length, found);
  }
  return Buffer.concat([bytes.subarray(0, to), added, bytes.subarray(to)]);
}

function find(bytes: Buffer, type: string, from: number, to: number): number {
  for (let at = from; at + 8 <= to; at += Math.max(8, bytes.readUInt32BE(at)))
    if (bytes.toString('latin1', at + 4, at + 8) === type) return at;
  throw new Error(`no ${type} box here`);
}

/** The path to the description of the picture. */
export const entryPath = (format: string) => `moov/trak/mdia/minf/stbl/stsd/${format}`;

/** The whole picture is a sphere, seen from its middle. */
export const EQUIRECTANGULAR = box(
  'sv3d',
  box('svhd', Buffer.alloc(5)),
  box('proj', fullBox('prhd', 0, 0, 0), fullBox('equi', 0, 0, 0, 0)),
);

/** Dolby Vision of a profile at level 1, with a base layer and without compatibility or (profile 8) as HDR10. */
export function dolbyVision(profile: number): Buffer {
  const content = Buffer.alloc(24);
  content.writeUInt8(1, 0);
  content.writeUInt16BE((profile << 9) | (1 << 3) | 0b101, 2);
  content.writeUInt8((profile === 8 ? 1 : 0) << 4, 4);
  return box(profile > 7 ? 'dvvC' : 'dvcC', content);
}

/** Left half and right half of the picture are for the two eyes. */
export const SIDE_BY_SIDE = box('st3d', Buffer.from([0, 0, 0, 0, 2]));
