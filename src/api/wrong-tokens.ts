/** Keeps tokens from being guessed: an address that sent too many wrong ones is refused for a while. */
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

  /** How long tokens from this address are not even compared, milliseconds; 0: they are. */
  waitMs(address: string): number {
    const seen = this.#seen.get(address);
    if (!seen || seen.count < MAX_WRONG) return 0;
    return Math.max(0, seen.since + WINDOW_MS - this.#now());
  }

  /** A wrong token came from this address. Logged once a minute, and when it was the last one to be compared. */
  add(address: string): void {
    const now = this.#now();
    const before = this.#seen.get(address);
    const isNew = !before || now >= before.since + WINDOW_MS;
    const seen = isNew ? { count: 0, since: now } : before;
    seen.count += 1;
    this.#seen.delete(address);
    this.#seen.set(address, seen);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MAX_ADDRESSES && oldest !== undefined) this.#seen.delete(oldest);
    if (seen.count === 1) this.#log.warn({ address }, 'a wrong access token was sent to the page or the API');
    if (seen.count < MAX_WRONG) return;
    // The time counts from the last one.
    seen.since = now;
    this.#log.warn({ address, count: seen.count }, 'too many wrong access tokens: refusing this address for a minute');
  }
}
