/**
 * Time that an archived original is deleted by. A machine without a battery clock starts in the past until the network tells it the
 * time, and a date can be set wrong by hand: by such a clock, an original of a minute ago is months old. What has passed since the
 * machine started is certain; a clock that moved by more was set. A machine that starts days later than it was last seen may have been
 * off, or its clock is ahead: that is believed once the clock was set, or nobody set it for a day.
 */
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { bootId } from '../platform/boot-id.ts';
import type { Clock } from '../platform/clock.ts';
import { replaceDurably } from '../platform/files/durable.ts';
import { errnoOf, type Files } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';

/** The clock and the machine at one moment, ms. */
export interface Reading {
  wallMs: number;
  /** Since the machine started, sleep included. */
  upMs: number;
  /** Names this start of the machine; empty where the system has no name for it. */
  boot: string;
}

/** What a clock that was set said before: dates within were written by it, and are too early by so much. */
interface Setting {
  fromMs: number;
  toMs: number;
  byMs: number;
}

export interface ClockHistory extends Reading {
  /** A date before the machine started, by all that was known then; 0 at the very first look. */
  startedAfterMs: number;
  /** The earliest date at which this start may have been, by all that the clock has said since. */
  bootMs: number;
  /** Whether it began with a date so much later that `bootMs` does not count the days between. */
  isDoubtful: boolean;
  settings: Setting[];
}

/** Less may be the sleep of a virtual machine, and makes no difference to a number of days. */
const SET_FROM_MS = 3600_000;
/** A machine that was off for longer is believed later: its clock may be ahead. */
const DOUBTED_FROM_MS = 86_400_000;
const BELIEVED_AFTER_MS = 86_400_000;

/** What is known after another look at the clock. Pure. */
export function observed(before: ClockHistory | undefined, now: Reading): ClockHistory {
  const bootMs = now.wallMs - now.upMs;
  if (!before || before.boot !== now.boot || now.upMs < before.upMs) {
    const startedAfterMs = before ? earliestNow(before) : 0;
    const isLater = before !== undefined && bootMs - startedAfterMs > DOUBTED_FROM_MS;
    const isDoubtful = isLater && now.upMs < BELIEVED_AFTER_MS;
    const settings = before?.settings ?? [];
    return { ...now, startedAfterMs, bootMs: isDoubtful ? startedAfterMs : bootMs, isDoubtful, settings };
  }
  const { startedAfterMs, settings } = before;
  const saidMs = before.wallMs - before.upMs;
  const byMs = bootMs - saidMs;
  // Time never goes back: a clock that was behind the last start's was wrong.
  const wasPossible = saidMs + before.upMs >= startedAfterMs;
  const isDoubtful = before.isDoubtful && now.upMs < BELIEVED_AFTER_MS && Math.abs(byMs) < SET_FROM_MS;
  const isBelieved = before.isDoubtful && !isDoubtful;
  return {
    ...now,
    startedAfterMs,
    bootMs: wasPossible && !isBelieved ? Math.min(before.bootMs, bootMs) : bootMs,
    isDoubtful,
    settings: byMs < SET_FROM_MS ? settings : [...settings, { fromMs: saidMs, toMs: saidMs + now.upMs, byMs }],
  };
}

/** The earliest date that it may be now: what is old by this one is old by any. */
export const earliestNow = ({ bootMs, upMs }: ClockHistory): number => bootMs + upMs;

/** The date `at`, as written down at the time, by the clock as it was set later. */
export function dated(at: number, { settings }: ClockHistory): number {
  let date = at;
  for (const { fromMs, toMs, byMs } of settings) if (date >= fromMs && date <= toMs) date += byMs;
  return date;
}

export interface SetClockOptions {
  stateDir: string;
  clock: Pick<Clock, 'now'>;
  files: Files;
  log: Logger;
  machine?: () => Pick<Reading, 'upMs' | 'boot'>;
}

/** Looks at the clock, and keeps what it saw in `clock.json`. */
export class SetClock {
  readonly #options: SetClockOptions;
  readonly #file: string;
  readonly #machine: () => Pick<Reading, 'upMs' | 'boot'>;
  #history: ClockHistory;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: SetClockOptions) {
    this.#options = options;
    this.#file = join(options.stateDir, 'clock.json');
    this.#machine = options.machine ?? thisMachine();
    this.#history = observed(readHistory(this.#file), this.#read());
  }

  /** @returns whether it was set since the last look */
  look(): boolean {
    const before = this.#history.settings.length;
    this.#history = observed(this.#history, this.#read());
    return this.#history.settings.length > before;
  }

  get now(): number {
    return earliestNow(this.#history);
  }

  dated(at: number): number {
    return dated(at, this.#history);
  }

  /** Keeps what was seen, for the next start. */
  save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#write());
    return this.#saving;
  }

  /** A disk that refuses is only logged. */
  async #write(): Promise<void> {
    const { files, log } = this.#options;
    try {
      await replaceDurably(this.#file, `${JSON.stringify(this.#history)}\n`, { files, log, mode: 0o600 });
    } catch (error) {
      log.warn({ path: this.#file, errno: errnoOf(error) }, 'could not keep in mind when the clock was set');
    }
  }

  #read(): Reading {
    return { wallMs: this.#options.clock.now(), ...this.#machine() };
  }
}

/** A file that is missing or damaged is like none: it is written anew. */
function readHistory(file: string): ClockHistory | undefined {
  try {
    const history = JSON.parse(readFileSync(file, 'utf8')) as ClockHistory;
    const { wallMs, upMs, startedAfterMs, bootMs, settings } = history;
    const times = [wallMs, upMs, startedAfterMs, bootMs, ...settings.flatMap(one => [one.fromMs, one.toMs, one.byMs])];
    const isKnown = times.every(time => Number.isFinite(time));
    return isKnown ? { ...history, isDoubtful: history.isDoubtful === true } : undefined;
  } catch {
    return undefined;
  }
}

function thisMachine(): () => Pick<Reading, 'upMs' | 'boot'> {
  const boot = bootId();
  return () => ({ upMs: uptime() * 1000, boot });
}
