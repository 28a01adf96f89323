import { afterEach, beforeEach, expect, it } from 'vitest';
import { Coordinator } from '../../src/fleet/coordinator.ts';
import { NotByFleet } from '../../src/fleet/part.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeDoorbells, FakeJournal, fakePart, FINGERPRINT, helloOf } from '../support/fleet.ts';

const LEASE_MS = 60_000;
let clock: FakeClock;
let coordinator: Coordinator;
let counted: [string, ...unknown[]][];

const leased = (worker: string, part = 0) =>
  coordinator.lease(worker, `film.${part}`, { want: 'h264-a', fingerprint: FINGERPRINT, scratch_free: 1e9 });

beforeEach(() => {
  clock = new FakeClock();
  counted = [];
  const journal = new FakeJournal();
  coordinator = new Coordinator({
    ...{ clusterKey: Buffer.alloc(32), leaseMs: LEASE_MS, clock, log: silentLogger, doorbells: new FakeDoorbells() },
    commit: (job, events) => journal.commit(job, events),
    isActive: () => true,
    meter: {
      joined: worker => counted.push(['joined', worker]),
      leaseLost: (worker, cause) => counted.push(['lost', worker, cause]),
      fenced: () => counted.push(['fenced']),
      rung: times => counted.push(['rung', times]),
      moved: () => {},
      dispatched: ms => counted.push(['dispatched', ms]),
    },
  });
});
afterEach(() => coordinator.stop());

it('what is lost, fails and is fenced is counted, and how long each lease was waited for', async () => {
  const making = coordinator.make(fakePart({ dir: '/none' }, 0).spec, new AbortController().signal);
  for (const name of ['desk', 'attic']) coordinator.hello(name, helloOf());
  await clock.advance(1_000);
  const { n } = await leased('desk');
  await clock.advance(LEASE_MS);
  coordinator.hello('attic', helloOf());
  await coordinator.reconcile();
  expect(() => coordinator.beat({ task: 'film.0', n, worker: 'desk' }, { fraction: 0, fps: 0, step: '' })).toThrow();
  await clock.advance(3_000);
  const second = await leased('attic');
  await coordinator.failed({ task: 'film.0', n: second.n, worker: 'attic' }, { code: 'bad-request', text: 'no order' });
  await expect(making).rejects.toBeInstanceOf(NotByFleet);
  expect(counted.filter(([what]) => what !== 'rung')).toEqual([
    ['joined', 'desk'],
    ['joined', 'attic'],
    ['dispatched', 1_000],
    ['lost', 'desk', 'lost'],
    ['fenced'],
    ['dispatched', 3_000],
    ['lost', 'attic', 'failed'],
  ]);
});

it.each([
  ['rests until tonight', () => coordinator.hello('desk', helloOf({ rests: 'hours' })), 'resting'],
  ['ends after this part', () => coordinator.hello('desk', helloOf({ rests: 'draining' })), 'draining'],
  ['was sent away by a person', () => coordinator.dismiss(new Set(['desk'])), 'benched'],
])('a film with a fallback does not wait for the only worker if it %s', async (_name, happens, state) => {
  coordinator.start([]);
  coordinator.hello('desk', helloOf());
  expect(coordinator.slots()).toBe(1);
  happens();
  expect(coordinator.slots()).toBe(0);
  expect(coordinator.view().workers).toMatchObject([{ name: 'desk', state }]);
  const spec = { ...fakePart({ dir: '/none' }, 0).spec, mayGiveUp: true };
  const making = coordinator.make(spec, new AbortController().signal);
  const ended = expect(making).rejects.toMatchObject({ why: 'absent' });
  for (let heard = 0; heard <= LEASE_MS; heard += 10_000) {
    await clock.advance(10_000);
    happens();
    await coordinator.reconcile();
  }
  await ended;
  expect(coordinator.view().films).toMatchObject([{ job: 'film', of: 12, parts: [{ part: 0, state: 'here' }] }]);
});
