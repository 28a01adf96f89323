import { readFile, stat } from 'node:fs/promises';
import type { Sidecar } from '../core/job.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import type { GuardedFs } from './guarded-fs.ts';
import { sidecarNameOf } from './ignored-names.ts';

/** A longer text is somebody's document, not an instruction. */
const MAX_BYTES = 64 * 1024;

/**
 * - `text`: the instruction, trimmed. `none`: nothing is written in it (yet).
 * - `unusable`: there is one that cannot be read; processing the file without it would not be what was requested.
 */
export type Instruction = { kind: 'text'; text: string } | { kind: 'none' } | { kind: 'unusable'; why: Sentence };

/**
 * Reads the instruction file at `path`: UTF-8, or UTF-16 if a byte order mark says so (Notepad). Throws only
 * `unavailable`.
 */
export async function readInstruction(fs: GuardedFs, path: string): Promise<Instruction> {
  const bytes = await readAtMost(fs, path, MAX_BYTES + 1);
  if (bytes === 'ENOENT') return { kind: 'none' };
  if (typeof bytes === 'string') return unusable(say('inbox.instruction-unreadable', { errno: bytes }));
  if (bytes.length > MAX_BYTES) return unusable(say('inbox.instruction-too-long'));
  return decodeInstruction(bytes);
}

/** The instruction beside the file at `mediaPath`, as the watcher would attach it; for explaining one file. */
export async function readSidecar(mediaPath: string): Promise<Sidecar | undefined> {
  const path = sidecarNameOf(mediaPath);
  try {
    const { size } = await stat(path);
    const instruction = size > MAX_BYTES ? undefined : decodeInstruction(await readFile(path));
    return instruction?.kind === 'text' ? { path, text: instruction.text } : undefined;
  } catch {
    return undefined;
  }
}

export function decodeInstruction(bytes: Buffer): Instruction {
  const text = decode(bytes);
  if (text === undefined || text.includes('\0')) return unusable(say('inbox.instruction-not-text'));
  const trimmed = text.trim();
  return trimmed === '' ? { kind: 'none' } : { kind: 'text', text: trimmed };
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

/** The bytes, or the errno of the failure. */
async function readAtMost(fs: GuardedFs, path: string, limit: number): Promise<Buffer | string> {
  try {
    const file = await fs.open(path);
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

function unusable(why: Sentence): Instruction {
  return { kind: 'unusable', why };
}
