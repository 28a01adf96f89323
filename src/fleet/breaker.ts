/** Sends away a worker that fails at what others can do, for longer each time. Pure: it is told the monotonic time. */
import { type Sentence, verbatim } from '../core/message.ts';

const IN_A_ROW = 3;
const FIRST_MS = 10 * 60_000;
const MAX_MS = 24 * 60 * 60_000;

interface Record {
  /** Tasks it failed at since it last succeeded. */
  failed: Set<string>;
  /** How often it was sent away. */
  times: number;
  untilMs: number;
  why: Sentence;
}

export class Breaker {
  readonly #workers = new Map<string, Record>();
  /** Tasks that failed on two workers: the fault is theirs. */
  readonly #faulty = new Set<string>();
  readonly #failedOn = new Map<string, Set<string>>();

  /** True if the worker is sent away for it. */
  failed(worker: string, task: string, why: Sentence, now: number): boolean {
    const on = this.#failedOn.get(task) ?? new Set<string>();
    this.#failedOn.set(task, on.add(worker));
    if (on.size > 1) this.#blame(task);
    const record = this.#recordOf(worker);
    if (this.#faulty.has(task)) return false;
    record.failed.add(task);
    if (record.failed.size < IN_A_ROW || record.untilMs > now) return false;
    record.untilMs = now + Math.min(FIRST_MS * 2 ** record.times, MAX_MS);
    record.times += 1;
    record.why = why;
    record.failed.clear();
    return true;
  }

  delivered(worker: string, task: string): void {
    this.#failedOn.delete(task);
    this.#faulty.delete(task);
    const record = this.#workers.get(worker);
    if (record) Object.assign(record, { failed: new Set(), times: 0 });
  }

  /** The task is over. */
  forget(task: string): void {
    this.#failedOn.delete(task);
    this.#faulty.delete(task);
  }

  /** Why a worker gets nothing now, and for how long yet. */
  benched(worker: string, now: number): { leftMs: number; why: Sentence } | undefined {
    const record = this.#workers.get(worker);
    if (!record || record.untilMs <= now) return undefined;
    return { leftMs: record.untilMs - now, why: record.why };
  }

  failures(worker: string): number {
    return this.#workers.get(worker)?.failed.size ?? 0;
  }

  #blame(task: string): void {
    this.#faulty.add(task);
    for (const { failed } of this.#workers.values()) failed.delete(task);
  }

  #recordOf(worker: string): Record {
    const before = this.#workers.get(worker);
    if (before) return before;
    const record = { failed: new Set<string>(), times: 0, untilMs: 0, why: verbatim('') };
    this.#workers.set(worker, record);
    return record;
  }
}
