import type { Clock } from '../platform/clock.ts';
import type { Files } from '../platform/files/files.ts';
import { type DiskSpace, diskSpace } from '../platform/files/space.ts';

export interface DiskPath {
  path: string;
  labels: { place: 'state' | 'inbox' | 'outbox' | 'archive'; folder: string };
}

/** A share that does not answer delays a scrape by at most this long, milliseconds. */
const ANSWER_MS = 1_000;
/** An answer stays valid for this long, milliseconds: two gauges ask in one scrape. */
const FRESH_MS = 2_000;

/**
 * Free space for the metrics and the status. A hanging share would take one thread of the pool with every call, until none is
 * left for the daemon: it is not asked again before it has answered.
 */
export class DiskMeter {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #asked = new Map<string, Promise<void>>();
  readonly #known = new Map<string, DiskSpace & { at: number }>();

  constructor(files: Files, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
  }

  /** The current space of each place; one that does not answer is left out. */
  async read(diskPaths: readonly DiskPath[]): Promise<(DiskPath & DiskSpace)[]> {
    await Promise.all(diskPaths.map(({ path }) => this.#refresh(path)));
    const now = this.#clock.monotonic();
    return diskPaths.flatMap(diskPath => {
      const known = this.#known.get(diskPath.path);
      return known && now - known.at <= FRESH_MS + ANSWER_MS ? [{ ...diskPath, ...known }] : [];
    });
  }

  /** What the disk of a place said last, at once; it is asked again meanwhile. `undefined` before it answered, and when it failed. */
  lastOf(path: string): DiskSpace | undefined {
    void this.#refresh(path);
    return this.#known.get(path);
  }

  #refresh(path: string): Promise<void> {
    const known = this.#known.get(path);
    if (known && this.#clock.monotonic() - known.at <= FRESH_MS) return Promise.resolve();
    let asked = this.#asked.get(path);
    if (!asked) {
      asked = diskSpace(path, this.#files)
        .then(
          space => void this.#known.set(path, { ...space, at: this.#clock.monotonic() }),
          () => void this.#known.delete(path),
        )
        .finally(() => this.#asked.delete(path));
      this.#asked.set(path, asked);
    }
    return this.#atMost(asked);
  }

  #atMost(asked: Promise<void>): Promise<void> {
    return new Promise(resolve => {
      const stop = this.#clock.after(ANSWER_MS, resolve);
      void asked.then(() => {
        stop();
        resolve();
      });
    });
  }
}
