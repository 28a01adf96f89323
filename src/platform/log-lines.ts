/** A record for a person at a terminal: what happened, and below it the details, no word broken. Pure. */
import { stripVTControlCharacters } from 'node:util';

type Values = Readonly<Record<string, unknown>>;

/** Said by the line itself, or of use to programs only. */
const UNSAID: ReadonlySet<string> = new Set([
  ...['level', 'time', 'msg', 'pid', 'hostname', 'version'],
  ...['job', 'file', 'state', 'engine'],
]);
/** Below the message, behind `[14:03:40] INFO: `. */
const INDENT = 17;

/** @param dim makes a text recede */
export function linesOf(record: Values, { columns, dim }: { columns: number; dim(text: string): string }): string {
  const { job, file, msg } = record;
  const head = [job, file, msg].filter(part => typeof part === 'string' && part !== '').join(' ');
  const short = Object.entries(record).filter(([key, value]) => !UNSAID.has(key) && isShort(value));
  const long = Object.entries(record).filter(([key, value]) => !UNSAID.has(key) && !isShort(value));
  const beside = short.map(([key, value]) => `${key} ${String(value)}`).join(', ');
  const fits = INDENT + widthOf(head) + widthOf(beside) + 3 <= columns;
  return [
    ...wrapped(head, columns),
    ...(beside !== '' && !fits ? wrapped(beside, columns).map(dim) : []),
    ...long.flatMap(([key, value]) => detailLines(key, value).flatMap(line => wrapped(line, columns))).map(dim),
  ]
    .map((line, i) => (i === 0 && beside !== '' && fits && line === head ? `${line} ${dim(`(${beside})`)}` : line))
    .join(`\n${' '.repeat(INDENT)}`);
}

function isShort(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean' || (typeof value === 'string' && value.length <= 16);
}

function detailLines(key: string, value: unknown): string[] {
  if (typeof value === 'string') return [`${key}: ${value}`];
  // A plan and notes are sentences of their own.
  if (Array.isArray(value) && value.every(item => typeof item === 'string')) return value;
  const { stack } = (value ?? {}) as { stack?: unknown };
  if (typeof stack !== 'string') return value === null ? [] : [`${key}: ${JSON.stringify(value)}`];
  const { stack: _, type, message, ...facts } = value as Values;
  const more = Object.keys(facts).length === 0 ? [] : [JSON.stringify(facts)];
  return [...(stack === '' ? [`${String(type)}: ${String(message)}`] : stack.split('\n')), ...more];
}

/** Broken between words. A path stays whole, so that it can be copied. */
function wrapped(text: string, columns: number): string[] {
  if (/^\w+: \//.test(text)) return [text];
  const room = Math.max(20, columns - INDENT);
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && widthOf(last) + 1 + widthOf(word) <= room) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}
