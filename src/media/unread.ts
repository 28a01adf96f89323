/** Bytes of a file that no demuxer of ffmpeg reads: what follows the film that the container describes. A few small reads. */
import { doing, type InputFile, type Readable, reading } from '../platform/files/files.ts';
import { topBoxes } from './mp4-boxes.ts';

/** Fewer are an editor's leftovers, or padding. */
const MIN_BYTES = 64;
const SAMPLE_BYTES = 65_536;

/**
 * How many bytes of a file of `size` bytes are left unread: another film that was joined with `cat`, or what a camera keeps there for
 * its own program. 0 where the end belongs to the film, is empty (all zero), or the container does not say where it ends.
 * @throws ShrinkError those of reading a file
 */
export async function unreadBytes(file: InputFile, size: number): Promise<number> {
  const end = (await endOfMp4(file)) ?? (await endOfAsf(file));
  if (end === undefined || size - end < MIN_BYTES) return 0;
  const isEmpty = await reading(file, opened => doing('reading', file.path, () => isZeroFrom(opened, end, size)));
  return isEmpty ? 0 : size - end;
}

/** Where the first film of an MP4 or MOV ends; ffmpeg skips a second index, and all it describes, but joins fragments. */
async function endOfMp4(file: InputFile): Promise<number | undefined> {
  const { boxes, cut } = await topBoxes(file);
  const places = (type: string) => boxes.filter(box => box.type === type).map(({ offset }) => offset);
  const [index, secondIndex] = places('moov');
  if (index === undefined || cut) return undefined;
  const second = places('ftyp')[1];
  const hasMedia = second !== undefined && places('mdat').some(offset => offset > second);
  const isFragmented = places('moof').length > 0;
  if (hasMedia && !isFragmented && secondIndex !== undefined && secondIndex > second && index < second) return second;
  const last = boxes.at(-1);
  return last && last.offset + last.bytes;
}

const ASF_HEADER = Buffer.from('3026b2758e66cf11a6d900aa0062ce6c', 'hex');
const ASF_FILE_PROPERTIES = Buffer.from('a1dcab8c47a9cf118ee400c00c205365', 'hex');
/** Offsets in the File Properties Object (ASF specification, 3.2). */
const ASF_SIZE_AT = 40;
const ASF_FLAGS_AT = 88;
const ASF_BROADCAST = 1;

/** The size that a WMV's own header says. */
async function endOfAsf(file: InputFile): Promise<number | undefined> {
  const head = Buffer.alloc(SAMPLE_BYTES);
  await reading(file, opened => doing('reading', file.path, () => opened.read(head, 0, head.length, 0)));
  if (!head.subarray(0, ASF_HEADER.length).equals(ASF_HEADER)) return undefined;
  const at = head.indexOf(ASF_FILE_PROPERTIES);
  if (at < 0 || at + ASF_FLAGS_AT + 4 > head.length) return undefined;
  const isLive = (head.readUInt32LE(at + ASF_FLAGS_AT) & ASF_BROADCAST) !== 0;
  const bytes = Number(head.readBigUInt64LE(at + ASF_SIZE_AT));
  return isLive || bytes <= at ? undefined : bytes;
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
