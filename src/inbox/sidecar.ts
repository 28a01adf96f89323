import { readFile, stat } from 'node:fs/promises';
import type { Sidecar } from '../core/job.ts';
import type { Disk } from './guarded-fs.ts';
import { sidecarNameOf } from './ignored-names.ts';

/** More is no instruction but somebody's document. */
const MAX_BYTES = 64 * 1024;

/**
 * - `words`: the instruction, trimmed. `none`: nothing is written in it (yet).
 * - `unusable`: somebody left words that cannot be read; going on without them would do something they did not ask for.
 */
export type Words = { kind: 'words'; text: string } | { kind: 'none' } | { kind: 'unusable'; why: string };

/** Reads the words beside a file. UTF-8, or UTF-16 where a byte order mark says so (Notepad). Never throws but `unavailable`. */
export async function readWords(disk: Disk, path: string): Promise<Words> {
  const bytes = await readAtMost(disk, path, MAX_BYTES + 1);
  if (typeof bytes === 'string')
    return bytes === 'ENOENT' ? { kind: 'none' } : unusable(`it cannot be read (${bytes})`);
  if (bytes.length > MAX_BYTES) return unusable('it is longer than 64 KiB');
  return decodeWords(bytes);
}

/** The instruction beside the file at `mediaPath`, as the watcher would attach it; for asking about a file by hand. */
export async function readSidecar(mediaPath: string): Promise<Sidecar | undefined> {
  const path = sidecarNameOf(mediaPath);
  try {
    const { size } = await stat(path);
    const words = size > MAX_BYTES ? undefined : decodeWords(await readFile(path));
    return words?.kind === 'words' ? { path, text: words.text } : undefined;
  } catch {
    return undefined;
  }
}

export function decodeWords(bytes: Buffer): Words {
  const text = decode(bytes);
  if (text === undefined || text.includes('\0')) return unusable('it is not UTF-8 text');
  const trimmed = text.trim();
  return trimmed === '' ? { kind: 'none' } : { kind: 'words', text: trimmed };
}

function decode(bytes: Buffer): string | undefined {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

async function readAtMost(disk: Disk, path: string, limit: number): Promise<Buffer | string> {
  try {
    const file = await disk.open(path);
    try {
      return await file.read(0, limit);
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'unavailable') throw error;
    return code ?? 'unknown error';
  }
}

function unusable(why: string): Words {
  return { kind: 'unusable', why };
}
