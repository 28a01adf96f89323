import type { Progress } from '../../core/job.ts';
import { formatDuration } from '../../core/units.ts';
import type { Context } from './context.ts';
import { cut, safe, widthOf } from './terminal.ts';

type Step = Progress & { step: string };

/** How often a terminal's bar is drawn at most, and how often a line is said where there is none, milliseconds. */
const DRAW_MS = 100;
const LINE_MS = 10_000;

/** A bar on a terminal; elsewhere a line when the step changes, and every ten seconds. */
export class ProgressBar {
  readonly #context: Context;
  #shownAt = Number.NEGATIVE_INFINITY;
  #step = '';
  #drawn = false;

  constructor(context: Context) {
    this.#context = context;
  }

  show(file: string, progress: Step): void {
    const { io } = this.#context;
    const now = io.clock.monotonic();
    const step = `${file}\0${progress.step}`;
    const isTerminal = io.stderr.isTTY === true;
    if (step === this.#step && now - this.#shownAt < (isTerminal ? DRAW_MS : LINE_MS)) return;
    this.#shownAt = now;
    this.#step = step;
    if (!isTerminal) return this.#context.say(`${safe(file)}: ${wordsFor(progress)}`);
    io.stderr.write(`\r${barFor(safe(file), progress, io.stderr.columns || 80)}\u001b[K`);
    this.#drawn = true;
  }

  clear(): void {
    if (this.#drawn) this.#context.io.stderr.write('\r\u001b[K');
    this.#drawn = false;
    this.#step = '';
  }
}

function wordsFor(progress: Step): string {
  const { step, note = '' } = progress;
  const parts = [
    // A remark that begins with the step says more than the step.
    note.startsWith(step) ? safe(note) : safe(step),
    progress.fraction === undefined ? '' : `${Math.floor(progress.fraction * 100)} %`,
    note.startsWith(step) ? '' : safe(note),
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
