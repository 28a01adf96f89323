/**
 * The stream of changes: numbered, the newest kept, so that a listener that lost its connection continues where it was. A
 * listener that does not read is disconnected before it fills the memory; it reconnects and catches up.
 */
import { randomBytes } from 'node:crypto';
import type { ControlEvent } from './types.ts';

export interface LoggedEvent {
  id: string;
  event: ControlEvent;
}

/** Events kept for listeners that reconnect: some minutes of a busy daemon, under a megabyte. */
const KEPT = 1000;
/** Events that may wait for a listener that does not read. */
const WAITING = 1000;

export class EventLog {
  /** Every start numbers from 1 again; ids of another start must not be mistaken for ours. */
  readonly #epoch = randomBytes(4).toString('hex');
  readonly #kept: LoggedEvent[] = [];
  readonly #listeners = new Set<Listener>();
  readonly #limits: { kept: number; waiting: number };
  #next = 1;

  constructor(limits: { kept?: number; waiting?: number } = {}) {
    this.#limits = { kept: limits.kept ?? KEPT, waiting: limits.waiting ?? WAITING };
  }

  push(event: ControlEvent): void {
    const logged = { id: `${this.#epoch}-${this.#next}`, event };
    this.#next += 1;
    this.#kept.push(logged);
    if (this.#kept.length > this.#limits.kept) this.#kept.shift();
    for (const listener of this.#listeners) listener.push(logged);
  }

  /** The id of the newest event: a listener that fetches everything now has seen all events up to it. */
  get last(): string {
    return `${this.#epoch}-${this.#next - 1}`;
  }

  /**
   * Listens from now on, beginning with what happened since `lastId`. `missed` is true if that is no longer known: then the
   * listener has to fetch everything again.
   */
  listen(lastId: string | undefined): { missed: boolean; listener: Listener } {
    const since = lastId === undefined ? this.#next - 1 : this.#numberOf(lastId);
    const oldest = this.#next - this.#kept.length;
    const missed = since === undefined || since < oldest - 1 || since >= this.#next;
    const listener = new Listener(this.#limits.waiting, () => this.#listeners.delete(listener));
    if (!missed) for (const logged of this.#kept.slice(since - oldest + 1)) listener.push(logged);
    this.#listeners.add(listener);
    return { missed, listener };
  }

  /** Ends every listener. */
  close(): void {
    for (const listener of this.#listeners) listener.close();
  }

  #numberOf(id: string): number | undefined {
    const match = /^([0-9a-f]{8})-(\d{1,15})$/.exec(id);
    return match?.[1] === this.#epoch ? Number(match[2]) : undefined;
  }
}

/** One listener's queue of events. */
export class Listener {
  readonly #limit: number;
  readonly #onClose: () => void;
  #queue: LoggedEvent[] = [];
  #wake: (() => void) | undefined;
  #closed = false;

  constructor(limit: number, onClose: () => void) {
    this.#limit = limit;
    this.#onClose = onClose;
  }

  push(logged: LoggedEvent): void {
    if (this.#closed) return;
    this.#queue.push(logged);
    if (this.#queue.length > this.#limit) return this.close();
    this.#wake?.();
  }

  /** All new events, `[]` after `timeoutMs` of silence (time for a heartbeat), `undefined` when the stream is over. */
  async next(timeoutMs: number): Promise<LoggedEvent[] | undefined> {
    if (this.#queue.length === 0 && !this.#closed) await this.#silence(timeoutMs);
    if (this.#closed) return undefined;
    const events = this.#queue;
    this.#queue = [];
    return events;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.#onClose();
    this.#wake?.();
  }

  #silence(timeoutMs: number): Promise<void> {
    return new Promise(resolve => {
      const done = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#wake = done;
    });
  }
}
