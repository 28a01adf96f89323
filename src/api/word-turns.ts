import { setImmediate } from 'node:timers/promises';
import { ShrinkError } from '../core/errors.ts';
import { say } from '../messages/say.ts';
import { Semaphore } from '../platform/async.ts';

/** Requests with words that are answered or wait at a time. */
const MAX_UNDER_WAY = 16;

/**
 * Turns of requests whose words have to be read. The longest words take a tenth of a second, in which nothing else is answered:
 * whatever arrived meanwhile comes before the next.
 */
export class WordTurns {
  readonly #turns = new Semaphore(1);
  #underWay = 0;

  /** @throws ShrinkError `unavailable` if too many wait; the signal's reason if it aborts before the turn; what `read` throws. */
  async take<T>(read: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#underWay >= MAX_UNDER_WAY) {
      throw new ShrinkError('unavailable', say('api.too-many-words'), { hint: say('api.try-later') });
    }
    this.#underWay += 1;
    try {
      return await this.#turns.run(async () => {
        await setImmediate();
        signal?.throwIfAborted();
        return read();
      }, signal);
    } finally {
      this.#underWay -= 1;
    }
  }
}
