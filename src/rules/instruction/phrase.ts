/** What words can mean, and how a phrase is written down. */
import type { Resolution, Target } from '../../core/target.ts';

/** What an instruction asks for; `keep` overrides a rule that asks for less. Absent: the words say nothing about it. */
export interface InstructionTarget {
  size?: NonNullable<Target['size']>;
  resolution?: Resolution | 'keep';
  fps?: number | 'keep';
  audio?: Target['audio'];
  codec?: NonNullable<Target['codec']>;
  quality?: Target['quality'];
}

export type Wish = {
  [Field in keyof InstructionTarget]-?: { field: Field; value: NonNullable<InstructionTarget[Field]> };
}[keyof InstructionTarget];

export type PhraseMeaning =
  /** Asks for something. `bound` marks a limit among several sizes; `because` is told to people. */
  | { kind: 'wish'; wishes: Wish[]; bound?: boolean; because?: string }
  /** Understood, and done anyway: `smaller`, `MP4`. `smallest` asks that no bit be spent for nothing. */
  | { kind: 'granted'; smallest?: boolean }
  /** Only means something beside a quantity: `under`, `or less`, `resolution`. `of` says which quantity. */
  | { kind: 'beside'; where: 'before' | 'after' | 'either'; of?: keyof InstructionTarget }
  /** Carries nothing: `please`, `this video`. */
  | { kind: 'filler' }
  /** Can be read in two ways; never guessed. */
  | { kind: 'unclear' };

export interface Phrase {
  /** Sticky. */
  pattern: RegExp;
  /** `undefined`: these words in this form mean nothing to us after all (0 MB, 900 frames per second). */
  read: (match: RegExpExecArray) => PhraseMeaning | undefined;
}

/** A phrase in a language with spaces: ends where a word ends. */
export function latin(source: string, read: Phrase['read'] | PhraseMeaning): Phrase {
  return {
    pattern: new RegExp(`(?:${source})(?![a-z0-9])`, 'iuy'),
    read: typeof read === 'function' ? read : () => read,
  };
}

/** A phrase that may end anywhere. */
export function han(source: string, read: Phrase['read'] | PhraseMeaning): Phrase {
  return { pattern: new RegExp(source, 'iuy'), read: typeof read === 'function' ? read : () => read };
}

export const FILLER: PhraseMeaning = { kind: 'filler' };
export const GRANTED: PhraseMeaning = { kind: 'granted' };
export const UNCLEAR: PhraseMeaning = { kind: 'unclear' };

export function wish(...wishes: Wish[]): PhraseMeaning {
  return { kind: 'wish', wishes };
}

/** A share of the source; nothing for what is none. */
export function shareWish(share: number): PhraseMeaning | undefined {
  return share >= 0.01 && share <= 1 ? wish({ field: 'size', value: { kind: 'share', share } }) : undefined;
}

export function bytesWish(bytes: number): PhraseMeaning | undefined {
  const fits = Number.isSafeInteger(bytes) && bytes > 0;
  return fits ? wish({ field: 'size', value: { kind: 'bytes', bytes } }) : undefined;
}

export function linesWish(lines: number): PhraseMeaning | undefined {
  return lines >= 100 && lines <= 4320 ? wish({ field: 'resolution', value: { kind: 'lines', lines } }) : undefined;
}

export function fpsWish(fps: number): PhraseMeaning | undefined {
  return fps >= 1 && fps <= 240 ? wish({ field: 'fps', value: fps }) : undefined;
}

export function audioWish(kilobits: number): PhraseMeaning | undefined {
  if (kilobits < 16 || kilobits > 512) return undefined;
  return wish({ field: 'audio', value: { kind: 'bitrate', bitsPerSecond: kilobits * 1000 } });
}

export interface Instruction {
  /** What the words ask for; fields they say nothing about are absent. */
  target: InstructionTarget;
  /** The words that were understood and what they mean: `"under 50MB": at most 50 MB`. */
  understood: string[];
  /** The very words that were not, in their order; contradictions as `1080p / 720p`. */
  notUnderstood: string[];
}

/** A stretch of the text and its meaning; `break` ends a clause, `line` a line, `unknown` is a word of no phrase. */
export interface Piece {
  start: number;
  end: number;
  meaning: PhraseMeaning | { kind: 'break' | 'line' | 'pause' | 'unknown' };
}
