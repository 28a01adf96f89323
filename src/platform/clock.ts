/**
 * Room: the machine beneath everything else: time, waiting, logs, HTTP, systemd, files in files/, children in process/. Knows
 * nothing of jobs, rules or engines. May import core and messages.
 */

/** Time, passed in so that tests can control it. `now` is the wall clock; `monotonic` never jumps. Both in milliseconds. */
export interface Clock {
  now(): number;
  monotonic(): number;
  /** Calls back once after `ms`, unless the returned function is called first. */
  after(ms: number, callback: () => void): () => void;
}

/** The zone this process takes times of day to be in: `Europe/Berlin`; `UTC` in most containers. */
export function timeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    // setTimeout takes 31 bits; a longer wait ends there, and the caller checks the clock again.
    const timer = setTimeout(callback, Math.min(Math.max(0, ms), 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`, or rejects with the signal's reason. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    const onAbort = () => {
      stop();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** A one-shot timer that stands still while paused. Without `ms` it never fires. */
export class PausableTimer {
  readonly #clock: Clock;
  readonly #ms: number | undefined;
  readonly #onEnd: () => void;
  #leftMs = 0;
  /** Monotonic time at which `#leftMs` was correct. */
  #since = 0;
  #cancel: (() => void) | undefined;
  #isPaused = false;
  #isOver = false;

  /** Starts at once. */
  constructor(clock: Clock, ms: number | undefined, onEnd: () => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#onEnd = onEnd;
    this.#isOver = ms === undefined;
    if (ms === undefined) return;
    this.restart();
    this.#arm();
  }

  pause(): void {
    if (this.#isPaused || this.#isOver) return;
    this.#isPaused = true;
    this.#leftMs = this.#remainingMs();
    this.#disarm();
  }

  resume(): void {
    if (!this.#isPaused || this.#isOver) return;
    this.#isPaused = false;
    this.#since = this.#clock.monotonic();
    this.#arm();
  }

  /** Starts again from the full time; stays paused if it was. Cheap, because it may happen with every line of output. */
  restart(): void {
    this.#leftMs = this.#ms ?? 0;
    this.#since = this.#clock.monotonic();
  }

  stop(): void {
    this.#isOver = true;
    this.#disarm();
  }

  #remainingMs(): number {
    return this.#leftMs - (this.#clock.monotonic() - this.#since);
  }

  /** The deadline may move while the underlying timer runs: when that fires, it checks, and waits for the rest. */
  #arm(): void {
    this.#cancel = this.#clock.after(this.#remainingMs(), () => {
      this.#cancel = undefined;
      if (this.#remainingMs() > 0) return this.#arm();
      this.#isOver = true;
      this.#onEnd();
    });
  }

  #disarm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
