import { endMissing } from './end-marks.ts';
import { type ByteSource, COMPLETE, type Completeness, STILL, UNKNOWN } from './source.ts';

/** A picture with more bytes than these before the second one is taken for an animation: nothing is decided here by reading on. */
const MAX_WALK = 4_000_000;
const TRAILER = 0x3b;
const EXTENSION = 0x21;
const PICTURE = 0x2c;

export function looksLikeGif(head: Buffer): boolean {
  return /^GIF8[79]a$/.test(head.toString('latin1', 0, 6));
}

/** Blocks up to the second picture (CompuServe, GIF89a): without one, it is a still. The last byte of a whole file ends it. */
export async function walkGif(source: ByteSource): Promise<Completeness> {
  const last = await source.read(source.size - 1, 1);
  const pictures = await countPictures(source);
  if (last[0] !== TRAILER) return pictures > 1 ? endMissing() : UNKNOWN;
  return pictures === 1 ? STILL : COMPLETE;
}

/** Two stands for more. */
async function countPictures(source: ByteSource): Promise<number> {
  const [flags = 0] = await source.read(10, 1);
  let at = 13 + colours(flags);
  let pictures = 0;
  while (at < MAX_WALK) {
    const block = await source.read(at, 10);
    if (block[0] === EXTENSION) at = await afterParts(source, at + 2);
    else if (block[0] === PICTURE && block.length === 10) {
      pictures += 1;
      if (pictures === 2) break;
      at = await afterParts(source, at + 11 + colours(block[9] ?? 0));
    } else return pictures;
  }
  return 2;
}

/** Bytes of a table of colours. */
function colours(flags: number): number {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}

/** Each part begins with its size; an empty one is the last. */
async function afterParts(source: ByteSource, from: number): Promise<number> {
  let at = from;
  while (at < MAX_WALK) {
    const [size = 0] = await source.read(at, 1);
    at += 1 + size;
    if (size === 0) break;
  }
  return at;
}
