import { afterEach, beforeEach, expect, it } from 'vitest';
import { ShrinkError } from '../../src/core/errors.ts';
import { verbatim } from '../../src/core/message.ts';
import { Coordinator } from '../../src/fleet/coordinator.ts';
import { NotByFleet } from '../../src/fleet/part.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeDoorbells, FakeJournal, fakePart, FINGERPRINT, helloOf } from '../support/fleet.ts';

import { microtasks } from '../support/microtasks.ts';

const LEASE_MS = 60_000;
let clock: FakeClock;
let coordinator: Coordinator;
let journal: FakeJournal;
let doorbells: FakeDoorbells;
let counted: [string, ...unknown[]][];

const leased = (worker: string, part = 0) =>
  coordinator.lease(worker, `film.${part}`, { want: 'h264-a', fingerprint: FINGERPRINT, scratch_free: 1e9 });

beforeEach(() => {
  clock = new FakeClock();
  counted = [];
  journal = new FakeJournal();
  doorbells = new FakeDoorbells();
  coordinator = new Coordinator({
    ...{ clusterKey: Buffer.alloc(32), leaseMs: LEASE_MS, clock, log: silentLogger, doorbells },
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

// Was: each part of each pass waited for a lease, 60 seconds by default.
it('of a film for which nobody came, only the first part waits; once somebody is there, the next waits again', async () => {
  coordinator.start([]);
  let given = 0;
  const make = (part: number) =>
    coordinator
      .make({ ...fakePart({ dir: '/none' }, part).spec, mayGiveUp: true }, new AbortController().signal)
      .catch(() => (given += 1));
  const first = make(0);
  await clock.advance(LEASE_MS - 10_000);
  expect(given).toBe(0);
  await clock.advance(20_000);
  await first;
  await make(1);
  expect(given).toBe(2);
  coordinator.hello('desk', helloOf());
  void make(2);
  await coordinator.reconcile();
  await clock.advance(LEASE_MS);
  expect(given).toBe(2);
  await clock.advance(LEASE_MS + 30_000);
  expect(given).toBe(3);
});

it('a part that failed on the only worker with its encoder is given up, whoever else is there', async () => {
  const making = coordinator.make(fakePart({ dir: '/none' }, 0).spec, new AbortController().signal);
  const given = expect(making).rejects.toMatchObject({ why: 'failed' });
  coordinator.hello('desk', helloOf());
  coordinator.hello('attic', helloOf({ encoders: { libx265: '199' } }));
  const { n } = await leased('desk');
  await coordinator.failed({ task: 'film.0', n, worker: 'desk' }, { code: 'crashed', text: 'no reason' });
  await given;
});

it('a part that fits on no scratch is made here, and waits for a worker that is only busy', async () => {
  const inspect = async () => async () => {};
  const part = (at: number) => ({
    ...fakePart({ dir: '/none' }, at).spec,
    ...{ mayGiveUp: true, needsBytes: 5e8, inspect },
  });
  const { signal } = new AbortController();
  const hears = async (free: number, held: { task: string; n: number; worker: string }[] = []) => {
    for (let heard = 0; heard <= LEASE_MS; heard += 10_000) {
      await clock.advance(10_000);
      coordinator.hello('desk', helloOf({ scratch_free: free }));
      for (const lease of held) coordinator.beat(lease, { fraction: 0, fps: 0, step: '' });
      await coordinator.reconcile();
    }
  };
  coordinator.hello('desk', helloOf());
  const first = coordinator.make(part(0), signal);
  const { n } = await leased('desk');
  let second = 'waits';
  const other = coordinator.make(part(1), signal).catch((error: NotByFleet) => {
    second = error.why;
  });
  await hears(4e8, [{ task: 'film.0', n, worker: 'desk' }]);
  expect(second).toBe('waits');
  await coordinator.deliver({ task: 'film.0', n, worker: 'desk' }, null, { path: '/none', bytes: 0, sha256: '' });
  await first;
  await hears(4e8);
  await other;
  expect(second).toBe('absent');
});

it('a result that cannot be put in its place fails the film with the reason, instead of keeping it waiting', async () => {
  const full = new ShrinkError('no-space', verbatim('the disk is full'));
  const inspect = async () => async () => {
    throw full;
  };
  const spec = { ...fakePart({ dir: '/none' }, 0).spec, inspect };
  const making = coordinator.make(spec, new AbortController().signal);
  const failed = expect(making).rejects.toBe(full);
  coordinator.hello('desk', helloOf());
  const { n } = await leased('desk');
  const ref = { task: 'film.0', n, worker: 'desk' };
  const uploaded = { path: '/none', bytes: 0, sha256: '' };
  await expect(coordinator.deliver(ref, null, uploaded)).rejects.toMatchObject({ status: 410 });
  await failed;
});

it('a result that this machine cannot look at is not held against its worker', async () => {
  const killed = new ShrinkError('child-killed', verbatim('ffprobe was killed'));
  const spec = { ...fakePart({ dir: '/none' }, 0).spec, inspect: () => Promise.reject(killed) };
  const making = coordinator.make(spec, new AbortController().signal);
  const failed = expect(making).rejects.toBe(killed);
  coordinator.hello('desk', helloOf());
  const { n } = await leased('desk');
  const uploaded = { path: '/none', bytes: 0, sha256: '' };
  await expect(coordinator.deliver({ task: 'film.0', n, worker: 'desk' }, null, uploaded)).rejects.toMatchObject({
    status: 410,
  });
  await failed;
  expect(coordinator.view().workers).toMatchObject([{ failures: 0 }]);
});

it('a worker whose answer was lost is told that its part counts', async () => {
  const spec = { ...fakePart({ dir: '/none' }, 0).spec, inspect: async () => async () => {} };
  const making = coordinator.make(spec, new AbortController().signal);
  coordinator.hello('desk', helloOf());
  const { n } = await leased('desk');
  const ref = { task: 'film.0', n, worker: 'desk' };
  await coordinator.deliver(ref, null, { path: '/none', bytes: 0, sha256: '' });
  await making;
  await coordinator.reconcile();
  expect(coordinator.heldPart(ref)).toBeUndefined();
  expect(coordinator.beat(ref, { fraction: 1, fps: 0, step: '' })).toMatchObject({ cancel: true });
});

it('a part that is wanted once more after it was delivered is given again', async () => {
  const spec = { ...fakePart({ dir: '/none' }, 0).spec, inspect: async () => async () => {} };
  coordinator.hello('desk', helloOf());
  for (const time of [1, 2]) {
    const making = coordinator.make(spec, new AbortController().signal);
    const { n } = await leased('desk');
    expect(n).toBe(time);
    await coordinator.deliver({ task: 'film.0', n, worker: 'desk' }, null, { path: '/none', bytes: 0, sha256: '' });
    await making;
  }
});

it('a film of which more than ten parts are made at once is taken for no leak', async () => {
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on('warning', warned);
  const stop = new AbortController();
  const making = Array.from({ length: 12 }, (_, n) =>
    coordinator.make(fakePart({ dir: '/none' }, n).spec, stop.signal).catch(() => {}),
  );
  stop.abort(new Error('cancelled'));
  await Promise.all(making);
  process.off('warning', warned);
  expect(warnings).toEqual([]);
});

it('a journal that refuses the end of a lease does not end the process', async () => {
  coordinator.start([]);
  void coordinator.make(fakePart({ dir: '/none' }, 0).spec, new AbortController().signal).catch(() => {});
  coordinator.hello('desk', helloOf());
  await leased('desk');
  journal.commit = () => Promise.reject(new Error('refused'));
  await clock.advance(LEASE_MS + 10_000);
  await expect(coordinator.reconcile()).resolves.toBeUndefined();
});

it('what is asked for in the very moment in which a look is over is looked at as well', async () => {
  for (let turns = 0; turns < 8; turns += 1) {
    let looks = 0;
    let again: Promise<void> | undefined;
    doorbells.ringAll = async () => {
      looks += 1;
      if (looks === 1) again = microtasks(turns).then(() => coordinator.reconcile());
      return 0;
    };
    await coordinator.reconcile();
    await again;
    expect(looks, `${turns} turns later`).toBe(2);
  }
});
