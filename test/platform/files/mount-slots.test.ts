import { expect, it } from 'vitest';
import { isShrinkError } from '../../../src/core/errors.ts';
import { MountGuard } from '../../../src/platform/files/mount-gate.ts';
import { MountSlots, sparedThreads } from '../../../src/platform/files/mount-slots.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const ANSWER_MS = 5_000;

/** Mounts of one server, all asked at once; none answers before it is told to. */
function server(mounts: number, threads: number) {
  const clock = new FakeClock();
  const slots = new MountSlots(threads);
  const gate = (name: string) => new MountGuard(`/mnt/${name}`, clock, ANSWER_MS, slots);
  const answers: (() => void)[] = [];
  const calls = Array.from({ length: mounts }, (_, n) =>
    gate(`nas-${n}`).call(() => new Promise<void>(resolve => answers.push(resolve))),
  );
  return { clock, slots, gate, answers, outcome: Promise.allSettled(calls) };
}

async function hungServer(mounts: number, threads: number) {
  const all = server(mounts, threads);
  await eventually(() => all.answers.length === threads, { what: 'the first mounts to be asked' });
  await all.clock.advance(ANSWER_MS);
  return { ...all, outcome: await all.outcome };
}

// Was: two shares that hung at once stopped the other folders, and more of them the journal.
it('five shares of one server that hang at once hold two threads, and each caller learns of it', async () => {
  const { outcome, answers, clock } = await hungServer(5, 2);
  expect(answers).toHaveLength(2);
  const told = outcome.map(each => (each.status === 'rejected' ? String(each.reason.message) : 'an answer'));
  expect(told.toSorted()).toEqual([
    '/mnt/nas-0 does not answer',
    '/mnt/nas-1 does not answer',
    ...[2, 3, 4].map(n => `/mnt/nas-${n} cannot be asked: other mounts do not answer`),
  ]);
  expect(outcome.every(each => each.status === 'rejected' && isShrinkError(each.reason, 'unavailable'))).toBe(true);
  expect(clock.timers).toBe(0);
});

it('a mount that answers is asked again as soon as one of those that hung is back', async () => {
  const { gate, answers } = await hungServer(3, 2);
  const healthy = gate('healthy');
  await expect(healthy.call(async () => 'a list')).rejects.toThrow('/mnt/healthy cannot be asked');
  answers[0]?.();
  await new Promise(resolve => setImmediate(resolve));
  await expect(healthy.call(async () => 'a list')).resolves.toBe('a list');
});

it('what must be done some time is done once a thread is free, and until then nobody spins', async () => {
  const { gate, answers } = await hungServer(2, 2);
  let closed = 0;
  const closing = gate('healthy').whenBack(async () => void (closed += 1));
  // A loop of promises would never let this turn come.
  await new Promise(resolve => setImmediate(resolve));
  expect(closed).toBe(0);
  answers[1]?.();
  await closing;
  expect(closed).toBe(1);
});

it('who waits for a thread that works for a long time is told so, and leaves its place to others', async () => {
  const { clock, gate } = server(0, 1);
  let copied: () => void = () => {};
  const copy = gate('slow').call(() => new Promise<void>(resolve => (copied = resolve)), undefined, 300_000);
  await new Promise(resolve => setImmediate(resolve));
  const waiting = expect(gate('other').call(async () => 'a list')).rejects.toThrow('/mnt/other cannot be asked');
  await eventually(() => clock.timers === 2, { what: 'the other to wait' });
  await clock.advance(ANSWER_MS);
  await waiting;
  copied();
  await copy;
  await expect(gate('other').call(async () => 'a list')).resolves.toBe('a list');
});

it('a watcher that stops is not held back by waiting for a thread', async () => {
  const { clock, gate } = server(0, 1);
  void gate('slow').call(() => new Promise(() => {}), undefined, 300_000);
  await new Promise(resolve => setImmediate(resolve));
  const other = gate('other');
  const waiting = expect(other.call(async () => 'a list')).rejects.toThrow('does not answer');
  await eventually(() => clock.timers === 2, { what: 'the other to wait' });
  other.abandon();
  await waiting;
  expect(clock.timers).toBe(1);
});

it.each([
  [{}, 2],
  [{ UV_THREADPOOL_SIZE: '16' }, 14],
  [{ UV_THREADPOOL_SIZE: '2' }, 1],
  [{ UV_THREADPOOL_SIZE: 'many' }, 2],
])('the environment %j spares %i threads', (environment, threads) => {
  expect(sparedThreads(environment)).toBe(threads);
});
