import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { ShrinkError } from '../core/errors.ts';

/** Reads a small text file. @throws NodeJS.ErrnoException; ShrinkError `io` if it is not a text file. */
export type ReadFile = (path: string, maxBytes: number) => string;

/** Never waits for a pipe or device, and never reads more than the limit. */
export const readTextFile: ReadFile = (path, maxBytes) => {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (stat.isDirectory()) throw notText('is a folder, not a file', path);
    if (!stat.isFile()) throw notText('is not a regular file', path);
    const buffer = Buffer.alloc(maxBytes + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(fd, buffer, length, buffer.length - length, null);
    }
    if (length > maxBytes) throw notText(`is larger than ${maxBytes / 1000} kB, too large to be the right file`, path);
    return decode(buffer.subarray(0, length), path);
  } finally {
    closeSync(fd);
  }
};

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw notText('is not UTF-8 text; save it as UTF-8', path, cause);
  }
}

function notText(message: string, subject: string, cause?: unknown): ShrinkError {
  return new ShrinkError('io', message, { doing: 'reading a text file', subject, cause });
}
