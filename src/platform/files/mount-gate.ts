import { ShrinkError } from '../../core/errors.ts';
import type { Clock } from '../clock.ts';
import { type MountSlots, processSlots } from './mount-slots.ts';

/**
 * The way to a mount that may hang (a server that is off, a FUSE process that is stuck). One call at a time, so that a
 * hung mount holds one thread of the pool and never all of them; while it hangs, further calls fail at once.
 */
export class MountGuard {
  private readonly mountPoint: string;
  private readonly clock: Clock;
  private readonly answerMs: number;
  private readonly slots: MountSlots;
  private queue: Promise<unknown> = Promise.resolve();
  /** Set while it hangs: resolves when the call that hung came back. */
  private hung: Promise<void> | undefined;
  private closed = false;
  private readonly waiting = new Set<(error: ShrinkError) => void>();

  /**
   * @param answerMs how long an answer is waited for, milliseconds
   * @param slots shared by the gates of one process
   */
  constructor(mountPoint: string, clock: Clock, answerMs: number, slots = processSlots) {
    this.mountPoint = mountPoint;
    this.clock = clock;
    this.answerMs = answerMs;
    this.slots = slots;
  }

  /**
   * Rejects with `unavailable` when no answer came in time; `onLate` gets what comes after that, and is waited for before
   * anybody else has a turn.
   */
  async call<T>(work: () => Promise<T>, onLate?: Late<T>, answerMs = this.answerMs): Promise<T> {
    const before = this.queue;
    const turn = this.answer(before, work, answerMs, onLate);
    this.queue = turn.catch(() => {});
    return turn;
  }

  /** For what must be done some time, as closing a file: in its turn, or once the mount answers again. */
  async whenBack<T>(work: () => Promise<T>): Promise<T> {
    let begun = false;
    const beginning = () => {
      begun = true;
      return work();
    };
    for (;;) {
      try {
        return await this.call(beginning);
      } catch (error) {
        if (begun || this.closed) throw error;
        await (this.hung ?? this.slots.oneBack());
      }
    }
  }

  /** Rejects what has not come back, and everything from now on. */
  abandon(): void {
    this.closed = true;
    for (const reject of this.waiting) reject(this.silent());
  }

  private async answer<T>(
    before: Promise<unknown>,
    work: () => Promise<T>,
    answerMs: number,
    onLate: Late<T> | undefined,
  ): Promise<T> {
    await before;
    if (this.hung || this.closed) throw this.silent();
    await this.slots.take({
      clock: this.clock,
      answerMs: this.answerMs,
      givingUp: this.waiting,
      crowded: () => this.crowded(),
    });
    underWay += 1;
    const running = work().finally(() => {
      underWay -= 1;
      this.slots.release();
    });
    return new Promise<T>((resolve, reject) => {
      let late = false;
      const end = () => {
        stopTimer();
        this.waiting.delete(giveUp);
      };
      const giveUp = (error: ShrinkError) => {
        end();
        late = true;
        const cameBack = running.then(result => onLate?.(result)).catch(ignore);
        this.slots.hangs(running);
        this.hung = cameBack.then(() => {
          this.hung = undefined;
        });
        reject(error);
      };
      const stopTimer = this.clock.after(answerMs, () => giveUp(this.silent()));
      this.waiting.add(giveUp);
      running.then(
        result => {
          if (late) return;
          end();
          resolve(result);
        },
        error => {
          if (late) return;
          end();
          reject(error);
        },
      );
    });
  }

  private silent(): ShrinkError {
    return new ShrinkError('unavailable', `${this.mountPoint} does not answer`, {
      doing: 'looking at the disk',
      subject: this.mountPoint,
      hint: 'Check the server or the process behind that mount; shrinkbox goes on by itself when it answers.',
    });
  }

  private crowded(): ShrinkError {
    return new ShrinkError('unavailable', `${this.mountPoint} cannot be asked: other mounts do not answer`, {
      doing: 'looking at the disk',
      subject: this.mountPoint,
      hint: `Check the server behind those mounts; shrinkbox goes on by itself when one answers. It has threads for ${this.slots.most} that hang: UV_THREADPOOL_SIZE=16 in its environment gives it more.`,
    });
  }
}

type Late<T> = (result: T) => void | Promise<void>;

let underWay = 0;

/** Questions of this process that some mount has not answered yet: each holds a thread, and Node ends only after its threads. */
export function callsUnderWay(): number {
  return underWay;
}

/** Nobody waits for it any more. */
function ignore(): void {}
