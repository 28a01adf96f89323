/** Coordination between promises that Node 20 lacks. */
import type { Clock } from './clock.ts';

/** A promise that is settled from outside. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: Deferred<T>['resolve'];
  let reject!: Deferred<T>['reject'];
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/**
 * The promise, or a rejection with the signal's reason as soon as it aborts. The work behind the promise is not stopped.
 * A rejection of the promise after the abort is not reported as unhandled.
 */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Calls back every `ms` until the returned function is called. */
export function every(clock: Clock, ms: number, callback: () => void): () => void {
  let cancel = clock.after(ms, tick);
  function tick(): void {
    cancel = clock.after(ms, tick);
    callback();
  }
  return () => cancel();
}

/** At most `count` run at a time, first come, first served. A waiter leaves if its signal aborts; a runner is never interrupted. */
export class Semaphore {
  #free: number;
  readonly #waiting: Deferred<void>[] = [];

  /** @param count at least one is allowed, whatever is given. */
  constructor(count: number) {
    this.#free = Math.max(1, count);
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** @throws the signal's reason if it aborts before `act` starts; otherwise whatever `act` throws. */
  async run<T>(act: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#acquire(signal);
    try {
      return await act();
    } finally {
      this.#release();
    }
  }

  async #acquire(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    const turn = deferred();
    const leave = () => {
      const at = this.#waiting.indexOf(turn);
      // No longer in the queue: its turn has just come and is taken.
      if (at === -1) return;
      this.#waiting.splice(at, 1);
      turn.reject(signal?.reason);
    };
    this.#waiting.push(turn);
    signal?.addEventListener('abort', leave, { once: true });
    await turn.promise.finally(() => signal?.removeEventListener('abort', leave));
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next) next.resolve();
    else this.#free += 1;
  }
}

/** One at a time for each key, as with a `Semaphore` of one; keys do not wait for each other. */
export class KeyedMutex {
  readonly #locks = new Map<string, { semaphore: Semaphore; users: number }>();

  async run<T>(key: string, act: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const lock = this.#locks.get(key) ?? { semaphore: new Semaphore(1), users: 0 };
    this.#locks.set(key, lock);
    lock.users += 1;
    try {
      return await lock.semaphore.run(act, signal);
    } finally {
      lock.users -= 1;
      if (lock.users === 0) this.#locks.delete(key);
    }
  }
}
