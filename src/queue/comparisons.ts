import PQueue from 'p-queue';
import type { Sighting } from '../core/job.ts';
import type { Clock } from '../platform/clock.ts';
import { FairQueue, type FolderTask } from './fair-queue.ts';
import type { WholeFile } from './stages-port.ts';

/** Least pause between two comparisons of one file, ms; it doubles for as long as the file's date goes on changing. */
const FIRST_PAUSE_MS = 60_000;
/** The longest one: a file that something touches every minute is read once a day. */
const LAST_PAUSE_MS = 24 * 3600_000;
/** A comparison is followed by a pause of at least this many times what it took. */
const PAUSE_SHARE = 10;

export interface ComparisonsOptions {
  clock: Clock;
  /** Reads a whole file. @throws ShrinkError, `cancelled` once the signal aborts */
  read(sighting: Sighting, signal: AbortSignal): Promise<WholeFile>;
}

/** Reads whole files whose date changed, one at a time, and each of them ever more rarely. */
export class Comparisons {
  readonly #options: ComparisonsOptions;
  readonly #queue = new PQueue<FairQueue, FolderTask>({ concurrency: 1, queueClass: FairQueue });
  readonly #stopping = new AbortController();
  /** By place: when the file there may be read again (monotonic ms), and the pause that leads to it. */
  readonly #turns = new Map<string, { nextAt: number; pauseMs: number }>();

  constructor(options: ComparisonsOptions) {
    this.#options = options;
  }

  /** Ms until the file at this place may be read again; 0 if at once. */
  pauseMs(place: string): number {
    return Math.max(0, (this.#turns.get(place)?.nextAt ?? 0) - this.#options.clock.monotonic());
  }

  /** @throws ShrinkError, as the reading does. */
  read(place: string, sighting: Sighting): Promise<WholeFile> {
    const { clock, read } = this.#options;
    const task = async () => {
      const from = clock.monotonic();
      try {
        return await read(sighting, this.#stopping.signal);
      } finally {
        this.#note(place, clock.monotonic() - from);
      }
    };
    return this.#queue.add(task, { folder: sighting.inbox });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#queue.onIdle();
  }

  #note(place: string, tookMs: number): void {
    const now = this.#options.clock.monotonic();
    // A file that was left alone for as long as its last pause starts over.
    for (const [each, { nextAt, pauseMs }] of this.#turns) if (now > nextAt + pauseMs) this.#turns.delete(each);
    const before = this.#turns.get(place)?.pauseMs ?? 0;
    const pauseMs = Math.min(LAST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, 2 * before, PAUSE_SHARE * tookMs));
    this.#turns.set(place, { nextAt: now + pauseMs, pauseMs });
  }
}
