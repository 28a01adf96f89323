/** Which part of the video is wanted: `first 10 seconds`, `from 0:10 to 0:30`, `cut the last minute`, `前10秒`. */
import { parseClock } from '../../core/trim.ts';
import { latin, type Phrase, type PhraseMeaning, type Setting, sets, UNCLEAR } from './phrase.ts';

/**
 * A language's words. All are regular expressions without groups; in `says`, `{t}` stands for a length of time, `{a}` and `{b}` for
 * moments, `{c}` for one on a clock, `{n} {u}` for a number and its unit that are not neighbours, and `{x}` for a number whose unit
 * follows with `{b}`.
 */
export interface TrimWords {
  /** Numbers, and their value; NaN for what is none after all. */
  count: string;
  read(text: string): number;
  /** Of an hour, a minute, a second; the short forms as well. */
  units: readonly [hours: string, minutes: string, seconds: string];
  /** A unit that means one of itself: `the first minute`. */
  single: string;
  /** Between two units: `and`. */
  and: string;
  /** After a unit, half of it more: `and a half`. */
  half?: string;
  /** The beginning and the end as moments. */
  start: string;
  end: string;
  says: Readonly<Partial<Record<Part, readonly string[]>>>;
}

type Part =
  | 'first'
  | 'last'
  | 'without-first'
  | 'without-last'
  | 'range'
  | 'from'
  | 'until'
  /** Can mean that this is kept or that it is cut, or a hole in the middle. */
  | 'unclear';

const SECONDS = [3600, 60, 1] as const;
const CLOCK = String.raw`(?:\d{1,2}:)?\d{1,3}:\d{2}(?:\.\d{1,3})?(?![\d:])`;
/** No film is longer. */
const MOST_S = 100 * 3600;

/** @param make `latin`, or `han` for a language without spaces */
export function trims(words: TrimWords, make: typeof latin = latin): Phrase[] {
  const { count, and, single, start, end } = words;
  const unit = `(?:${words.units.join('|')})(?![a-z])`;
  // `10s`, but no `as`: a number in letters is a word of its own.
  const gap = make === latin ? String.raw`(?:(?<=\d)[\s-]*|[\s-]+)` : String.raw`[\s-]*`;
  const one = `(?:${count})${gap}${unit}`;
  const more = `(?:\\s*(?:${words.half ?? '(?!)'}))?`;
  const length = `${one}(?:\\s*(?:${and})?\\s*${one}){0,2}${more}`;
  const moment = `${CLOCK}|${length}|${start}|${end}`;
  const holes: Readonly<Record<string, string>> = {
    t: `(?<t>${CLOCK}|${length}|(?:${single})${more})`,
    n: `(?<n>${count})`,
    u: `(?<u>${unit}${more})`,
    a: `(?<a>${moment})`,
    b: `(?<b>${moment})`,
    x: `(?<x>${count})`,
    c: `(?<c>${CLOCK})`,
  };
  const patterns = Object.entries(words.says) as [Part, readonly string[]][];
  return patterns.flatMap(([part, sources]) =>
    sources.map(source =>
      make(
        source.replace(/\{([tnuabxc])\}/g, (_, hole: string) => holes[hole] ?? ''),
        ({ groups = {} }) => meaningOf(part, groups, words),
      ),
    ),
  );
}

type Groups = Readonly<Record<string, string | undefined>>;

function meaningOf(part: Part, groups: Groups, words: TrimWords): PhraseMeaning | undefined {
  if (part === 'unclear') return UNCLEAR;
  const { t, n, u, a, x, c, b = c } = groups;
  const length = lengthOf(t ?? `${n ?? ''} ${u ?? ''}`, words);
  const from = x === undefined ? momentOf(a, words) : lengthOf(`${x} ${unitsIn(b, words)}`, words);
  const to = momentOf(b, words);
  switch (part) {
    case 'first':
      return showing([0, length]);
    case 'last':
      return showing([-length, Number.POSITIVE_INFINITY]);
    case 'without-first':
      return showing([length, undefined]);
    case 'without-last':
      return showing([undefined, -length]);
    case 'range':
      return from < to ? showing([from, to]) : UNCLEAR;
    case 'from':
      return showing([from, undefined]);
    case 'until':
      return showing([undefined, to]);
  }
}

/** `undefined` where a number is none, or no time is left: 0 seconds, 0:75. */
function showing([from, to]: [number | undefined, number | undefined]): PhraseMeaning | undefined {
  const isTime = (value: number) =>
    !Number.isNaN(value) && (Math.abs(value) <= MOST_S || value === Number.POSITIVE_INFINITY);
  if (![from, to].every(value => value === undefined || isTime(value))) return undefined;
  // Nothing is left of `until 0:00` and of the last 0 seconds, and cutting those cuts nothing.
  if (to === 0 || (from === 0 && (to === undefined || to === Number.POSITIVE_INFINITY))) return undefined;
  const settings: Setting[] = [];
  if (from !== undefined) settings.push({ field: 'from', value: from });
  if (to !== undefined) settings.push({ field: 'to', value: to });
  return sets(...settings);
}

function momentOf(text: string | undefined, words: TrimWords): number {
  if (text === undefined) return Number.NaN;
  if (new RegExp(`^(?:${words.start})$`, 'iu').test(text)) return 0;
  if (new RegExp(`^(?:${words.end})$`, 'iu').test(text)) return Number.POSITIVE_INFINITY;
  return lengthOf(text, words);
}

/** Seconds of `0:10`, `90 seconds`, `1m30s`, `minute`; NaN for anything else. */
function lengthOf(written: string, words: TrimWords): number {
  if (/\d:\d/.test(written)) return parseClock(written) ?? Number.NaN;
  const text = written.replace(new RegExp(`(?:${words.half ?? '(?!)'})$`, 'iu'), '');
  const one = new RegExp(
    `(${words.count})?[\\s-]*(?:${words.units.map(unit => `(${unit})`).join('|')})(?![a-z])`,
    'iuy',
  );
  let [sum, before] = [0, Number.POSITIVE_INFINITY];
  for (let at = 0; at < text.length; ) {
    one.lastIndex = at;
    const match = one.exec(text);
    if (!match) {
      at += 1;
      continue;
    }
    const factor = SECONDS[match.slice(2).findIndex(unit => unit !== undefined)] ?? Number.NaN;
    // `30 seconds 1 minute` is no length.
    if (factor >= before) return Number.NaN;
    sum += (match[1] === undefined ? 1 : words.read(match[1])) * factor;
    [before, at] = [factor, one.lastIndex];
  }
  if (before === Number.POSITIVE_INFINITY) return Number.NaN;
  const all = text === written ? sum : sum + before / 2;
  return Math.round(all * 1000) / 1000;
}

/** The unit of a length of one unit: `seconds` of `30 seconds`. */
function unitsIn(text: string | undefined, { units }: TrimWords): string {
  return new RegExp(`(?:${units.join('|')})$`, 'iu').exec(text ?? '')?.[0] ?? '';
}
