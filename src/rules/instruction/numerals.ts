/** Whole numbers from 1 to 999 in words: `twenty-five`, `fünfundzwanzig`, `vingt-cinq`, `veinticinco`. */
import { foldAccents } from './accents.ts';

export interface Numerals {
  /** Matches at most this language's numbers in words, and more than `read` knows. A regular expression without groups. */
  pattern: string;
  /** `undefined` for words that are not a number after all. Case, accents, spaces and hyphens don't count. */
  read(text: string): number | undefined;
}

/** @param spell all ways to write `n`, without accents, spaces and hyphens */
function numerals(spell: (n: number) => string[], words: string): Numerals {
  const values = new Map<string, number>();
  for (let n = 1; n < 1000; n++) for (const spelling of spell(n)) values.set(spelling, n);
  // Longer words first: `sixteen` is not `six`.
  const anyWord = words.split(' ').sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  return {
    pattern: `(?:${anyWord.join('|')})(?:[\\s-]*(?:${anyWord.join('|')})){0,7}`,
    read: text => values.get(foldAccents(text.toLowerCase()).replace(/[\s-]/g, '').replaceAll('ß', 'ss')),
  };
}

/** The words for 0 to ...; none for 0. */
const list = (words: string): string[] => ['', ...words.split(' ')];
const digits = (n: number) => ({ hundreds: Math.floor(n / 100), tens: Math.floor(n / 10) % 10, ones: n % 10 });
const both = (heads: string[], tails: string[]) => heads.flatMap(head => tails.map(tail => head + tail));

const EN_SMALL =
  'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen';
const EN_TENS = 'twenty thirty forty fifty sixty seventy eighty ninety';

export const ENGLISH_NUMERALS = numerals(n => {
  const { hundreds, tens, ones } = digits(n);
  const rest = (n % 100 < 20 ? list(EN_SMALL)[n % 100] : `${list(EN_TENS)[tens - 1]}${list(EN_SMALL)[ones]}`) ?? '';
  if (hundreds === 0) return [rest];
  const hundred = `${list(EN_SMALL)[hundreds]}hundred`;
  return both(hundreds === 1 ? [hundred, 'ahundred'] : [hundred], rest ? [rest, `and${rest}`] : ['']);
}, `${EN_SMALL} ${EN_TENS} hundred and a`);

const DE_SMALL =
  'ein zwei drei vier funf sechs sieben acht neun zehn elf zwolf dreizehn vierzehn funfzehn sechzehn siebzehn achtzehn neunzehn';
const DE_TENS = 'zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig';

export const GERMAN_NUMERALS = numerals(n => {
  const { hundreds, tens, ones } = digits(n);
  const unit = list(DE_SMALL)[ones] ?? '';
  const rest = (n % 100 < 20 ? list(DE_SMALL)[n % 100] : `${unit && `${unit}und`}${list(DE_TENS)[tens - 1]}`) ?? '';
  if (hundreds === 0) return rest === 'ein' ? ['ein', 'eins', 'eine', 'einem'] : [rest];
  const hundred = `${list(DE_SMALL)[hundreds]}hundert`;
  return both(hundreds === 1 ? [hundred, 'hundert'] : [hundred], [rest]);
}, `${DE_SMALL} ${DE_TENS} dreißig eins eine einem hundert und`);

const FR_SMALL =
  'un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dixsept dixhuit dixneuf';
const FR_TENS = 'vingt trente quarante cinquante soixante';

function frenchRest(n: number): string[] {
  const small = list(FR_SMALL);
  if (n < 20) return [small[n] ?? ''];
  if (n >= 80) return n === 80 ? ['quatrevingt', 'quatrevingts'] : [`quatrevingt${small[n - 80]}`];
  const tens = Math.min(Math.floor(n / 10), 6);
  const left = n - tens * 10;
  const joint = left === 1 || left === 11 ? 'et' : '';
  return [`${list(FR_TENS)[tens - 1]}${joint}${small[left]}`];
}

export const FRENCH_NUMERALS = numerals(n => {
  const { hundreds } = digits(n);
  if (hundreds === 0) return frenchRest(n);
  const hundred = `${hundreds === 1 ? '' : list(FR_SMALL)[hundreds]}cent`;
  return both(hundreds > 1 ? [hundred, `${hundred}s`] : [hundred], frenchRest(n % 100));
}, `${FR_SMALL} ${FR_TENS} vingts cent cents et`);

const ES_SMALL =
  'un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete dieciocho diecinueve veinte veintiun veintidos veintitres veinticuatro veinticinco veintiseis veintisiete veintiocho veintinueve';
const ES_TENS = 'treinta cuarenta cincuenta sesenta setenta ochenta noventa';
const ES_HUNDREDS =
  'ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos';

function spanishRest(n: number): string[] {
  const { tens, ones } = digits(n);
  const ending = n === 11 || ones !== 1 ? [''] : ['', 'o', 'a'];
  if (n < 30) return both([list(ES_SMALL)[n] ?? ''], ending);
  const ten = list(ES_TENS)[tens - 2] ?? '';
  return ones === 0 ? [ten] : both([`${ten}y${list(ES_SMALL)[ones]}`], ending);
}

export const SPANISH_NUMERALS = numerals(n => {
  const { hundreds } = digits(n);
  if (n === 100) return ['cien'];
  return hundreds === 0 ? spanishRest(n) : both([list(ES_HUNDREDS)[hundreds] ?? ''], spanishRest(n % 100));
}, `${ES_SMALL} uno una veintiuno veintiuna ${ES_TENS} cien ${ES_HUNDREDS} y`);
