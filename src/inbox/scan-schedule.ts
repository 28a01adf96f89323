const LOCAL_SCAN_MS = 60_000;
const POLL_ACTIVE_MS = 10_000;
const POLL_IDLE_MS = 30_000;
/** A polled inbox counts as active this long after something happened in it. */
const ACTIVE_FOR_MS = 5 * 60_000;
/** An unavailable inbox is tried again at least this often. */
const RETRY_MS = 10_000;
/**
 * A scan checks known files only so often that this takes at most this fraction of the time: half a percent of a
 * processor locally, 5 % of waiting for a network.
 */
const DEEP_SHARE = { local: 200, polled: 20 };

/** What the schedule depends on. */
export interface InboxFacts {
  available: boolean;
  /** The inbox itself is polled, or any directory in it. */
  polled: boolean;
  anyPolled: boolean;
  /** Files are pending. */
  hasPending: boolean;
}

/** When an inbox is listed next, and how thoroughly. Monotonic ms throughout; reads no clock. */
export class ScanSchedule {
  readonly #scan: number | 'auto';
  #requested = true;
  #nextScanAt = 0;
  #nextPollAt = Number.POSITIVE_INFINITY;
  #lastDeepAt = 0;
  #lastDeepMs = 0;
  #lastActiveAt: number;

  /** @param scan ms between scans. `auto`: a minute; if polled, 10 s while something happens and 30 s otherwise. */
  constructor(scan: number | 'auto', now: number) {
    this.#scan = scan;
    this.#lastActiveAt = now;
  }

  /** A scan was requested and has not started. */
  get requested(): boolean {
    return this.#requested;
  }

  get scanDueAt(): number {
    return this.#requested ? 0 : this.#nextScanAt;
  }

  /** When the polled directories are listed, if others in the inbox need not be. */
  get pollDueAt(): number {
    return this.#nextPollAt;
  }

  /** Makes the next scan due at once, and deep. */
  request(): void {
    this.#requested = true;
  }

  markActive(now: number): void {
    this.#lastActiveAt = now;
  }

  /** Starts a scan. Returns whether it is deep: known files are checked as well. */
  begin(now: number, { polled }: Pick<InboxFacts, 'polled'>): boolean {
    const requested = this.#requested;
    this.#requested = false;
    const isAffordable = now - this.#lastDeepAt >= this.#lastDeepMs * DEEP_SHARE[polled ? 'polled' : 'local'];
    return requested || isAffordable;
  }

  deepScanDone(startedAt: number, now: number): void {
    this.#lastDeepAt = now;
    this.#lastDeepMs = now - startedAt;
  }

  /** After a scan, whether it succeeded or not. */
  planScan(now: number, facts: InboxFacts): void {
    this.#nextScanAt = now + this.#scanPeriodMs(now, facts);
    this.planPoll(now, facts);
  }

  planPoll(now: number, facts: InboxFacts): void {
    const isMixed = this.#scan === 'auto' && !facts.polled && facts.anyPolled;
    this.#nextPollAt = isMixed ? now + this.#pollPeriodMs(now, facts) : Number.POSITIVE_INFINITY;
  }

  /** The inbox is unavailable. */
  planRetry(now: number): void {
    this.#nextScanAt = now + (this.#scan === 'auto' ? RETRY_MS : Math.min(RETRY_MS, this.#scan));
    this.#nextPollAt = Number.POSITIVE_INFINITY;
  }

  #scanPeriodMs(now: number, facts: InboxFacts): number {
    if (this.#scan !== 'auto') return this.#scan;
    if (!facts.available) return RETRY_MS;
    return facts.polled ? this.#pollPeriodMs(now, facts) : LOCAL_SCAN_MS;
  }

  #pollPeriodMs(now: number, { hasPending }: InboxFacts): number {
    if (hasPending) this.#lastActiveAt = now;
    return now - this.#lastActiveAt < ACTIVE_FOR_MS ? POLL_ACTIVE_MS : POLL_IDLE_MS;
  }
}
