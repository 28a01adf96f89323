/**
 * Who may work on what: every task that is wanted and every lease given, with the numbers that fence off whoever lost one. A state
 * machine without clock, disk or network: it is told the monotonic time, and says what to write into the journal before it is so.
 *
 * queued ──lease──► leased ──deliver──► delivered
 *   ▲                 │ lost, failed        │ withdraw (not wanted any more)
 *   └─────────────────┘                     ▼ gone, but for the answer to its repeat
 */
import type { LeaseEnd, LeaseRef, Leases } from '../core/lease.ts';

/** A part that somebody wants made. */
export interface Offer {
  task: string;
  job: string;
  /** Names what is wanted: another quality or size of the same part has another. */
  want: string;
  codec: string;
  /** Once a part of the film was made: only who makes the same may make the rest. */
  fingerprint?: string | undefined;
  /** Who has what the first pass left behind; asked alone for a while. */
  preferred?: string | undefined;
  /** Bytes of scratch the worker needs. */
  needsBytes: number;
  frames: number;
}

export interface Held extends LeaseRef {
  /** Monotonic ms: given, and last heard of. */
  sinceMs: number;
  beatMs: number;
  fraction: number;
  fps: number;
  step: string;
}

interface Entry {
  /** Absent after a restart, until the job has begun again. */
  offer: Offer | undefined;
  offeredMs: number;
  leases: Held[];
  delivered: LeaseRef | undefined;
  /** It may be leased although somebody has it: a straggler. */
  second: boolean;
  /** Workers on which it failed. */
  failedOn: Set<string>;
}

export interface Asking {
  task: string;
  want: string;
  worker: string;
  fingerprint: string;
  scratchFree: number;
}

export type Refusal = 'gone' | 'held' | 'wrong-encoder' | 'no-room';
export type Answer = { ok: true; lease: LeaseRef } | { ok: false; why: Refusal };

/** Where a lease number stands. `waiting`: of before a restart, whose job has not begun again. */
export type Standing = 'held' | 'waiting' | 'delivered' | 'lost';

export class LeaseTable {
  readonly #entries = new Map<string, Entry>();
  /** The highest number given for each task; they only grow, whatever becomes of the entry. */
  readonly #last = new Map<string, number>();
  readonly #leaseMs: number;

  constructor({ leaseMs }: { leaseMs: number }) {
    this.#leaseMs = leaseMs;
  }

  /** What the journal says was given before a restart: each may still be renewed for one lease from now. */
  restore({ last, open }: Leases, now: number): void {
    for (const [task, n] of Object.entries(last)) this.#last.set(task, Math.max(n, this.#last.get(task) ?? 0));
    for (const ref of open) {
      const entry = this.#entryOf(ref.task, now);
      if (!entry.leases.some(one => one.n === ref.n)) entry.leases.push(heldFrom(ref, now));
    }
  }

  /** Wants a part. Leases about something else of the same part are over: they are returned, to be journaled. */
  offer(offer: Offer, now: number): LeaseEnd[] {
    const entry = this.#entryOf(offer.task, now);
    const ended = entry.leases.filter(lease => lease.want !== offer.want);
    const isNew = entry.offer?.want !== offer.want;
    Object.assign(entry, { offer, offeredMs: now, leases: entry.leases.filter(lease => lease.want === offer.want) });
    if (isNew) Object.assign(entry, { delivered: undefined, second: false, failedOn: new Set() });
    return ended.map(ref => endOf(ref, 'withdrawn'));
  }

  /** Nobody wants it any more. Whoever delivered it and did not hear the answer may still ask. */
  withdraw(task: string): LeaseEnd[] {
    const entry = this.#entries.get(task);
    if (!entry) return [];
    const ended = entry.leases.map(ref => endOf(ref, 'withdrawn'));
    if (entry.delivered) Object.assign(entry, { offer: undefined, leases: [] });
    else this.#entries.delete(task);
    return ended;
  }

  /** The lease that would be given; it is, once `grant` was called with it, which must follow in the same turn. */
  ask(asking: Asking): Answer {
    const entry = this.#entries.get(asking.task);
    const offer = entry?.offer;
    if (!entry || !offer || offer.want !== asking.want || entry.delivered) return { ok: false, why: 'gone' };
    const isOurs = entry.leases.some(lease => lease.worker === asking.worker);
    const isFull = entry.leases.length > (entry.second ? 1 : 0);
    if (isFull || isOurs || entry.failedOn.has(asking.worker)) return { ok: false, why: 'held' };
    if (!asking.fingerprint.startsWith(`${offer.codec}-`)) return { ok: false, why: 'wrong-encoder' };
    if (offer.fingerprint !== undefined && offer.fingerprint !== asking.fingerprint)
      return { ok: false, why: 'wrong-encoder' };
    if (asking.scratchFree < offer.needsBytes) return { ok: false, why: 'no-room' };
    const n = this.#next(asking.task);
    return { ok: true, lease: { task: asking.task, want: asking.want, n, worker: asking.worker } };
  }

  grant(lease: LeaseRef, now: number): void {
    const entry = this.#entries.get(lease.task);
    if (!entry?.offer) throw new Error(`lease ${lease.n} of ${lease.task} was not asked for`);
    if (lease.n < this.#next(lease.task)) throw new Error(`lease ${lease.n} was given before`);
    this.#last.set(lease.task, lease.n);
    entry.leases.push(heldFrom(lease, now));
  }

  /** Takes back what was granted, where the journal refused it. */
  revoke({ task, n }: Pick<LeaseRef, 'task' | 'n'>): void {
    const entry = this.#entries.get(task);
    if (entry) entry.leases = entry.leases.filter(lease => lease.n !== n);
  }

  standing({ task, n, worker }: Pick<LeaseRef, 'task' | 'n' | 'worker'>): Standing {
    const entry = this.#entries.get(task);
    if (entry?.delivered?.n === n && entry.delivered.worker === worker) return 'delivered';
    const lease = entry?.leases.find(one => one.n === n && one.worker === worker);
    if (!entry || !lease) return 'lost';
    return entry.offer ? 'held' : 'waiting';
  }

  beat(
    ref: Pick<LeaseRef, 'task' | 'n' | 'worker'>,
    news: Pick<Held, 'fraction' | 'fps' | 'step'>,
    now: number,
  ): Standing {
    const standing = this.standing(ref);
    const lease = this.#entries.get(ref.task)?.leases.find(one => one.n === ref.n);
    if (lease && standing !== 'lost') Object.assign(lease, news, { beatMs: now });
    return standing;
  }

  /** The first valid result wins; the leases of others on the same part are over. Must follow a `standing` of `held`. */
  deliver(ref: Pick<LeaseRef, 'task' | 'n' | 'worker'>): LeaseEnd[] {
    const entry = this.#entries.get(ref.task);
    const lease = entry?.leases.find(one => one.n === ref.n && one.worker === ref.worker);
    if (!entry || !lease || entry.delivered) return [];
    const others = entry.leases.filter(one => one !== lease);
    const { task, want, n, worker } = lease;
    Object.assign(entry, { delivered: { task, want, n, worker }, leases: [] });
    return [endOf(lease, 'delivered'), ...others.map(one => endOf(one, 'withdrawn'))];
  }

  fail({ task, n, worker }: Pick<LeaseRef, 'task' | 'n' | 'worker'>): LeaseEnd[] {
    const entry = this.#entries.get(task);
    const lease = entry?.leases.find(one => one.n === n && one.worker === worker);
    if (!entry || !lease) return [];
    entry.leases = entry.leases.filter(one => one !== lease);
    entry.failedOn.add(worker);
    return [endOf(lease, 'failed')];
  }

  /** Every lease of a worker: it left, or was sent away. */
  takeBack(worker: string): LeaseEnd[] {
    return this.#remove(lease => lease.worker === worker, 'lost');
  }

  /** Leases whose holder was not heard of for too long. */
  expire(now: number): LeaseEnd[] {
    return this.#remove(lease => now - lease.beatMs >= this.#leaseMs, 'lost');
  }

  allowSecond(task: string): void {
    const entry = this.#entries.get(task);
    if (entry) entry.second = true;
  }

  /** How many workers it failed on. */
  failures(task: string): number {
    return this.#entries.get(task)?.failedOn.size ?? 0;
  }

  hasFailedOn(task: string, worker: string): boolean {
    return this.#entries.get(task)?.failedOn.has(worker) ?? false;
  }

  lease({ task, n }: Pick<LeaseRef, 'task' | 'n'>): Held | undefined {
    return this.#entries.get(task)?.leases.find(one => one.n === n);
  }

  isHeld(task: string): boolean {
    return (this.#entries.get(task)?.leases.length ?? 0) > 0;
  }

  held(): Held[] {
    return [...this.#entries.values()].flatMap(({ leases }) => leases);
  }

  /** Parts nobody works on, or of which a second copy is wanted, with the number their next lease will have. */
  queued(): { offer: Offer; n: number; offeredMs: number }[] {
    return [...this.#entries.values()].flatMap(({ offer, offeredMs, leases, delivered, second }) => {
      if (!offer || delivered || leases.length > (second ? 1 : 0)) return [];
      return { offer, n: this.#next(offer.task), offeredMs };
    });
  }

  /** Everything of a job that will never be worked on again. */
  forget(job: string): void {
    const prefix = `${job}.`;
    for (const task of [...this.#last.keys(), ...this.#entries.keys()]) {
      if (!task.startsWith(prefix)) continue;
      this.#last.delete(task);
      this.#entries.delete(task);
    }
  }

  #next(task: string): number {
    return (this.#last.get(task) ?? 0) + 1;
  }

  #remove(which: (lease: Held) => boolean, how: LeaseEnd['how']): LeaseEnd[] {
    const ended: LeaseEnd[] = [];
    for (const [task, entry] of this.#entries) {
      ended.push(...entry.leases.filter(which).map(lease => endOf(lease, how)));
      entry.leases = entry.leases.filter(lease => !which(lease));
      if (!entry.offer && !entry.delivered && entry.leases.length === 0) this.#entries.delete(task);
    }
    return ended;
  }

  #entryOf(task: string, now: number): Entry {
    let entry = this.#entries.get(task);
    if (!entry) {
      entry = {
        ...{ offer: undefined, offeredMs: now, leases: [], delivered: undefined },
        ...{ second: false, failedOn: new Set<string>() },
      };
      this.#entries.set(task, entry);
    }
    return entry;
  }
}

function heldFrom({ task, want, n, worker }: LeaseRef, now: number): Held {
  return { task, want, n, worker, sinceMs: now, beatMs: now, fraction: 0, fps: 0, step: '' };
}

function endOf({ task, n, worker }: LeaseRef, how: LeaseEnd['how']): LeaseEnd {
  return { task, n, worker, how };
}
