/** Leases on parts of a film, as the journal keeps them. */

/** What a worker may be called: a part of file names, of names in its queue, and of what people type. */
export const WORKER_NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

/** A name for the machine that calls itself so: what a worker may not be called is left out. */
export function workerNameFrom(hostname: string): string {
  const named = hostname.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  return named.replace(/^-/, '').slice(0, 32).replace(/-$/, '') || 'worker';
}

/** The right of one worker to make one part. */
export interface LeaseRef {
  /** `<job>.<part>` */
  task: string;
  /** Names what is to be made of it. */
  want: string;
  /** Grows with every lease of the task, and is never given twice: an older holder is recognised by it. */
  n: number;
  worker: string;
}

export interface LeaseEnd extends Pick<LeaseRef, 'task' | 'n' | 'worker'> {
  /** `lost`: not heard of in time. `failed`: it said so. `withdrawn`: nobody wants it any more. */
  how: 'delivered' | 'lost' | 'failed' | 'withdrawn';
}

/** What a job remembers of them. */
export interface Leases {
  /** The highest number given, by task. */
  last: Record<string, number>;
  open: LeaseRef[];
}

export function withLease(before: Leases | undefined, { task, want, n, worker }: LeaseRef): Leases {
  return { last: raised(before, task, n), open: [...othersThan(before, task, n), { task, want, n, worker }] };
}

export function withoutLease(before: Leases | undefined, { task, n }: Pick<LeaseEnd, 'task' | 'n'>): Leases {
  return { last: raised(before, task, n), open: othersThan(before, task, n) };
}

function raised(before: Leases | undefined, task: string, n: number): Leases['last'] {
  return { ...before?.last, [task]: Math.max(before?.last[task] ?? 0, n) };
}

function othersThan(before: Leases | undefined, task: string, n: number): LeaseRef[] {
  return (before?.open ?? []).filter(lease => lease.task !== task || lease.n !== n);
}
