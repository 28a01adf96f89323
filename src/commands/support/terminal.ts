/** Text for terminals: widths, tables, colours and the progress bar. */
import { stripVTControlCharacters } from 'node:util';
import { escapeForTerminal } from '../../core/escape.ts';
import type { Progress } from '../../core/job.ts';
import { formatDuration } from '../../core/units.ts';
import type { Clock } from '../../platform/clock.ts';

/**
 * What a person is told to type, as they can: npm (`npx`, `npm start`) runs a program that is not on the PATH. A command is meant
 * where the program's name is followed by the name of one.
 */
export function asTyped(text: string, env: NodeJS.ProcessEnv): string {
  if (env['npm_lifecycle_event'] === undefined) return text;
  return text.replace(COMMAND, 'npx shrinkbox');
}

const COMMAND =
  /(?<!npx |[\w/.-])shrinkbox(?= (?:run|compress|status|jobs?|explain|retry|cancel|forget|restore|move|pause|resume|drain|order|link|healthcheck|check|doctor|init|notify-test|service|completion|demo|ask|credits|timeline|export|upload|worker|fleet)\b)/g;

/** The parts of a stream that we use. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  /** False once nobody reads any more. */
  readonly writable?: boolean;
}

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

/** The same for a name with its folders: they go first, from their beginning on. */
export function cutPath(path: string, columns: number): string {
  if (widthOf(path) <= columns) return path;
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (widthOf(name) >= columns) return cut(name, columns);
  let folders = path.slice(0, path.length - name.length);
  while (widthOf(folders + name) >= columns) folders = folders.slice((folders.codePointAt(0) ?? 0) > 0xffff ? 2 : 1);
  return `…${folders}${name}`;
}

/** Rows with their columns aligned; the last column takes the remaining width. Cells are already escaped. */
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

/** Colours a text if the stream shows colours. */
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

/** What the bar needs of the program's surroundings. */
interface BarSurroundings {
  stderr: Output;
  clock: Clock;
}

type Step = Progress & { step: string };

/** A terminal's bar is redrawn at most this often, and a line is printed this often where there is no terminal; milliseconds. */
const DRAW_MS = 100;
const LINE_MS = 10_000;

/** A bar on a terminal; elsewhere a line when the step changes, and every ten seconds. */
export class ProgressBar {
  readonly #stderr: Output;
  readonly #clock: Clock;
  #shownAt = Number.NEGATIVE_INFINITY;
  #step = '';
  #drawn = false;

  constructor({ stderr, clock }: BarSurroundings) {
    this.#stderr = stderr;
    this.#clock = clock;
  }

  show(file: string, progress: Step): void {
    const now = this.#clock.monotonic();
    const step = `${file}\0${progress.step}`;
    const isTerminal = this.#stderr.isTTY === true;
    if (step === this.#step && now - this.#shownAt < (isTerminal ? DRAW_MS : LINE_MS)) return;
    this.#shownAt = now;
    this.#step = step;
    if (!isTerminal) return void this.#stderr.write(`${escapeForTerminal(file)}: ${wordsFor(progress)}\n`);
    this.#stderr.write(`\r${barFor(escapeForTerminal(file), progress, this.#stderr.columns || 80)}\u001b[K`);
    this.#drawn = true;
  }

  clear(): void {
    if (this.#drawn) this.#stderr.write('\r\u001b[K');
    this.#drawn = false;
    this.#step = '';
  }
}

function wordsFor(progress: Step): string {
  const { step, note = '' } = progress;
  const parts = [
    // A note that begins with the step says it all.
    note.startsWith(step) ? escapeForTerminal(note) : escapeForTerminal(step),
    progress.fraction === undefined ? '' : `${Math.floor(progress.fraction * 100)} %`,
    note.startsWith(step) ? '' : escapeForTerminal(note),
    progress.etaMs === undefined ? '' : `${formatDuration(progress.etaMs)} left`,
  ];
  return parts.filter(part => part !== '').join(', ');
}

const BAR_COLUMNS = 20;

/** `clip.mov  [########------------]  encode, 41 %, 12s left`, never wider than the terminal. */
function barFor(file: string, progress: Step, columns: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, progress.fraction ?? 0)) * BAR_COLUMNS);
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(BAR_COLUMNS - filled)}]`;
  const words = wordsFor(progress);
  const left = Math.max(8, columns - 1 - bar.length - widthOf(words) - 4);
  return cut(`${cut(file, left)}  ${bar}  ${words}`, columns - 1);
}
