/**
 * A mark in every result of a library: a box of its own behind all others, which players pass over. It stays when a file is copied
 * or renamed, so that a library is not begun anew where the journal is lost.
 */
import { open } from 'node:fs/promises';
import { writeAll } from '../platform/files/durable.ts';
import { doing, type Readable } from '../platform/files/files.ts';

/** As `uuid` boxes are told apart. */
const OURS = Buffer.from('6b1f5c0e2d774a1c9e83b0f45d21a7c6', 'hex');
const HEADER_BYTES = 8 + OURS.length;
const MAX_BYTES = 4096;
/** Of the original's name, the beginning. */
export const MAX_NAME = 200;

export interface Tag {
  /** The original's name, bytes and fingerprint. */
  name: string;
  bytes: number;
  fingerprint: string;
}

/** Adds the mark to a file in a job's work directory. @returns its size by then */
export async function addTag(path: string, tag: Tag): Promise<number> {
  return doing('writing', path, async () => {
    const file = await open(path, 'r+');
    try {
      const { size } = await file.stat();
      const before = await tagOf({ path, read: file.read.bind(file), stat: () => file.stat({ bigint: true }) });
      if (before) return size;
      const words = Buffer.from(JSON.stringify({ by: 'shrinkbox', ...tag, name: tag.name.slice(0, MAX_NAME) }));
      const box = Buffer.alloc(HEADER_BYTES + words.length + 4);
      box.writeUInt32BE(box.length, 0);
      box.write('uuid', 4, 'latin1');
      OURS.copy(box, 8);
      words.copy(box, HEADER_BYTES);
      // So that it is found from the end of the file.
      box.writeUInt32BE(box.length, box.length - 4);
      const end = await writeAll(file, box, size);
      await file.sync();
      return end;
    } finally {
      await file.close();
    }
  });
}

/** The mark of a file; `undefined` for one that shrinkbox did not make for a library. */
export async function tagOf(file: Readable): Promise<Tag | undefined> {
  return doing('reading', file.path, async () => {
    const size = Number((await file.stat()).size);
    const tail = Buffer.alloc(Math.min(MAX_BYTES, size));
    const { bytesRead } = await file.read(tail, 0, tail.length, size - tail.length);
    if (bytesRead < HEADER_BYTES + 4) return undefined;
    const length = tail.readUInt32BE(bytesRead - 4);
    const at = bytesRead - length;
    if (length < HEADER_BYTES + 4 || at < 0 || tail.readUInt32BE(at) !== length) return undefined;
    if (!tail.subarray(at + 8, at + HEADER_BYTES).equals(OURS)) return undefined;
    return parsed(tail.toString('utf8', at + HEADER_BYTES, bytesRead - 4));
  });
}

function parsed(words: string): Tag | undefined {
  try {
    const { name, bytes, fingerprint } = JSON.parse(words) as Partial<Tag>;
    if (typeof name !== 'string' || typeof bytes !== 'number' || typeof fingerprint !== 'string') return undefined;
    return { name, bytes, fingerprint };
  } catch {
    return undefined;
  }
}
