import { isShrinkError, sentenceOf } from '../core/errors.ts';
import { MAX_INSTRUCTION } from '../core/job.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import type { OpenedFile } from './guarded-fs.ts';

/** As many as an instruction of the longest kind may have: four for each character, and spaces around it. */
const MAX_BYTES = 64 * 1024;

const TOO_LONG = say('rules.words-too-long', { max: MAX_INSTRUCTION });

/**
 * - `text`: the instruction, trimmed, and whose it is. `none`: nothing is written in it (yet).
 * - `unusable`: there is one that cannot be read; processing the file without it would not be what was requested.
 */
export type Instruction =
  | { kind: 'text'; text: string; uid?: bigint }
  | { kind: 'none' }
  | { kind: 'unusable'; why: Sentence };

/**
 * Reads an instruction file: UTF-8, or UTF-16 if a byte order mark says so (Notepad). Only regular files are read: a link
 * could lead to a file that whoever put it there may not read.
 * @param open opens it through the door (platform/files/door.ts)
 * @throws ShrinkError `unavailable` only
 */
export async function readInstruction(
  open: () => Promise<Pick<OpenedFile, 'read' | 'stat' | 'close'>>,
): Promise<Instruction> {
  try {
    const file = await open();
    try {
      const bytes = await file.read(0, MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) return unusable(TOO_LONG);
      const instruction = decodeInstruction(bytes);
      return instruction.kind === 'text' ? { ...instruction, uid: (await file.stat()).uid } : instruction;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isShrinkError(error, 'unavailable')) throw error;
    if (isShrinkError(error)) return unusable(sentenceOf(error));
    const { code = 'unknown error' } = error as { code?: string };
    return code === 'ENOENT' ? { kind: 'none' } : unusable(say('inbox.instruction-unreadable', { errno: code }));
  }
}

export function decodeInstruction(bytes: Buffer): Instruction {
  const text = decode(bytes);
  if (text === undefined) return unusable(say('inbox.instruction-not-text'));
  if (text.includes('\0')) return unusable(say('inbox.instruction-has-nul'));
  const trimmed = text.trim();
  // Somebody's document.
  if (trimmed.length > MAX_INSTRUCTION) return unusable(TOO_LONG);
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

function unusable(why: Sentence): Instruction {
  return { kind: 'unusable', why };
}
