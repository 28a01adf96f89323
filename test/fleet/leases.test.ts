import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LeaseEnd, type LeaseRef, type Leases, withLease, withoutLease } from '../../src/core/lease.ts';
import { LeaseTable, type Offer } from '../../src/fleet/leases.ts';

const LEASE_MS = 60_000;
const offerOf = (task: string, want = 'a', more: Partial<Offer> = {}): Offer => ({
  ...{ task, job: task.slice(0, task.indexOf('.')), want, codec: 'h264', needsBytes: 100, frames: 250 },
  ...more,
});
const asking = (task: string, worker: string, want = 'a') => ({
  ...{ task, want, worker, fingerprint: 'h264-f5-164-p1', scratchFree: 1000 },
});

/** Asks and, if it may, takes. */
function lease(table: LeaseTable, task: string, worker: string, now = 0, want = 'a'): LeaseRef {
  const answer = table.ask(asking(task, worker, want));
  if (!answer.ok) throw new Error(answer.why);
  table.grant(answer.lease, now);
  return answer.lease;
}

describe('a lease', () => {
  it('is given to one worker, and its number grows with each', () => {
    const table = new LeaseTable({ leaseMs: LEASE_MS });
    table.offer(offerOf('j.0'), 0);
    expect(lease(table, 'j.0', 'desk').n).toBe(1);
    expect(table.ask(asking('j.0', 'attic'))).toEqual({ ok: false, why: 'held' });
    expect(table.expire(LEASE_MS - 1)).toEqual([]);
    expect(table.expire(LEASE_MS)).toEqual([{ task: 'j.0', n: 1, worker: 'desk', how: 'lost' }]);
    expect(lease(table, 'j.0', 'attic').n).toBe(2);
  });

  it('is renewed by a beat, and lost without one for as long as it lasts', () => {
    const table = new LeaseTable({ leaseMs: LEASE_MS });
    table.offer(offerOf('j.0'), 0);
    const ref = lease(table, 'j.0', 'desk');
    expect(table.beat(ref, { fraction: 0.5, fps: 30, step: 'pass-1' }, 50_000)).toBe('held');
    expect(table.expire(100_000)).toEqual([]);
    expect(table.expire(110_000)).toHaveLength(1);
    expect(table.beat(ref, { fraction: 0.6, fps: 30, step: 'pass-1' }, 110_001)).toBe('lost');
  });

  it('of a zombie delivers nothing, and one that delivered may say so again', () => {
    const table = new LeaseTable({ leaseMs: LEASE_MS });
    table.offer(offerOf('j.0'), 0);
    const zombie = lease(table, 'j.0', 'desk');
    table.expire(LEASE_MS);
    const next = lease(table, 'j.0', 'attic', LEASE_MS);
    expect(table.standing(zombie)).toBe('lost');
    expect(table.deliver(zombie)).toEqual([]);
    expect(table.deliver(next)).toEqual([{ task: 'j.0', n: 2, worker: 'attic', how: 'delivered' }]);
    expect(table.standing(next)).toBe('delivered');
    expect(table.standing({ ...next, worker: 'desk' })).toBe('lost');
    expect(table.ask(asking('j.0', 'desk'))).toEqual({ ok: false, why: 'gone' });
  });

  it('is refused for what is not wanted any more, and whoever has it loses it', () => {
    const table = new LeaseTable({ leaseMs: LEASE_MS });
    table.offer(offerOf('j.0'), 0);
    lease(table, 'j.0', 'desk');
    expect(table.offer(offerOf('j.0', 'b'), 1)).toEqual([{ task: 'j.0', n: 1, worker: 'desk', how: 'withdrawn' }]);
    expect(table.ask(asking('j.0', 'desk', 'a'))).toEqual({ ok: false, why: 'gone' });
    expect(lease(table, 'j.0', 'desk', 1, 'b').n).toBe(2);
  });

  it('needs the right encoder and room on the scratch', () => {
    const table = new LeaseTable({ leaseMs: LEASE_MS });
    table.offer(offerOf('j.0', 'a', { fingerprint: 'h264-f7-165-p1' }), 0);
    expect(table.ask(asking('j.0', 'desk'))).toEqual({ ok: false, why: 'wrong-encoder' });
    table.offer(offerOf('j.1', 'a', { codec: 'av1' }), 0);
    expect(table.ask(asking('j.1', 'desk'))).toEqual({ ok: false, why: 'wrong-encoder' });
    table.offer(offerOf('j.2', 'a', { needsBytes: 1001 }), 0);
    expect(table.ask(asking('j.2', 'desk'))).toEqual({ ok: false, why: 'no-room' });
  });

  it('is not given again to a worker that failed at it', () => {
    const table = new LeaseTable({ leaseMs: LEASE_MS });
    table.offer(offerOf('j.0'), 0);
    const ref = lease(table, 'j.0', 'desk');
    expect(table.fail(ref)).toEqual([{ task: 'j.0', n: 1, worker: 'desk', how: 'failed' }]);
    expect(table.ask(asking('j.0', 'desk'))).toEqual({ ok: false, why: 'held' });
    expect(lease(table, 'j.0', 'attic').n).toBe(2);
    expect(table.failures('j.0')).toBe(1);
  });

  it('of a straggler may be given a second time, and the first result wins', () => {
    const table = new LeaseTable({ leaseMs: LEASE_MS });
    table.offer(offerOf('j.0'), 0);
    const slow = lease(table, 'j.0', 'desk');
    table.allowSecond('j.0');
    expect(table.ask(asking('j.0', 'desk'))).toEqual({ ok: false, why: 'held' });
    const quick = lease(table, 'j.0', 'attic');
    expect(table.ask(asking('j.0', 'cellar'))).toEqual({ ok: false, why: 'held' });
    expect(table.deliver(quick)).toEqual([
      { task: 'j.0', n: 2, worker: 'attic', how: 'delivered' },
      { task: 'j.0', n: 1, worker: 'desk', how: 'withdrawn' },
    ]);
    expect(table.standing(slow)).toBe('lost');
  });

  it('of before a restart is renewed within one lease of grace, and its number is not given again', () => {
    const table = new LeaseTable({ leaseMs: LEASE_MS });
    const before = { task: 'j.0', want: 'a', n: 7, worker: 'desk' };
    table.restore({ last: { 'j.0': 7, 'j.1': 3 }, open: [before] }, 1000);
    expect(table.standing(before)).toBe('waiting');
    table.offer(offerOf('j.0'), 1500);
    table.offer(offerOf('j.1'), 1500);
    expect(table.beat(before, { fraction: 0.9, fps: 30, step: 'pass-1' }, 2000)).toBe('held');
    expect(table.expire(1000 + LEASE_MS)).toEqual([]);
    expect(lease(table, 'j.1', 'attic').n).toBe(4);
  });
});

type Act =
  | { kind: 'offer' | 'withdraw' | 'second' | 'crash'; part: number; want: string }
  | { kind: 'lease' | 'beat' | 'deliver' | 'fail'; part: number; worker: string; back: number }
  | { kind: 'pass'; ms: number };

const part = fc.integer({ min: 0, max: 2 });
const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constantFrom('offer' as const, 'withdraw' as const, 'second' as const, 'crash' as const),
      part,
      want: fc.constantFrom('a', 'b'),
    }),
    fc.record({
      kind: fc.constantFrom('lease' as const, 'beat' as const, 'deliver' as const, 'fail' as const),
      part,
      worker: fc.constantFrom('desk', 'attic', 'cellar'),
      back: fc.integer({ min: 0, max: 3 }),
    }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 40_000 }) }),
  ),
  { maxLength: 60 },
);

it('whatever happens: a number is given once, nobody delivers twice or after losing it, and a crash forgets nothing', () => {
  fc.assert(
    fc.property(acts, happened => {
      let table = new LeaseTable({ leaseMs: LEASE_MS });
      let journal: Leases | undefined;
      let now = 0;
      const given: LeaseRef[] = [];
      const numbers = new Set<string>();
      const wanted = new Map<string, string>();
      const delivered = new Map<string, number>();
      const over = (ends: LeaseEnd[]) => {
        for (const end of ends) journal = withoutLease(journal, end);
      };
      for (const act of happened) {
        if (act.kind === 'pass') {
          now += act.ms;
          over(table.expire(now));
          continue;
        }
        const task = `j.${act.part}`;
        if (act.kind === 'offer') {
          if (wanted.get(task) !== act.want) delivered.delete(task);
          wanted.set(task, act.want);
          over(table.offer(offerOf(task, act.want), now));
        } else if (act.kind === 'withdraw') {
          wanted.delete(task);
          delivered.delete(task);
          over(table.withdraw(task));
        } else if (act.kind === 'second') table.allowSecond(task);
        else if (act.kind === 'crash') {
          table = new LeaseTable({ leaseMs: LEASE_MS });
          if (journal) table.restore(journal, now);
          for (const [of, want] of wanted) over(table.offer(offerOf(of, want), now));
          delivered.clear();
        } else if (act.kind === 'lease') {
          const answer = table.ask(asking(task, act.worker, wanted.get(task) ?? 'a'));
          if (!answer.ok) continue;
          expect(numbers.has(`${task}:${answer.lease.n}`)).toBe(false);
          numbers.add(`${task}:${answer.lease.n}`);
          table.grant(answer.lease, now);
          journal = withLease(journal, answer.lease);
          given.push(answer.lease);
        } else if (act.kind === 'beat' || act.kind === 'deliver' || act.kind === 'fail') {
          const mine = given.filter(ref => ref.task === task && ref.worker === act.worker);
          const ref = mine.at(-1 - act.back);
          if (!ref) continue;
          const standing = table.standing(ref);
          if (act.kind === 'beat') table.beat(ref, { fraction: 0, fps: 0, step: '' }, now);
          else if (act.kind === 'fail') over(table.fail(ref));
          else {
            const ends = table.deliver(ref);
            const isDelivered = ends.some(({ how }) => how === 'delivered');
            expect(isDelivered).toBe(standing === 'held');
            if (isDelivered) {
              expect(ref.want).toBe(wanted.get(task));
              expect(delivered.has(task)).toBe(false);
              delivered.set(task, ref.n);
            }
            over(ends);
          }
        }
        for (const of of ['j.0', 'j.1', 'j.2'])
          expect(table.held().filter(held => held.task === of).length).toBeLessThanOrEqual(2);
        const open = (journal?.open ?? []).map(({ task: of, n }) => `${of}:${n}`).toSorted();
        expect(
          table
            .held()
            .map(({ task: of, n }) => `${of}:${n}`)
            .toSorted(),
        ).toEqual(open);
      }
    }),
    { numRuns: 200 },
  );
});
