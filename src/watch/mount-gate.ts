import { ShrinkError } from '../core/errors.ts';
import type { Clock } from '../platform/clock.ts';

/**
 * The way to a mount that may hang (a server that is off, a FUSE process that is stuck). One call at a time, so that a
 * hung mount holds one thread of the pool and never all of them; while it hangs, further calls fail at once.
 */
export class MountGate {
  private readonly mountPoint: string;
  private readonly clock: Clock;
  private readonly answerMs: number;
  private queue: Promise<unknown> = Promise.resolve();
  private hung = false;
  private closed = false;
  private readonly waiting = new Set<(error: ShrinkError) => void>();

  constructor(mountPoint: string, clock: Clock, answerMs: number) {
    this.mountPoint = mountPoint;
    this.clock = clock;
    this.answerMs = answerMs;
  }

  /** Rejects with `unavailable` when no answer came in time; `onLate` gets what comes after that. */
  async call<T>(work: () => Promise<T>, onLate?: (result: T) => void): Promise<T> {
    const before = this.queue;
    const turn = this.answer(before, work, onLate);
    this.queue = turn.catch(() => {});
    return turn;
  }

  /** Rejects what has not come back, and everything from now on. */
  abandon(): void {
    this.closed = true;
    for (const reject of this.waiting) reject(this.silent());
  }

  private async answer<T>(before: Promise<unknown>, work: () => Promise<T>, onLate?: (result: T) => void): Promise<T> {
    await before;
    if (this.hung || this.closed) throw this.silent();
    const running = work();
    return new Promise<T>((resolve, reject) => {
      let late = false;
      const end = () => {
        stopTimer();
        this.waiting.delete(giveUp);
      };
      const giveUp = (error: ShrinkError) => {
        end();
        late = true;
        this.hung = true;
        reject(error);
      };
      const stopTimer = this.clock.after(this.answerMs, () => giveUp(this.silent()));
      this.waiting.add(giveUp);
      running.then(
        result => {
          this.hung = false;
          if (late) return onLate?.(result);
          end();
          resolve(result);
        },
        error => {
          this.hung = false;
          if (late) return;
          end();
          reject(error);
        },
      );
    });
  }

  private silent(): ShrinkError {
    return new ShrinkError('unavailable', `${this.mountPoint} does not answer`, {
      doing: 'looking for files',
      subject: this.mountPoint,
      hint: 'Check the server or the process behind that mount; shrinkbox goes on by itself when it answers.',
    });
  }
}
