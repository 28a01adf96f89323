/**
 * Names that work for every client of an outbox: Linux, Windows and macOS over SMB, FAT disks, shells. Pure. The reasons:
 * exFAT refuses `:?*"<>|` and TAB with ENOENT, Windows clients break on trailing dots, spaces and device names, ext4 counts
 * 255 bytes where exFAT counts 255 UTF-16 units.
 */

import { replaceUnsafe } from '../core/escape.ts';

export interface NameRules {
  /** Also safe for Windows, macOS and FAT; the default of every delivery. */
  portable: boolean;
}

/** Bytes of UTF-8 in a name; file systems take 255, the rest is room for ` (1000)`. */
const LIMIT = 240;
const HARD_LIMIT = 255;

const RESERVED = /[<>:"\\|?*]/g;
const DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(?:\.|$)/i;

/** The parts of a path below an outbox, each made safe; no part is empty, `.` or `..`. Empty if the path named nothing. */
export function safeParts(relative: string, rules: NameRules): string[] {
  return relative
    .split('/')
    .filter(part => part !== '')
    .map(part => safePart(part, rules));
}

/**
 * Makes one name safe: characters that some client cannot handle or nobody can see become `_`; a leading dash or dot gets a `_`
 * before it, so that the file is neither an option nor hidden; names that are too long lose their middle, never their extension.
 * Safe names come back unchanged.
 */
export function safePart(part: string, rules: NameRules): string {
  let name = replaceUnsafe(rules.portable ? part.normalize('NFC') : part, () => '_').replaceAll('/', '_');
  if (rules.portable) name = name.replace(RESERVED, '_');
  if (/^[.-]/.test(name) || (rules.portable && DEVICE.test(name))) name = `_${name}`;
  name = shorten(name, LIMIT);
  if (rules.portable) name = name.replace(/[. ]+$/, '');
  return name === '' ? '_' : name;
}

/**
 * The name for the n-th file that wants it: `clip.mp4`, `clip (2).mp4`, `clip (3).mp4`.
 * @param ending what stays at the end; by default the extension.
 */
export function numbered(name: string, n: number, ending = /\.[^. ]{1,15}$/u.exec(name)?.[0] ?? ''): string {
  const suffix = (n === 1 ? '' : ` (${n})`) + ending;
  return cut(name.slice(0, name.length - ending.length), HARD_LIMIT - Buffer.byteLength(suffix)) + suffix;
}

/**
 * The names for a result, best first: the one that is wanted, then one that tells its source from another of that name
 * (`clip.mkv.mp4`), then numbers. An MP4 is told apart by its number only: `clip.mp4.mp4` would look like a mistake.
 * @param source name of the source file
 */
export function* namesFor(wanted: string, source: string, rules: NameRules): Generator<string, never> {
  yield wanted;
  const base = withExtensionOf(wanted, source, rules);
  if (base !== wanted) yield base;
  for (let n = 2; ; n += 1) yield numbered(base, n);
}

/** `clip.mkv.mp4` for `clip.mp4` made from `clip.mkv`; unchanged where the source is an MP4 or the name says it already. */
function withExtensionOf(wanted: string, source: string, rules: NameRules): string {
  const stem = stemOf(source);
  const extension = source.slice(stem.length);
  if (!/^\.[^. ]{1,15}$/u.test(extension) || extension.toLowerCase() === '.mp4') return wanted;
  const at = wanted.startsWith(stem) ? stem.length : stemOf(wanted).length;
  if (wanted.slice(0, at).endsWith(extension) || wanted.startsWith(extension, at)) return wanted;
  const ending = extension + wanted.slice(at);
  return safePart(cut(wanted.slice(0, at), LIMIT - Buffer.byteLength(ending)) + ending, rules);
}

/** `clip` of `clip.mp4`, for names made from it (`clip.failed.txt`). */
export function stemOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(0, dot) : name;
}

/**
 * Two names with equal keys are one file for some client: upper and lower case, composed and decomposed accents, trailing
 * dots and spaces.
 */
export function collisionKey(name: string): string {
  return name
    .normalize('NFC')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFC')
    .replace(/[. ]+$/, '');
}

/** At most `limit` bytes, with the extension (and the version before it: `.v2.mp4`) kept. */
function shorten(name: string, limit: number): string {
  if (Buffer.byteLength(name) <= limit) return name;
  const found = /(?:\.v\d{1,4})?\.[^. ]{1,15}$/u.exec(name)?.[0] ?? '';
  const extension = found.length < name.length ? found : '';
  return cut(name.slice(0, name.length - extension.length), limit - Buffer.byteLength(extension)) + extension;
}

/** The longest beginning of at most `limit` bytes that splits no visible character. */
function cut(text: string, limit: number): string {
  if (Buffer.byteLength(text) <= limit) return text;
  const graphemes = Array.from(new Intl.Segmenter().segment(text), part => part.segment);
  // A single "character" may be longer than any name (stacked accents); then it is cut between code points.
  return takeWhole(graphemes, limit) || takeWhole(Array.from(text), limit);
}

function takeWhole(units: string[], limit: number): string {
  let taken = '';
  let bytes = 0;
  for (const unit of units) {
    bytes += Buffer.byteLength(unit);
    if (bytes > limit) break;
    taken += unit;
  }
  return taken;
}
