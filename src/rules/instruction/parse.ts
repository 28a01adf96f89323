/**
 * Turns plain words into what they ask for. Every word has to be accounted for: a word explained by no phrase and no filler comes
 * back as not understood, so that the caller can ask instead of guessing. Nothing is dropped silently.
 */
import { isDeepStrictEqual } from 'node:util';
import { MAX_INSTRUCTION } from '../../core/job.ts';
import { foldAccents } from './accents.ts';
import { CHINESE, foldTraditional } from './chinese.ts';
import { merge } from './merge.ts';
import { ENGLISH, FILLER_WORDS, SIGNS } from './english.ts';
import { FRENCH } from './french.ts';
import { GERMAN } from './german.ts';
import {
  FILLER,
  type Instruction,
  type PhraseMeaning,
  type Phrase,
  type InstructionTarget,
  type Piece,
  type Vocabulary,
  UNCLEAR,
} from './phrase.ts';
import { PLATFORM_PHRASES } from './platforms.ts';
import { QUANTITIES } from './quantities.ts';
import { SPANISH } from './spanish.ts';

export type { InstructionTarget } from './phrase.ts';

/** Never throws. @param sourceBytes allows a share and a size to be compared if both are asked for. */
export function parseInstruction(written: string, sourceBytes?: number): Instruction {
  const text = normalise(written);
  if (text === undefined) {
    return { target: {}, notUnderstood: [`${written.trim().slice(0, 60).replace(/\s+/g, ' ')}...`] };
  }
  return inOneLanguage(text, language => {
    const pieces = readPieces(text, language);
    return { ...merge(text, pieces, sourceBytes), foreignLetters: lettersOfNoPhrase(pieces) };
  });
}

/** The one language other than English and Chinese that the words are in; `undefined` if none is certain. */
export function languageOf(written: string): 'de' | 'fr' | 'es' | undefined {
  const text = normalise(written);
  if (text === undefined) return undefined;
  const unknown = (language: Language) => {
    const pieces = readPieces(text, language);
    return isUnderstood(merge(text, pieces, undefined)) ? 0 : 1 + lettersOfNoPhrase(pieces);
  };
  const most = unknown(ENGLISH_OR_CHINESE);
  const others = OTHER_LANGUAGES.map(unknown);
  const least = Math.min(...others);
  // Half known is a guess that the rest is of the same language; a tie is none.
  if (least > most / 2 || most === 0 || others.filter(each => each === least).length > 1) return undefined;
  return (['de', 'fr', 'es'] as const)[others.indexOf(least)];
}

type Reading = Instruction & { foreignLetters: number };

/**
 * English and Chinese come first. Of the others, one has to understand everything, and no second one differently. Where none does,
 * the words are of the language that knows most of them, understood or not.
 */
function inOneLanguage(text: string, read: (language: Language) => Reading): Instruction {
  const first = read(ENGLISH_OR_CHINESE);
  if (isUnderstood(first)) return instructionOf(first);
  const others = OTHER_LANGUAGES.map(read);
  const [whole, ...more] = others.filter(isUnderstood);
  if (whole) {
    const isCertain = more.every(({ target }) => isDeepStrictEqual(target, whole.target));
    return isCertain ? instructionOf(whole) : { target: {}, notUnderstood: [text.replace(/\s+/g, ' ')] };
  }
  return instructionOf(others.reduce((best, each) => (each.foreignLetters < best.foreignLetters ? each : best), first));
}

const isUnderstood = ({ notUnderstood }: Instruction): boolean => notUnderstood.length === 0;
const instructionOf = ({ target, notUnderstood }: Reading): Instruction => ({ target, notUnderstood });

function lettersOfNoPhrase(pieces: readonly Piece[]): number {
  const unknown = pieces.filter(({ meaning }) => meaning.kind === 'unknown');
  return unknown.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** Normalises full-width letters and the like and drops invisible characters; `undefined` if the text is too long. */
function normalise(written: string): string | undefined {
  if (written.trim().length > MAX_INSTRUCTION) return undefined;
  const text = written
    .replace(/½/g, ' 1/2 ')
    .replace(/¼/g, ' 1/4 ')
    .normalize('NFKC')
    .replace(/[\p{Cf}\p{Cc}\p{Co}\p{Cn}\p{Cs}]/gu, sign => (/\s/.test(sign) ? sign : ''))
    .trim();
  return text.length > MAX_INSTRUCTION ? undefined : text;
}

interface Language extends Vocabulary {
  /** Those that may begin with a Chinese character. */
  hanPhrases: readonly Phrase[];
  /** Simplifies the text before it is read; its length does not change. */
  fold(text: string): string;
}

const ENGLISH_OR_CHINESE: Language = {
  phrases: [...QUANTITIES, ...PLATFORM_PHRASES, ...ENGLISH, ...CHINESE],
  fillers: FILLER_WORDS,
  hanPhrases: [...QUANTITIES, ...CHINESE],
  fold: foldTraditional,
};

/** Each is read alone, because a word that means nothing in one changes the meaning in another (`die`, `son`, `once`). */
const OTHER_LANGUAGES: readonly Language[] = [GERMAN, FRENCH, SPANISH].map(({ phrases, fillers }) => ({
  phrases: [...QUANTITIES, ...PLATFORM_PHRASES, ...phrases],
  fillers,
  hanPhrases: [],
  fold: foldAccents,
}));

/** The phrases that can begin with this character; trying the others would only cost time. */
function phrasesAt(text: string, start: number, language: Language): readonly Phrase[] {
  const sign = String.fromCodePoint(text.codePointAt(start) ?? 0);
  if (/\p{Script=Han}/u.test(sign)) return language.hanPhrases;
  return /[\p{L}\p{N}.]/u.test(sign) ? language.phrases : SIGNS;
}

function readPieces(text: string, language: Language): Piece[] {
  return rejectPartsOfSound(text, rejectDoubtful(attachToQuantities(split(text, language))));
}

function split(text: string, language: Language): Piece[] {
  const simple = language.fold(text);
  const pieces: Piece[] = [];
  for (let start = 0; start < text.length; ) {
    const piece = nextPiece(simple, start, language);
    if (piece.end > start && piece.meaning !== SPACE) pieces.push({ start, end: piece.end, meaning: piece.meaning });
    start = Math.max(piece.end, start + 1);
  }
  return pieces;
}

const SPACE = { kind: 'pause' } as const;

/** A word that was attached to its quantity no longer needs a meaning of its own. */
const ATTACHED = { kind: 'pause' } as const;

const BLANK = /\s+/y;
const WORD = /[a-zß]+(?:['’-][a-zß]+)*/iuy;
/** Anything with letters or digits in it, up to the next gap. Chinese has no gaps, so one character at a time. */
const RUN =
  /\p{Script=Han}|[-+]?(?:(?!\p{Script=Han})[\p{L}\p{M}\p{N}])(?:(?!\p{Script=Han})[\p{L}\p{M}\p{N}'’._/%:@#&=?~+-])*(?<=[\p{L}\p{M}\p{N}%])/uy;
/** Among others a plus behind a quantity, which means `or more`. */
const MEANINGFUL_SIGN = /[<>≥%$€£]|(?<=[\p{L}\p{N}%]\s?)\+(?!\s*[\p{L}\p{N}])/uy;
const SOFT_SIGN = /[:=：]/y;

function nextPiece(text: string, start: number, language: Language): { end: number; meaning: Piece['meaning'] } {
  const blank = stick(BLANK, text, start);
  if (blank) return { end: start + blank.length, meaning: blank.includes('\n') ? { kind: 'line' } : SPACE };
  const phrase = longestPhrase(text, start, language);
  if (phrase) return phrase;
  const run = stick(RUN, text, start);
  if (run) return { end: start + run.length, meaning: { kind: 'unknown' } };
  if (stick(MEANINGFUL_SIGN, text, start)) return { end: start + 1, meaning: { kind: 'unknown' } };
  if (stick(SOFT_SIGN, text, start)) return { end: start + 1, meaning: { kind: 'pause' } };
  const sign = String.fromCodePoint(text.codePointAt(start) ?? 0);
  return { end: start + sign.length, meaning: { kind: 'break' } };
}

function longestPhrase(
  text: string,
  start: number,
  language: Language,
): { end: number; meaning: PhraseMeaning } | undefined {
  const word = stick(WORD, text, start);
  const isFiller =
    word !== undefined &&
    language.fillers.has(word.toLowerCase().replaceAll('’', "'")) &&
    !/[a-z0-9]/i.test(text[start + word.length] ?? '');
  let best: { end: number; meaning: PhraseMeaning } | undefined = isFiller
    ? { end: start + (word?.length ?? 0), meaning: FILLER }
    : undefined;
  for (const { pattern, read } of phrasesAt(text, start, language)) {
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

/** What may stand between a part and something that is to hold for the whole result. */
const AND = /[^\p{L}\s'’]|\n|\b(?:and|und|et|y|then|dann|puis|luego)\b|[和并且与然再]/iu;

/** `mute the first 10 seconds` asks for no part, and `sound at 96k from 0:10` may not: sound and part stand apart, or are unclear. */
function rejectPartsOfSound(text: string, pieces: readonly Piece[]): Piece[] {
  const asks = ({ meaning }: Piece, ...fields: string[]) =>
    meaning.kind === 'sets' && meaning.settings.some(({ field }) => fields.includes(field));
  const asking = pieces.filter(({ meaning }) => meaning.kind === 'sets');
  const unclear = new Set<Piece>();
  asking.forEach((piece, at) => {
    const next = asking[at + 1];
    if (!next || AND.test(text.slice(piece.end, next.start))) return;
    const isPart = (one: Piece) => asks(one, 'from', 'to');
    if ((asks(piece, 'audio') && isPart(next)) || (isPart(piece) && asks(next, 'audio'))) unclear.add(piece).add(next);
  });
  return pieces.map(piece => (unclear.has(piece) ? { ...piece, meaning: UNCLEAR } : piece));
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
