/**
 * Counts wrong tokens by address, and says when there were too many. Only wrong ones ever get here: an address may be shared
 * (a machine, a reverse proxy), and a stranger's guesses must not keep the owner out.
 */
import type { Logger } from '../platform/log.ts';

const MAX_WRONG = 20;
const WINDOW_MS = 60_000;
/** Addresses kept; the oldest is forgotten first. */
const MAX_ADDRESSES = 1000;

export class WrongTokens {
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #seen = new Map<string, { count: number; since: number }>();

  /** @param now monotonic milliseconds. */
  constructor(log: Logger, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /**
   * A wrong token came from this address. The first of a minute is logged, and the one after which there are too many.
   * @returns how long its sender should wait, milliseconds; 0 while there were not too many before this one.
   */
  add(address: string): number {
    const now = this.#now();
    const before = this.#seen.get(address);
    if (before && before.count >= MAX_WRONG && now < before.since + WINDOW_MS) return before.since + WINDOW_MS - now;
    const isNew = !before || now >= before.since + WINDOW_MS;
    const seen = isNew ? { count: 0, since: now } : before;
    seen.count += 1;
    this.#seen.delete(address);
    this.#seen.set(address, seen);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MAX_ADDRESSES && oldest !== undefined) this.#seen.delete(oldest);
    if (seen.count === 1) this.#log.warn({ address }, 'a wrong access token was sent to the page or the API');
    if (seen.count < MAX_WRONG) return 0;
    // The time counts from the last one.
    seen.since = now;
    const { count } = seen;
    this.#log.warn({ address, count }, 'too many wrong access tokens: others from this address get 429 for a minute');
    return 0;
  }
}
