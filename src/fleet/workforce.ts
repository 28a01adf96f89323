/** The workers the daemon has heard of since its start: who is there, who takes work, and who was sent away. Told the monotonic time. */
import type { ShrinkError } from '../core/errors.ts';
import { sentenceOf } from '../core/errors.ts';
import { messageOf } from '../core/message.ts';
import type { Clock } from '../platform/clock.ts';
import { Breaker } from './breaker.ts';
import type { Held } from './leases.ts';
import type { Hello } from './protocol.ts';
import { Refused } from './refused.ts';
import { silentWorker, type WorkerView } from './views.ts';

interface LiveWorker {
  hello: Hello;
  seenMs: number;
}

export class Workforce {
  readonly #leaseMs: number;
  readonly #clock: Clock;
  readonly #breaker = new Breaker();
  readonly #workers = new Map<string, LiveWorker>();
  /** Refused because of their protocol. */
  readonly #outdated = new Set<string>();
  #dismissed: ReadonlySet<string> = new Set();

  constructor({ leaseMs, clock }: { leaseMs: number; clock: Clock }) {
    this.#leaseMs = leaseMs;
    this.#clock = clock;
  }

  /** Whether its protocol is served. */
  speaks(name: string, served: boolean): void {
    if (served) this.#outdated.delete(name);
    else this.#outdated.add(name);
  }

  /** True for one that was not heard of before. */
  hello(name: string, hello: Hello): boolean {
    const isNew = !this.#workers.has(name);
    this.#workers.set(name, { hello, seenMs: this.#now() });
    return isNew;
  }

  heard(name: string): void {
    const live = this.#workers.get(name);
    if (live) live.seenMs = this.#now();
  }

  helloOf(name: string): Hello | undefined {
    return this.#workers.get(name)?.hello;
  }

  /** What one that asks for work has said of itself. @throws Refused */
  mayAsk(name: string): Hello {
    const hello = this.helloOf(name);
    if (!hello) throw new Refused(428, 'hello-first', 'the daemon has started again; say hello first');
    this.heard(name);
    const benched = this.#breaker.benched(name, this.#now());
    if (benched) throw new Refused(403, 'benched', `this worker gets nothing for now: ${benched.why.text}`);
    return hello;
  }

  remove(name: string): void {
    this.#workers.delete(name);
    this.#outdated.delete(name);
  }

  /** Those a person sent away, until told otherwise: nobody waits for them. */
  dismiss(workers: ReadonlySet<string>): void {
    this.#dismissed = workers;
  }

  /** True if the worker is sent away for it. */
  failed(name: string, task: string, error: ShrinkError): boolean {
    return this.#breaker.failed(name, task, sentenceOf(error), this.#now());
  }

  delivered(name: string, task: string): void {
    this.#breaker.delivered(name, task);
  }

  /** Nobody makes the task any more. */
  forget(task: string): void {
    this.#breaker.forget(task);
  }

  /** How many parts those that take work can make at once. */
  slots(): number {
    return this.#takingWork().reduce((sum, [, { hello }]) => sum + hello.slots, 0);
  }

  /** Whether one of those that take work is such a one. */
  hasOne(which: (name: string, hello: Hello) => boolean): boolean {
    return this.#takingWork().some(([name, { hello }]) => which(name, hello));
  }

  /** How many take work and have none. */
  idle(held: readonly Held[]): number {
    const busy = new Set(held.map(({ worker }) => worker));
    return this.#takingWork().filter(([name]) => !busy.has(name)).length;
  }

  views(held: readonly Held[]): WorkerView[] {
    const now = this.#now();
    const known = [...this.#workers].map(([name, live]): WorkerView => {
      const { hello, seenMs } = live;
      const leases = held.filter(lease => lease.worker === name);
      const benched = this.#breaker.benched(name, now);
      return {
        name,
        state: this.#stateOf(name, live, leases.length > 0),
        version: hello.version,
        tasks: leases.map(({ task, n, fraction, fps, step }) => ({ task, n, fraction, fps, step })),
        slots: hello.slots,
        hours: hello.hours ?? null,
        failures: this.#breaker.failures(name),
        benched_for_ms: benched?.leftMs ?? null,
        benched_because: benched?.why.text ?? null,
        messages: benched && { benched_because: messageOf(benched.why) },
        scratch_free: hello.scratch_free,
        seen_at: Math.round(this.#clock.now() - (now - seenMs)),
      };
    });
    const silent = [...this.#outdated].filter(name => !this.#workers.has(name));
    return [...known, ...silent.map(silentWorker('outdated'))];
  }

  /** Not one that rests until tonight, was sent away, or ends after this part. */
  #takingWork(): [string, LiveWorker][] {
    return [...this.#workers].filter(([name, live]) => this.#stateOf(name, live, false) === 'idle');
  }

  #stateOf(name: string, { hello, seenMs }: LiveWorker, isBusy: boolean): WorkerView['state'] {
    const now = this.#now();
    if (this.#outdated.has(name)) return 'outdated';
    if (now - seenMs >= this.#leaseMs) return 'away';
    if (this.#dismissed.has(name) || this.#breaker.benched(name, now)) return 'benched';
    if (hello.rests !== undefined) return hello.rests === 'draining' ? 'draining' : 'resting';
    return isBusy ? 'working' : 'idle';
  }

  #now(): number {
    return this.#clock.monotonic();
  }
}
