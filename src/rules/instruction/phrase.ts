/** What words can mean, and how a phrase is written. */
import type { Floor, Resolution, Target } from '../../core/target.ts';

/** What an instruction asks for; `keep` overrides a rule that asks for less. Absent: the words say nothing about it. */
export interface InstructionTarget {
  /** Where the part asked for begins and ends, as in Trim; 0 and Infinity are the beginning and the end. */
  from?: number;
  to?: number;
  size?: NonNullable<Target['size']>;
  resolution?: Resolution | 'keep';
  fps?: number | 'keep';
  audio?: Target['audio'];
  codec?: NonNullable<Target['codec']>;
  quality?: Target['quality'];
  floor?: Floor;
}

/** One field of the target and the value asked for. */
export type Setting = {
  [Field in keyof InstructionTarget]-?: { field: Field; value: NonNullable<InstructionTarget[Field]> };
}[keyof InstructionTarget];

export type PhraseMeaning =
  /** Asks for something. `bound` marks a limit among several sizes. */
  | { kind: 'sets'; settings: Setting[]; bound?: boolean }
  /** Understood, and done anyway: `smaller`, `MP4`. `smallest` asks to spend no bits beyond what can be seen. */
  | { kind: 'granted'; smallest?: boolean }
  /** Means something only beside a quantity: `under`, `or less`, `resolution`. `of` says which quantity. */
  | { kind: 'beside'; where: 'before' | 'after' | 'either'; of?: keyof InstructionTarget }
  /** Carries no meaning of its own: `please`, `this video`. */
  | { kind: 'filler' }
  /** Can be read in two ways, so it counts as not understood. */
  | { kind: 'unclear' };

export interface Phrase {
  /** Sticky. */
  pattern: RegExp;
  /** `undefined` if these words mean nothing after all (0 MB, 900 frames per second). */
  read: (match: RegExpExecArray) => PhraseMeaning | undefined;
}

/** A phrase in a language with spaces; it ends where a word ends. */
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

export function sets(...settings: Setting[]): PhraseMeaning {
  return { kind: 'sets', settings };
}

/** A word that stands before what it is about, as `under` before a size; before anything where nothing is named. */
export function before(of?: keyof InstructionTarget): PhraseMeaning {
  return { kind: 'beside', where: 'before', ...(of && { of }) };
}

/** What is wished for in every language. */
export const MUTE = sets({ field: 'audio', value: { kind: 'mute' } });
export const KEEP_AUDIO = sets({ field: 'audio', value: { kind: 'keep' } });
export const AUTO = sets({ field: 'quality', value: 'auto' });
export const MAX = sets({ field: 'quality', value: 'max' });
/** `no matter how it looks`, `but keep it good`: how bad it may look for the size's sake. */
export const ANY_LOOK = sets({ field: 'floor', value: 'any' });
export const GOOD_LOOK = sets({ field: 'floor', value: 'good' });
export const SMALLEST: PhraseMeaning = { kind: 'granted', smallest: true };

/** A share of the source; `undefined` outside 1 % to 100 %. */
export function setShare(share: number): PhraseMeaning | undefined {
  return share >= 0.01 && share <= 1 ? sets({ field: 'size', value: { kind: 'share', share } }) : undefined;
}

/** Smaller by this share of the source: a third leaves two. */
export function setSmallerBy(share: number): PhraseMeaning | undefined {
  return setShare(Math.round((1 - share) * 1e6) / 1e6);
}

export function setBytes(bytes: number): PhraseMeaning | undefined {
  const fits = Number.isSafeInteger(bytes) && bytes > 0;
  return fits ? sets({ field: 'size', value: { kind: 'bytes', bytes } }) : undefined;
}

export function setLines(lines: number): PhraseMeaning | undefined {
  return lines >= 100 && lines <= 4320 ? sets({ field: 'resolution', value: { kind: 'lines', lines } }) : undefined;
}

export function setFps(fps: number): PhraseMeaning | undefined {
  return fps >= 1 && fps <= 240 ? sets({ field: 'fps', value: fps }) : undefined;
}

export function setAudio(kilobits: number): PhraseMeaning | undefined {
  if (kilobits < 16 || kilobits > 512) return undefined;
  return sets({ field: 'audio', value: { kind: 'bitrate', bitsPerSecond: kilobits * 1000 } });
}

/** One language: its phrases, and its words without a meaning of their own. */
export interface Vocabulary {
  phrases: readonly Phrase[];
  fillers: ReadonlySet<string>;
}

export interface Instruction {
  /** What the words ask for; fields they say nothing about are absent. */
  target: InstructionTarget;
  /** The words that were not understood, in their order; then contradictions, as `1080p / 720p`. */
  notUnderstood: string[];
}

/** A stretch of the text and its meaning. `break` ends a clause, `line` a line; `unknown` is a word that no phrase knows. */
export interface Piece {
  start: number;
  end: number;
  meaning: PhraseMeaning | { kind: 'break' | 'line' | 'pause' | 'unknown' };
}
