import type { Clock } from '../../src/platform/clock.ts';

/** A clock that stands still until a test moves it. Wall and monotonic time move apart with `jump`. */
export class FakeClock implements Clock {
  #wall = Date.UTC(2026, 0, 1);
  #monotonic = 0;
  readonly #timers = new Set<{ due: number; callback: () => void }>();

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { due: this.#monotonic + Math.max(0, ms), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets `ms` pass; timers due on the way are called in order, each followed by a turn of the event loop. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(timer => timer.due <= end).sort((a, b) => a.due - b.due);
      if (!next) break;
      this.#timers.delete(next);
      this.#move(next.due - this.#monotonic);
      next.callback();
      await new Promise(resolve => setImmediate(resolve));
    }
    this.#move(end - this.#monotonic);
  }

  /** Sets the wall clock forward or back, as an administrator or NTP would. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  get timers(): number {
    return this.#timers.size;
  }

  #move(ms: number): void {
    this.#monotonic += ms;
    this.#wall += ms;
  }
}
