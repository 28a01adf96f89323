/** Bytes of a file that no demuxer of ffmpeg reads: what follows the film that the container describes. A few small reads. A whole second film is not for here: completeness/next-film.ts. */
import { doing, type InputFile, type Readable, reading } from '../platform/files/files.ts';
import { endOfAsf } from './completeness/asf.ts';
import { byteSourceOf } from './completeness/source.ts';
import { topBoxes } from './mp4-boxes.ts';

/** Fewer are an editor's leftovers, or padding. */
const MIN_BYTES = 64;
const SAMPLE_BYTES = 65_536;

/**
 * How many bytes of a file of `size` bytes are left unread: most often what a camera keeps there for its own program. 0 where the end belongs to the film, is empty (all zero), or the container does not say where it ends.
 * @throws ShrinkError those of reading a file
 */
export async function unreadBytes(file: InputFile, size: number): Promise<number> {
  const end =
    (await endOfMp4(file)) ?? (await reading(file, async opened => await endOfAsf(await byteSourceOf(opened))));
  if (end === undefined || size - end < MIN_BYTES) return 0;
  const isEmpty = await reading(file, opened => doing('reading', file.path, () => isZeroFrom(opened, end, size)));
  return isEmpty ? 0 : size - end;
}

/** Where the boxes of an MP4 or MOV end. */
async function endOfMp4(file: InputFile): Promise<number | undefined> {
  const { boxes, cut } = await topBoxes(file);
  const last = boxes.at(-1);
  if (!last || cut || !boxes.some(({ type }) => type === 'moov')) return undefined;
  return last.offset + last.bytes;
}

/** By its beginning and its end. */
async function isZeroFrom(file: Readable, from: number, size: number): Promise<boolean> {
  const buffer = Buffer.alloc(Math.min(SAMPLE_BYTES, size - from));
  for (const at of [from, size - buffer.length]) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (buffer.subarray(0, bytesRead).some(byte => byte !== 0)) return false;
  }
  return true;
}
