/** When the queue will be done, as far as that can be known. Pure. */
import type { Job } from '../core/job.ts';
import { type DailyWindow, isInWindow } from './rest-gate.ts';

/** What is left to do at one engine, and how fast it goes. */
export interface Backlog {
  /** Milliseconds left of each job at work; `undefined` where nobody knows yet, with its source's size. */
  running: readonly { leftMs: number | undefined; bytes: number }[];
  /** Sizes of the sources that wait. */
  queued: readonly number[];
  slots: number;
  /** Source bytes a millisecond in one slot; `undefined` before anything was done. */
  speed: number | undefined;
}

/** Milliseconds of work until all of it is done; `undefined` where that cannot be known. */
export function leftOf({ running, queued, slots, speed }: Backlog): number | undefined {
  const works = running.map(({ leftMs, bytes }) => leftMs ?? (speed === undefined ? undefined : bytes / speed));
  const waits = queued.map(bytes => (speed === undefined ? undefined : bytes / speed));
  const all = [...works, ...waits];
  if (all.includes(undefined)) return undefined;
  const times = all as number[];
  const sum = times.reduce((a, b) => a + b, 0);
  // Slots work side by side, but no job takes less than its own time.
  return Math.max(
    sum / Math.max(1, slots),
    times.reduce((a, b) => Math.max(a, b), 0),
  );
}

const MINUTE_MS = 60_000;
/** No promise goes further than a year. */
const MAX_DAYS = 366;

/** When `workMs` of work are done that starts at `now` (epoch ms) and rests outside the hours. */
export function finishOf(workMs: number, now: number, hours: DailyWindow | undefined): number | undefined {
  if (!hours || hours.fromMinute === hours.toMinute) return now + workMs;
  let at = now;
  let left = workMs;
  for (let turns = 0; turns < 2 * MAX_DAYS; turns += 1) {
    const isWorking = isInWindow(hours, new Date(at));
    const change = nextMinuteOfDay(at, isWorking ? hours.toMinute : hours.fromMinute);
    if (isWorking && at + left <= change) return at + left;
    if (isWorking) left -= change - at;
    at = change;
  }
  return undefined;
}

/** The next time after `at` when clocks here show that many minutes since midnight. */
function nextMinuteOfDay(at: number, minute: number): number {
  const next = new Date(at);
  next.setHours(0, minute, 0, 0);
  if (next.getTime() <= at) {
    next.setDate(next.getDate() + 1);
    next.setHours(0, minute, 0, 0);
  }
  // Where the clock leaps over that minute.
  return next.getTime() > at ? next.getTime() : at + MINUTE_MS;
}

/** Recent jobs that the speed is taken from. */
const SAMPLES = 20;

/** How fast the last jobs of an engine were. */
export class Speed {
  readonly #samples: number[] = [];

  /** Takes a done job into account; one whose start or size says nothing is passed over. */
  add({ state, history, pin, updatedAt }: Job): void {
    const started = history.findLast(({ event }) => event === 'started');
    if (state.name !== 'done' || !started || updatedAt <= started.at) return;
    this.#samples.push(pin.sizeBytes / (updatedAt - started.at));
    if (this.#samples.length > SAMPLES) this.#samples.shift();
  }

  /** Source bytes a millisecond: the median, so that a job which rested overnight says little. */
  get bytesPerMs(): number | undefined {
    const sorted = this.#samples.toSorted((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)];
  }
}
