import type { PauseGate } from '../platform/pause-gate.ts';

/** A gate that is closed while at least one reason remains: `pause` and quiet hours close it independently. */
export class ReasonedGate implements PauseGate {
  readonly #reasons = new Set<string>();
  readonly #listeners = new Set<(closed: boolean) => void>();

  get closed(): boolean {
    return this.#reasons.size > 0;
  }

  isClosedFor(reason: string): boolean {
    return this.#reasons.has(reason);
  }

  set(reason: string, closed: boolean): void {
    const before = this.closed;
    if (closed) this.#reasons.add(reason);
    else this.#reasons.delete(reason);
    if (this.closed === before) return;
    for (const listener of this.#listeners) listener(this.closed);
  }

  onChange(listener: (closed: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Closed while one of the two is. */
export function eitherGate(one: PauseGate, other: PauseGate): PauseGate {
  const isClosed = () => one.closed || other.closed;
  return {
    get closed() {
      return isClosed();
    },
    onChange(listener) {
      let before = isClosed();
      const changed = () => {
        const now = isClosed();
        if (now === before) return;
        before = now;
        listener(now);
      };
      const ends = [one.onChange(changed), other.onChange(changed)];
      return () => {
        for (const end of ends) end();
      };
    },
  };
}

/** Minutes since local midnight, from and to; `22:00-07:00` spans midnight. */
export interface DailyWindow {
  fromMinute: number;
  toMinute: number;
}

/** Whether `at` lies inside the window, in local time. Equal ends mean the whole day. */
export function isInWindow(window: DailyWindow, at: Date): boolean {
  const minute = at.getHours() * 60 + at.getMinutes();
  const { fromMinute, toMinute } = window;
  if (fromMinute === toMinute) return true;
  return fromMinute < toMinute ? minute >= fromMinute && minute < toMinute : minute >= fromMinute || minute < toMinute;
}
