import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { ShrinkError } from '../core/errors.ts';
import { say } from '../messages/say.ts';
import { Semaphore } from '../platform/async.ts';

/** Requests with words that are answered or wait at a time. */
const MAX_UNDER_WAY = 16;

/** Milliseconds. */
const LONGEST_REST = 1_000;

/**
 * Turns of requests whose words have to be read. The longest words take a tenth of a second, in which nothing else is answered, and
 * one turn of the event loop accepts one connection: so as much time as a reading took is left to others before the next.
 */
export class WordTurns {
  readonly #turns = new Semaphore(1);
  #underWay = 0;
  /** By the monotonic clock, milliseconds. */
  #restUntil = 0;

  /** @throws ShrinkError `unavailable` if too many wait; the signal's reason if it aborts before the turn; what `read` throws. */
  async take<T>(read: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#underWay >= MAX_UNDER_WAY) {
      throw new ShrinkError('unavailable', say('api.too-many-words'), { hint: say('api.try-later') });
    }
    this.#underWay += 1;
    try {
      return await this.#turns.run(async () => {
        await setTimeout(this.#restUntil - performance.now());
        signal?.throwIfAborted();
        return this.#timed(read);
      }, signal);
    } finally {
      this.#underWay -= 1;
    }
  }

  async #timed<T>(read: () => T | Promise<T>): Promise<T> {
    const since = performance.now();
    try {
      return await read();
    } finally {
      const now = performance.now();
      this.#restUntil = now + Math.min(LONGEST_REST, now - since);
    }
  }
}
