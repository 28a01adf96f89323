import type { ShrinkError } from '../../core/errors.ts';
import type { Clock } from '../clock.ts';

/** Threads of Node's pool unless UV_THREADPOOL_SIZE says otherwise (libuv). */
const POOL = 4;
/** What is left to everybody else, the journal first: one to write, one to sync. */
const RESERVED = 2;

/** Who wants to ask a mount. */
export interface Asking {
  clock: Clock;
  /** How long it waits for a thread, milliseconds. */
  answerMs: number;
  /** Gets what ends the waiting with an error, while it waits. */
  givingUp: Set<(error: ShrinkError) => void>;
  /** What it is told where all hang, or none came free in time. */
  crowded(): ShrinkError;
}

/**
 * Bounds how many threads of the one pool that Node has wait for mounts that may hang: shares of one server hang together, and
 * whoever may write no journal stops altogether.
 */
export class MountSlots {
  readonly most: number;
  private taken = 0;
  private hanging = 0;
  private readonly queue = new Set<Waiter>();
  private readonly forOneBack = new Set<() => void>();

  constructor(most: number) {
    this.most = most;
  }

  /** Resolves when one is taken, which `release` gives back. */
  take({ clock, answerMs, givingUp, crowded }: Asking): Promise<void> {
    if (this.hanging >= this.most) return Promise.reject(crowded());
    if (this.taken < this.most) {
      this.taken += 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const giveUp = (error: ShrinkError) => {
        leave();
        reject(error);
      };
      const waiter: Waiter = {
        go: () => {
          leave();
          resolve();
        },
        refuse: () => giveUp(crowded()),
      };
      const stopTimer = clock.after(answerMs, waiter.refuse);
      const leave = () => {
        stopTimer();
        this.queue.delete(waiter);
        givingUp.delete(giveUp);
      };
      this.queue.add(waiter);
      givingUp.add(giveUp);
    });
  }

  release(): void {
    const [next] = this.queue;
    if (next) next.go();
    else this.taken -= 1;
  }

  /** A call that has one is no longer waited for; it keeps it until it comes back. */
  hangs(call: Promise<unknown>): void {
    this.hanging += 1;
    const back = () => {
      this.hanging -= 1;
      for (const goOn of this.forOneBack) goOn();
      this.forOneBack.clear();
    };
    call.then(back, back);
    if (this.hanging >= this.most) for (const waiter of [...this.queue]) waiter.refuse();
  }

  /** Resolves at once, or, where all of them hang, when the first came back. */
  async oneBack(): Promise<void> {
    if (this.hanging >= this.most) await new Promise<void>(resolve => this.forOneBack.add(resolve));
  }
}

interface Waiter {
  go(): void;
  refuse(): void;
}

/** As many as the pool of a process with this environment can spare, at least one. */
export function sparedThreads(environment: Readonly<Record<string, string | undefined>>): number {
  const size = Number.parseInt(environment['UV_THREADPOOL_SIZE'] ?? '', 10);
  return Math.max(1, (size > 0 ? size : POOL) - RESERVED);
}

export const processSlots = new MountSlots(sparedThreads(process.env));
