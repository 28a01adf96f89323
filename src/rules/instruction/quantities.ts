/** Sizes, resolutions, rates and codecs as people write them in any language: `50 megs`, `1080p60`, `4K`, `30fps`, `HEVC`. */
import {
  setAudio,
  setBytes,
  FILLER,
  setFps,
  han,
  latin,
  setLines,
  type PhraseMeaning,
  type Phrase,
  setShare,
  UNCLEAR,
  sets,
} from './phrase.ts';
import type { Numerals } from './numerals.ts';

/** `50`, `1.5`, `1,5`, `1,500`; not `1.500`, which is fifteen hundred to some and one and a half to others. */
export const NUMBER = String.raw`\d{1,3}(?:,\d{3})+(?!\d)|\d{1,12}(?:[.,]\d{1,2}(?!\d))?(?!\d)`;

/** Without commas, where a comma may end the clause instead: `帧率24,1080p`, `25%, 30 fps`. */
export const PLAIN_NUMBER = String.raw`\d{1,12}(?:\.\d{1,2}(?!\d))?(?!\d)`;

export function readNumber(text: string): number {
  const thousands = /^\d{1,3}(?:,\d{3})+$/.test(text);
  return Number(thousands ? text.replaceAll(',', '') : text.replace(',', '.'));
}

const UNIT = String.raw`ki?b|kilo\s?bytes?|m(?:i?b)?|megs?|mega\s?bytes?|mebibytes?|g(?:i?b)?|gigs?|giga\s?bytes?|gibibytes?|bytes?|[kmg]i?o|(?:kilo|m[eé]ga|giga)-?octets?|m[eé]gas|gigas|兆字节|兆|千字节|吉字节`;

/** Excludes speeds: `50 MB/s`, `50 mb per second`. */
const NOT_A_SPEED = String.raw`(?!\s*(?:\/\s*|per\s+|p\/|a\s+)(?:s|h|m|sec|min|second|minute|hour))`;

export const SIZE = String.raw`(?:${NUMBER})\s*(?:${UNIT})${NOT_A_SPEED}`;

const NAMED_LINES: Readonly<Record<string, number>> = {
  '8k': 4320,
  '4k': 2160,
  uhd: 2160,
  ultrahd: 2160,
  '2k': 1440,
  qhd: 1440,
  fullhd: 1080,
  fhd: 1080,
  hd: 720,
  sd: 480,
};

const NAMED = String.raw`8k|4k(?:\s*uhd)?|uhd|ultra[\s-]?hd|2k|qhd|full[\s-]?hd|fhd|hd|sd`;
const LINES = String.raw`\d{3,4}\s?p(?:\d{2,3})?`;
const BOX = String.raw`\d{3,4}\s?[x×*]\s?\d{3,4}`;

export const RESOLUTION = `${LINES}|${BOX}|${NAMED}`;
export const FRAME_RATE = String.raw`\d{1,3}(?:\.\d{1,3})?\s*(?:fps|hz|f\/s|frames?\s*(?:per|a|\/)\s*s(?:ec(?:ond)?)?)`;

const KILOBITS = String.raw`k(?:b(?:its?)?(?:ps|\/s)?|bps)?`;

const RESOLUTION_TAIL = String.raw`(?:\s+(?:resolution|quality|definition))?`;

const CODEC_TAIL = String.raw`(?:\s+(?:codec|encoding|video|format))?`;

export const QUANTITIES: readonly Phrase[] = [
  latin(String.raw`(?:h\.?\s?264|x\.?264|avc)${CODEC_TAIL}`, sets({ field: 'codec', value: 'h264' })),
  latin(
    String.raw`(?:h\.?\s?265|x\.?265|hevc)(?:\s*[/(]\s*(?:hevc|h\.?265)\)?)?${CODEC_TAIL}`,
    sets({ field: 'codec', value: 'h265' }),
  ),
  latin(`av-?1${CODEC_TAIL}`, sets({ field: 'codec', value: 'av1' })),
  latin(`(${NUMBER})\\s*(${UNIT})${NOT_A_SPEED}`, readSize),
  latin(String.raw`(\d{3,4})\s?p(\d{2,3})?${RESOLUTION_TAIL}`, readLines),
  latin(String.raw`(\d{3,4})\s?[x×*]\s?(\d{3,4})${RESOLUTION_TAIL}`, ([, width, height]) =>
    box(Number(width), Number(height)),
  ),
  latin(`(${NAMED})${RESOLUTION_TAIL}`, ([, name]) => named(name)),
  // A bare number is a resolution when it is one of the usual heights.
  latin(String.raw`(2160|1440|1080|720|480)(?![.,:]\d)${RESOLUTION_TAIL}`, ([, lines]) => setLines(Number(lines))),
  latin(`(?:${FRAME_RATE})`, ([text]) => setFps(Number.parseFloat(text))),
  latin(
    String.raw`(?:audio|sound|音频)\s*(?:bit\s?rate|码率|比特率)?\s*(?:of|to|at|is|:|=|为|是)?\s*(\d{2,3})\s*${KILOBITS}`,
    bitrate,
  ),
  latin(String.raw`(\d{2,3})\s*${KILOBITS}\s*(?:aac\s*)?(?:audio|sound|音频)(?:\s*bit\s?rate)?`, bitrate),
];

/** `4K to 1080p`, `100MB -> 20MB`: the first describes the source. A request for more than the source has is not understood. */
export function fromTo(connector: string, quantity: string, orBare = quantity, from = ''): Phrase[] {
  const lead = from && String.raw`(?:${from}\s+)?`;
  return [
    han(`${lead}(${quantity})${connector}(?=(${quantity}|${orBare})(?![a-z0-9]))`, ([, there, wanted]) =>
      measureOf(there) > measureOf(wanted) ? FILLER : UNCLEAR,
    ),
  ];
}

/** Bytes, lines or frames per second, comparable only with others of its kind; NaN where there is nothing to compare. */
function measureOf(text = ''): number {
  const meaning = readWhole(text);
  const value = meaning?.kind === 'sets' ? meaning.settings[0]?.value : undefined;
  if (typeof value === 'number') return value;
  if (typeof value !== 'object') return Number.NaN;
  if (value.kind === 'bytes') return value.bytes;
  return value.kind === 'lines' ? value.lines : Number.NaN;
}

/** The meaning of a text that is one quantity and nothing else. */
function readWhole(text: string): PhraseMeaning | undefined {
  for (const { pattern, read } of QUANTITIES) {
    pattern.lastIndex = 0;
    const match = pattern.exec(text);
    if (match?.[0].length === text.length) return read(match);
  }
  return undefined;
}

/** `MB` means powers of 1000, as file managers and upload forms count; only `MiB` and the like mean powers of 1024. */
function readSize([, amount = '', unit = '']: RegExpExecArray): PhraseMeaning | undefined {
  return setBytes(Math.floor(readNumber(amount) * unitBytes(unit.toLowerCase())));
}

function unitBytes(unit: string): number {
  if (unit.startsWith('byte')) return 1;
  const power = /^[k千]/.test(unit) ? 1 : /^[m兆]/.test(unit) ? 2 : 3;
  return /^.i[bo]|^(?:ki|me|gi)bi/.test(unit) ? 1024 ** power : 1000 ** power;
}

function readLines([, lines, fps]: RegExpExecArray): PhraseMeaning | undefined {
  const resolution = setLines(Number(lines));
  const rate = fps === undefined ? undefined : setFps(Number(fps));
  if (fps === undefined || resolution === undefined) return resolution;
  if (resolution.kind !== 'sets' || rate?.kind !== 'sets') return undefined;
  return sets(...resolution.settings, ...rate.settings);
}

function box(width: number, height: number): PhraseMeaning | undefined {
  const fits = width >= 100 && height >= 100 && width <= 7680 && height <= 7680;
  return fits ? sets({ field: 'resolution', value: { kind: 'box', width, height } }) : undefined;
}

function named(name = ''): PhraseMeaning | undefined {
  const plain = name
    .toLowerCase()
    .replace(/[\s-]/g, '')
    .replace(/^4kuhd$/, '4k');
  return setLines(NAMED_LINES[plain] ?? 0);
}

function bitrate([, kilobits]: RegExpExecArray): PhraseMeaning | undefined {
  return setAudio(Number(kilobits));
}

/** A number in digits or words; NaN for anything else. */
export function readCount(text: string | undefined, numerals: Numerals): number {
  return /^\d/.test(text ?? '') ? readNumber(text ?? '') : (numerals.read(text ?? '') ?? Number.NaN);
}

/** `twenty megabytes`. The unit is written out, or as in `20MB`. */
export function countedSizes(numerals: Numerals): Phrase[] {
  return [
    latin(`(${numerals.pattern})[\\s-]*(${UNIT})${NOT_A_SPEED}`, ([, amount = '', unit = '']) =>
      setBytes((numerals.read(amount) ?? 0) * unitBytes(unit.toLowerCase())),
    ),
  ];
}

/** `exactly 30 MB`: never more, and filled. @param word `(?:exactly|precisely)` */
export function exactly(word: string): Phrase[] {
  return [
    latin(`${word}\\s+(${SIZE})`, ([, text]) => {
      const size = readWhole(text ?? '');
      return size?.kind === 'sets' ? sets(...size.settings, { field: 'quality', value: 'max' }) : undefined;
    }),
  ];
}

/** The share that 30 % means: 30 % (`to`) or 70 % (`by`). */
export function percentShare(percent: number, sense: 'to' | 'by'): PhraseMeaning | undefined {
  const share = percent / 100;
  return setShare(sense === 'to' ? share : Math.round((1 - share) * 1e6) / 1e6);
}
