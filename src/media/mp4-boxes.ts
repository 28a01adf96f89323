import { open } from 'node:fs/promises';
import { say } from '../messages/say.ts';
import { fileError } from '../platform/files/file-error.ts';

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
export async function topBoxes(path: string): Promise<{ boxes: Box[]; brand: string; bytes: number; cut: boolean }> {
  try {
    const file = await open(path, 'r');
    try {
      const size = (await file.stat()).size;
      const boxes: Box[] = [];
      const header = Buffer.alloc(16);
      let brand = '';
      let cut = false;
      for (let offset = 0; offset + 8 <= size && boxes.length < MAX_BOXES; ) {
        const { bytesRead } = await file.read(header, 0, 16, offset);
        const bytes = boxSize(header, bytesRead, size - offset);
        const type = header.toString('latin1', 4, 8);
        if (bytes === undefined || !/^[\w ©-]{4}$/.test(type)) break;
        cut = bytes > size - offset;
        if (cut) break;
        if (type === 'ftyp') brand = header.toString('latin1', 8, 12);
        boxes.push({ type, offset, bytes });
        offset += bytes;
      }
      return { boxes, brand, bytes: size, cut };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(error, say('files.reading', { path }), path);
  }
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
export async function endsEarly(path: string): Promise<boolean> {
  const { boxes, cut } = await topBoxes(path);
  const has = (type: string) => boxes.some(box => box.type === type);
  return cut || (has('mdat') && !has('moov'));
}

/** Bytes of picture and sound in an MP4 of ours: everything except its tables. */
export async function mediaBytes(path: string): Promise<number> {
  const { boxes } = await topBoxes(path);
  return boxes.filter(box => box.type === 'mdat').reduce((sum, box) => sum + box.bytes - 8, 0);
}

const CODEC_HEADERS = ['avcC', 'hvcC', 'av1C'];
/** The index of one part: some minutes of frames. */
const MAX_INDEX_BYTES = 64_000_000;

/** What a decoder must know before the first frame of an MP4 of ours; `undefined` if not found. */
export async function codecHeader(path: string): Promise<Buffer | undefined> {
  const { boxes } = await topBoxes(path);
  const index = boxes.find(box => box.type === 'moov');
  if (!index || index.bytes > MAX_INDEX_BYTES) return undefined;
  try {
    const file = await open(path, 'r');
    try {
      const { buffer } = await file.read(Buffer.alloc(index.bytes), 0, index.bytes, index.offset);
      const at = CODEC_HEADERS.map(name => buffer.indexOf(name)).find(found => found >= 4);
      return at === undefined ? undefined : buffer.subarray(at, at - 4 + buffer.readUInt32BE(at - 4));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(error, say('files.reading', { path }), path);
  }
}
