/** At most `perMinute` accepted requests in any minute of the server's clock. */
export class MinuteLimit {
  readonly #perMinute: number;
  readonly #now: () => number;
  readonly #accepted: number[] = [];

  constructor(perMinute: number, now: () => number) {
    this.#perMinute = perMinute;
    this.#now = now;
  }

  /** Milliseconds to wait, or 0 when the request is accepted (and counted). */
  refuse(): number {
    const now = this.#now();
    while ((this.#accepted[0] ?? Number.POSITIVE_INFINITY) <= now - 60_000) this.#accepted.shift();
    if (this.#accepted.length < this.#perMinute) {
      this.#accepted.push(now);
      return 0;
    }
    return Math.max(1, (this.#accepted[0] ?? now) + 60_000 - now);
  }
}
