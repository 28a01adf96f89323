/** Time that passes as fast as the work in it: timers in a heap, and the event loop between two of them. */
import type { Clock } from '../../../../src/platform/clock.ts';

interface Timer {
  due: number;
  /** Of two that are due together, the older comes first. */
  nth: number;
  callback: (() => void) | undefined;
}

export class VirtualClock implements Clock {
  #now = 0;
  #count = 0;
  readonly #heap: Timer[] = [];

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer: Timer = { due: this.#now + Math.max(0, ms), nth: (this.#count += 1), callback };
    this.#push(timer);
    return () => {
      timer.callback = undefined;
    };
  }

  /** Until the promise is settled. @throws if nothing is left that could settle it */
  async runUntil<T>(promise: Promise<T>): Promise<T> {
    let isOver = false;
    const over = promise.finally(() => {
      isOver = true;
    });
    over.catch(() => {});
    for (;;) {
      // Everything that follows from the last timer, before the next.
      await new Promise(resolve => setImmediate(resolve));
      if (isOver) return await over;
      const timer = this.#pop();
      if (!timer) throw new Error('everybody waits, and nothing will happen any more');
      this.#now = timer.due;
      timer.callback?.();
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(heap[at], heap[above])) break;
      this.#swap(at, above);
      at = above;
    }
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (!first || !last || first === last) return first;
    heap[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let least = at;
      if (isBefore(heap[left], heap[least])) least = left;
      if (isBefore(heap[right], heap[least])) least = right;
      if (least === at) return first;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one && other) [this.#heap[a], this.#heap[b]] = [other, one];
  }
}

function isBefore(one: Timer | undefined, other: Timer | undefined): boolean {
  if (!one || !other) return false;
  return one.due < other.due || (one.due === other.due && one.nth < other.nth);
}
