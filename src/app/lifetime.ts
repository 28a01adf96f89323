import type { Logger } from '../platform/log.ts';

export interface Releasable {
  release(): Promise<unknown> | unknown;
}

/** Everything acquired, let go of in the opposite order; one that fails is logged and does not keep the others. */
export class Releases {
  readonly #log: Logger;
  readonly #acquired: Releasable[] = [];
  #running: Promise<void> | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  add(acquired: Releasable): void {
    this.#acquired.push(acquired);
  }

  /** Safe to call more than once; every caller waits for the same end. */
  run(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    for (let acquired = this.#acquired.pop(); acquired; acquired = this.#acquired.pop()) {
      try {
        await acquired.release();
      } catch (error) {
        this.#log.error({ err: error }, 'something could not be let go of cleanly');
      }
    }
  }
}
