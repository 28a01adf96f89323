import { readFile } from 'node:fs/promises';
import { type Completeness, checkCompleteness } from '../../../src/media/completeness/index.ts';
import { type FootageName, footage } from '../../support/footage.ts';

/** Walks bytes as if they were a file, and counts what was read. */
export async function walk(bytes: Buffer): Promise<Completeness & { reads: number; bytesRead: number }> {
  let reads = 0;
  let bytesRead = 0;
  const said = await checkCompleteness({
    size: bytes.length,
    async read(offset, length) {
      const part = bytes.subarray(offset, offset + length);
      reads += 1;
      bytesRead += part.length;
      return part;
    },
  });
  return { ...said, reads, bytesRead };
}

/** The bytes of a clip. */
export async function clip(name: FootageName): Promise<Buffer> {
  return readFile(await footage(name));
}
