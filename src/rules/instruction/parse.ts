/**
 * Turns plain words into what they ask for. Every word has to be accounted for: a word explained by no phrase and no filler comes
 * back as not understood, so that the caller can ask instead of guessing. Nothing is dropped silently.
 */
import { CHINESE, foldTraditional } from './chinese.ts';
import { merge } from './merge.ts';
import { ENGLISH, FILLER_WORDS, SIGNS } from './english.ts';
import {
  FILLER,
  type Instruction,
  type PhraseMeaning,
  type Phrase,
  type Piece,
  UNCLEAR,
  type InstructionTarget,
} from './phrase.ts';
import { PLATFORM_PHRASES } from './platforms.ts';
import { QUANTITIES } from './quantities.ts';

export type { InstructionTarget } from './phrase.ts';

/** Longest instruction, in characters: more than anybody needs to ask for a smaller video. Bounds the work, too. */
export const MAX_LENGTH = 2000;

/** Never throws. @param sourceBytes allows a share and a size to be compared if both are asked for. */
export function parseInstruction(written: string, sourceBytes?: number): Instruction {
  const text = normalise(written);
  if (text === undefined) {
    return { target: {}, notUnderstood: [`${written.trim().slice(0, 60).replace(/\s+/g, ' ')}...`] };
  }
  return merge(text, rejectDoubtful(attachToQuantities(split(text))), sourceBytes);
}

/** Normalises full-width letters and the like and drops invisible characters; `undefined` if the text is too long. */
function normalise(written: string): string | undefined {
  if (written.trim().length > MAX_LENGTH) return undefined;
  const text = written
    .replace(/½/g, ' 1/2 ')
    .replace(/¼/g, ' 1/4 ')
    .normalize('NFKC')
    .replace(/[\p{Cf}\p{Cc}\p{Co}\p{Cn}\p{Cs}]/gu, sign => (/\s/.test(sign) ? sign : ''))
    .trim();
  return text.length > MAX_LENGTH ? undefined : text;
}

const PHRASES: readonly Phrase[] = [...QUANTITIES, ...PLATFORM_PHRASES, ...ENGLISH, ...CHINESE];
/** Those that may begin with a Chinese character. */
const HAN_PHRASES: readonly Phrase[] = [...QUANTITIES, ...CHINESE];

/** The phrases that can begin with this character; trying the others would only cost time. */
function phrasesAt(text: string, start: number): readonly Phrase[] {
  const sign = String.fromCodePoint(text.codePointAt(start) ?? 0);
  if (/\p{Script=Han}/u.test(sign)) return HAN_PHRASES;
  return /[\p{L}\p{N}.]/u.test(sign) ? PHRASES : SIGNS;
}

function split(text: string): Piece[] {
  const simple = foldTraditional(text);
  const pieces: Piece[] = [];
  for (let start = 0; start < text.length; ) {
    const piece = nextPiece(simple, start);
    if (piece.end > start && piece.meaning !== SPACE) pieces.push({ start, end: piece.end, meaning: piece.meaning });
    start = Math.max(piece.end, start + 1);
  }
  return pieces;
}

const SPACE = { kind: 'pause' } as const;

/** A word that was attached to its quantity no longer needs a meaning of its own. */
const ATTACHED = { kind: 'pause' } as const;

const BLANK = /\s+/y;
const WORD = /[a-z]+(?:['’-][a-z]+)*/iy;
/** Anything with letters or digits in it, up to the next gap. Chinese has no gaps, so one character at a time. */
const RUN =
  /\p{Script=Han}|[-+]?(?:(?!\p{Script=Han})[\p{L}\p{M}\p{N}])(?:(?!\p{Script=Han})[\p{L}\p{M}\p{N}'’._/%:@#&=?~+-])*(?<=[\p{L}\p{M}\p{N}%])/uy;
/** Among others a plus behind a quantity, which means `or more`. */
const MEANINGFUL_SIGN = /[<>≥%$€£]|(?<=[\p{L}\p{N}%]\s?)\+(?!\s*[\p{L}\p{N}])/uy;
const SOFT_SIGN = /[:=：]/y;

function nextPiece(text: string, start: number): { end: number; meaning: Piece['meaning'] } {
  const blank = stick(BLANK, text, start);
  if (blank) return { end: start + blank.length, meaning: blank.includes('\n') ? { kind: 'line' } : SPACE };
  const phrase = longestPhrase(text, start);
  if (phrase) return phrase;
  const run = stick(RUN, text, start);
  if (run) return { end: start + run.length, meaning: { kind: 'unknown' } };
  if (stick(MEANINGFUL_SIGN, text, start)) return { end: start + 1, meaning: { kind: 'unknown' } };
  if (stick(SOFT_SIGN, text, start)) return { end: start + 1, meaning: { kind: 'pause' } };
  const sign = String.fromCodePoint(text.codePointAt(start) ?? 0);
  return { end: start + sign.length, meaning: { kind: 'break' } };
}

function longestPhrase(text: string, start: number): { end: number; meaning: PhraseMeaning } | undefined {
  const word = stick(WORD, text, start);
  const isFiller =
    word !== undefined && FILLER_WORDS.has(word.toLowerCase()) && !/[a-z0-9]/i.test(text[start + word.length] ?? '');
  let best: { end: number; meaning: PhraseMeaning } | undefined = isFiller
    ? { end: start + (word?.length ?? 0), meaning: FILLER }
    : undefined;
  for (const { pattern, read } of phrasesAt(text, start)) {
    pattern.lastIndex = start;
    const match = pattern.exec(text);
    if (!match || match[0].length === 0) continue;
    const end = start + match[0].length;
    if (best && end <= best.end) continue;
    const meaning = read(match);
    if (meaning) best = { end, meaning };
  }
  return best;
}

function stick(pattern: RegExp, text: string, start: number): string | undefined {
  pattern.lastIndex = start;
  return pattern.exec(text)?.[0];
}

/** Attaches `under` and the like to their quantity; without one they are not understood. */
function attachToQuantities(pieces: Piece[]): Piece[] {
  return pieces.map((piece, index) => {
    const { meaning } = piece;
    if (meaning.kind !== 'beside') return piece;
    const after = meaning.where !== 'after' ? quantityBeside(pieces, index, 1, meaning.of) : undefined;
    const found = after ?? (meaning.where !== 'before' ? quantityBeside(pieces, index, -1, meaning.of) : undefined);
    if (!found) return { ...piece, meaning: UNCLEAR };
    if (found.meaning.kind === 'sets') found.meaning = { ...found.meaning, bound: true };
    return { ...piece, meaning: ATTACHED };
  });
}

/** At most this many fillers may stand between (`under a total size of about 50MB`), which also keeps a thousand `under` cheap. */
const REACH = 8;

/** The next quantity (of the kind `of`) in a direction, with nothing but fillers between. */
function quantityBeside(
  pieces: Piece[],
  from: number,
  step: 1 | -1,
  of: keyof InstructionTarget | undefined,
): Piece | undefined {
  for (let index = from + step; Math.abs(index - from) <= REACH; index += step) {
    const piece = pieces[index];
    if (!piece) return undefined;
    const { meaning } = piece;
    if (meaning.kind === 'sets') {
      const fields = meaning.settings.map(({ field }) => field);
      const fits = of
        ? fields.includes(of)
        : fields.some(field => ['size', 'resolution', 'fps', 'audio'].includes(field));
      return fits ? piece : undefined;
    }
    // A line may be wrapped anywhere, so a line end does not separate a word from its quantity.
    if (!['filler', 'pause', 'line', 'beside'].includes(meaning.kind)) return undefined;
  }
  return undefined;
}

/** A setting right after an unknown word may mean its opposite: `over 50MB`, `don't mute`, `not under 8MB`. */
function rejectDoubtful(pieces: readonly Piece[]): Piece[] {
  let afterUnknown = false;
  return pieces.map(piece => {
    const { kind } = piece.meaning;
    if (kind === 'pause') return piece;
    const isDoubtful = afterUnknown && kind === 'sets';
    afterUnknown = kind === 'unknown' || kind === 'unclear';
    return isDoubtful ? { ...piece, meaning: UNCLEAR } : piece;
  });
}
