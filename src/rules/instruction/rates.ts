/** Bit rates of the whole file: `2 Mbit/s`, `at most 1500 kbps`, `bitrate 2M`, `码率2兆`. Those of the sound are in quantities.ts. */
import { han, latin, type Phrase, type PhraseMeaning, sets, UNCLEAR } from './phrase.ts';
import { NUMBER, readNumber } from './quantities.ts';

const FACTORS: Readonly<Record<string, number>> = { k: 1e3, 千: 1e3, m: 1e6, 兆: 1e6, g: 1e9, 吉: 1e9 };

/** Below this, a rate may be meant for the sound unless the words name the file or the picture. */
const SURELY_NOT_SOUND = 512_000;
const LEAST = 20_000;
const MOST = 1_000_000_000;

function readRate(amount: number, unit: string, isNamed = false): PhraseMeaning | undefined {
  const bitsPerSecond = Math.round(amount * (FACTORS[unit.toLowerCase()] ?? Number.NaN));
  if (!(bitsPerSecond >= LEAST && bitsPerSecond <= MOST)) return undefined;
  if (bitsPerSecond <= SURELY_NOT_SOUND && !isNamed) return UNCLEAR;
  return sets({ field: 'size', value: { kind: 'rate', bitsPerSecond } });
}

/** A language's words for bit rates, as regular expressions without groups. */
export interface RateWords {
  /** `bit rate`. */
  rate: string;
  /** What before it or in it says that it is not the sound's: `video`. */
  whole: string;
  /** `per second`. */
  second: string;
  /** What may stand between the word and the number: `of`, `at most`. */
  link: string;
}

/** `M` of `2 Mbit/s`, `2 megabits per second`, `2 Mbps`; a bare `2M` only beside the words `bit rate`. */
export function fileRates({ rate, whole, second, link }: RateWords): Phrase[] {
  const amount = `(${NUMBER})\\s*`;
  const bits = String.raw`([kmg])(?:(?:ilo|ega|iga)?[\s-]?bits?\s*(?:\/\s*s(?:ec)?|p\/?s|${second})|bps)`;
  const bare = String.raw`([kmg])(?:(?:ilo|ega|iga)?[\s-]?bits?)?`;
  const named = String.raw`(${whole})?(?:${rate})`;
  return [
    // MBps are bytes, as MB/s are; MBPS is somebody's mbps.
    latin(`${amount}${bits}`, ([text, n = '', unit = '']) =>
      text.endsWith('Bps') ? undefined : readRate(readNumber(n), unit),
    ),
    // MB/s are bytes.
    latin(`${amount}([km])b\\/s`, ([text, n = '', unit = '']) =>
      text.endsWith('b/s') && unit !== 'm' ? readRate(readNumber(n), unit) : undefined,
    ),
    latin(`${named}\\s*(?:(?:${link})\\s*|[:=]\\s*)*${amount}(?:${bits}|${bare})`, ([, of, n = '', unit, short]) =>
      readRate(readNumber(n), unit ?? short ?? '', of !== undefined),
    ),
    latin(`${amount}(?:${bits}|${bare})\\s*${named}`, ([, n = '', unit, short, of]) =>
      readRate(readNumber(n), unit ?? short ?? '', of !== undefined),
    ),
  ];
}

/** @param amount one group; @param count its value */
export function chineseRates(amount: string, count: (text: string | undefined) => number): Phrase[] {
  const rate = '(?:码率|比特率)';
  const unit = String.raw`(兆|千|吉|[kmg])(?:比特|位|bits?|b)?(?:\s*(?:每秒|\/\s*(?:秒|s)|ps))?`;
  const link =
    '(?:的|为|是|到|至|改为|改成|设为|降到|降至|降低到|控制在|限制在|不超过|不高于|低于|小于|最高|最多|最大|:|：)*';
  return [
    han(`(视频|文件|总|整体|平均)?${rate}${link}\\s*${amount}\\s*${unit}(?![a-z0-9])`, ([, of, n, u = '']) =>
      readRate(count(n), u, of !== undefined),
    ),
    han(`${amount}\\s*${unit}的?(视频|文件|总|整体|平均)?${rate}`, ([, n, u = '', of]) =>
      readRate(count(n), u, of !== undefined),
    ),
    han(`${amount}\\s*(兆|千|吉)(?:比特|位)(?:每秒|\\/\\s*(?:秒|s))`, ([, n, u = '']) => readRate(count(n), u)),
    han(`每秒${amount}\\s*(兆|千|吉)(?:比特|位)`, ([, n, u = '']) => readRate(count(n), u)),
  ];
}
