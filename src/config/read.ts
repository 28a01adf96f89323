import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ShrinkError } from '../core/errors.ts';
import { isAloneInGroup, type Ownership, type Place, whyNotTrusted } from './trust.ts';

/**
 * Reads a small text file; `opened` hears whose it is: the open file, not whatever has its name by then.
 *
 * @throws NodeJS.ErrnoException; ShrinkError `io` if it is not a text file.
 */
export type ReadFile = (path: string, maxBytes: number, opened?: (file: Ownership) => void) => string;

/** Never waits for a pipe or device, and never reads more than the limit. */
export const readTextFile: ReadFile = (path, maxBytes, opened) => {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (stat.isDirectory()) throw notText('is a folder, not a file', path);
    if (!stat.isFile()) throw notText('is not a regular file', path);
    opened?.(stat);
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

/** Whether every folder on the way to a path may be entered. */
export function isInReach(path: string): boolean {
  try {
    lstatSync(path, { throwIfNoEntry: false });
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EACCES';
  }
}

/** Why an open file of this path is not to be trusted (config/trust.ts); always `undefined` on a system without user ids. */
export function whyFileNotTrusted(path: string, opened: Ownership): string | undefined {
  const caller = process.geteuid?.();
  if (caller === undefined) return undefined;
  // A link is the word of whoever may write to its folder; the file behind it is judged by itself.
  const folder = dirname(path);
  return whyNotTrusted([placeOf(path, opened), placeOf(folder, statSync(folder))], { caller, isAlone });
}

function placeOf(path: string, { uid, gid, mode }: Ownership): Place {
  return { path, uid, gid, mode };
}

function isAlone(uid: number, gid: number): boolean {
  try {
    const [passwd, group] = ['/etc/passwd', '/etc/group'].map(path => readFileSync(path, 'utf8'));
    return isAloneInGroup(uid, gid, { passwd: passwd ?? '', group: group ?? '' });
  } catch {
    return false;
  }
}

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
