/** Text for terminals. */
import { stripVTControlCharacters } from 'node:util';
import { formatBytes } from '../../core/units.ts';

export { escapeForTerminal as safe, escapeJsonForTerminal as safeJson } from '../../core/escape.ts';

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const NARROW_NOTHING = /[\p{M}\p{Cf}]/u;

/** Columns a text takes on a terminal, near enough: CJK and emoji two, combining marks and colours none. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (!NARROW_NOTHING.test(character)) width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}

/** At most `columns` wide, with an ellipsis where something is missing. Not for coloured text. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let width = 1;
  let kept = '';
  for (const character of text) {
    width += widthOf(character);
    if (width > columns) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Rows with their columns aligned; the last column takes what is left. Cells are safe already. */
export function table(rows: readonly (readonly string[])[], columns = Number.POSITIVE_INFINITY): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, widthOf(cell));
    });
  return rows.map(row => {
    const last = row.length - 1;
    const before = row.slice(0, last).map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - widthOf(cell)));
    const used = before.reduce((sum, cell) => sum + widthOf(cell) + 2, 0);
    const left = Math.max(10, columns - used);
    return [...before, cut(row[last] ?? '', left)].join('  ').trimEnd();
  });
}

type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

const CODES: Readonly<Record<Colour, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Colours a text, or leaves it alone where nobody would see it. */
export type Paint = (colour: Colour, text: string) => string;

export function paintFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): Paint {
  const coloured = stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
  return coloured
    ? (colour, text) => `\u001b[${CODES[colour][0]}m${text}\u001b[${CODES[colour][1]}m`
    : (_, text) => text;
}

/** `2024-05-01 12:03:04`, local time. */
export function formatTime(at: number): string {
  const date = new Date(at);
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `120 MB -> 48.2 MB (60 % saved)`. */
export function formatSaving(sourceBytes: number, outputBytes: number): string {
  const share = sourceBytes > 0 ? Math.round(100 - (outputBytes / sourceBytes) * 100) : 0;
  return `${formatBytes(sourceBytes)} -> ${formatBytes(outputBytes)} (${share} % saved)`;
}
