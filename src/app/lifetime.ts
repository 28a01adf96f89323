import { adviceFor, isShrinkError, policyFor } from '../core/errors.ts';
import { deferred } from '../platform/async.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';

/** A hanging share is abandoned after about this long; everything else takes a second. Milliseconds. */
const SLOW_MS = 15_000;

/** One run of the daemon: what must be closed at its end, and its exit code. */
/** How long the end waits for shares; then they are given up, so that it takes no more than ten seconds. */
const PATIENCE_MS = 5_000;

export class Lifetime {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #exitCode = deferred<number>();
  readonly #cleanups: (() => unknown)[] = [];
  readonly #giveUp = new AbortController();
  #closing: Promise<void> | undefined;

  constructor({ clock, log }: { clock: Clock; log: Logger }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Resolves with the exit code after `stop`, or at once after an error the daemon cannot survive. */
  get ended(): Promise<number> {
    return this.#exitCode.promise;
  }

  /** Aborts when the end has taken so long that a share must be what it waits for. */
  get giveUp(): AbortSignal {
    return this.#giveUp.signal;
  }

  get isEnding(): boolean {
    return this.#closing !== undefined;
  }

  /** Registers `cleanup` to be called at the end; the last one registered is called first. */
  defer(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  /**
   * Waits for a part of the start, and logs every 15 s that it is still waiting: otherwise a start that hangs on a disk, a child
   * or a share would leave an empty log. Resolves and rejects as `work` does.
   */
  async starting<T>(what: string, work: Promise<T>): Promise<T> {
    const since = this.#clock.monotonic();
    const warn = () => {
      const forS = Math.round((this.#clock.monotonic() - since) / 1000);
      this.#log.warn({ forS }, `the start is still waiting for ${what}`);
      cancel = this.#clock.after(SLOW_MS, warn);
    };
    let cancel = this.#clock.after(SLOW_MS, warn);
    try {
      return await work;
    } finally {
      cancel();
    }
  }

  /** Ends with exit code 0 once everything is closed. */
  async stop(): Promise<void> {
    await this.close();
    this.#exitCode.resolve(0);
  }

  /** Ends because of an error the daemon cannot survive. systemd restarts it, and the journal says where it left off. */
  readonly fail = (error: unknown): void => {
    this.#log.fatal({ err: error }, error instanceof Error ? error.message : String(error));
    this.#exitCode.resolve(exitCodeOf(error));
    void this.close();
  };

  /** Safe to call more than once; every caller waits for the same end. A failing cleanup is logged and does not stop the others. */
  close(): Promise<void> {
    this.#closing ??= this.#runCleanups();
    return this.#closing;
  }

  async #runCleanups(): Promise<void> {
    const cancel = this.#clock.after(PATIENCE_MS, () => this.#giveUp.abort());
    for (let cleanup = this.#cleanups.pop(); cleanup; cleanup = this.#cleanups.pop()) {
      try {
        await cleanup();
      } catch (error) {
        this.#log.error({ err: error }, 'error while shutting down a component');
      }
    }
    cancel();
  }
}

function exitCodeOf(error: unknown): number {
  return isShrinkError(error) && adviceFor(error.code).kind === 'stop' ? policyFor(error.code).exitCode : 1;
}
