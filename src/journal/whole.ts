import type { JournalFile } from './io.ts';

/** A read or write that moved fewer bytes than asked for: a full disk, a file size limit, a file that shrank. */
export class ShortIoError extends Error {
  override readonly name = 'Short';
  readonly code = 'ESHORT';
}

/** Never tried again for the rest: what a short write left is for the next start to judge. */
export async function writeWhole(file: JournalFile, bytes: Buffer, position: number): Promise<void> {
  const written = await file.write(bytes, position);
  if (written !== bytes.length) throw new ShortIoError(`only ${written} of ${bytes.length} bytes were written`);
}

export async function readWhole(file: JournalFile, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const got = await file.read(bytes, position);
  if (got !== length) throw new ShortIoError(`only ${got} of ${length} bytes were read`);
  return bytes;
}
