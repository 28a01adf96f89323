import { describe, expect, it } from 'vitest';
import { deferred, every, KeyedMutex, orAborted, Semaphore } from '../../src/platform/async.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** A task that runs until it is ended, and notes both. */
function task(log: string[], name: string) {
  const { promise: ended, resolve: end } = deferred();
  return {
    end,
    act: async () => {
      log.push(`${name} begins`);
      await ended;
      log.push(`${name} ends`);
    },
  };
}

async function settle(): Promise<void> {
  for (let n = 0; n < 20; n += 1) await Promise.resolve();
}

type Run = (act: () => Promise<void>, signal?: AbortSignal) => Promise<void>;

describe.each<[string, () => Run]>([
  [
    'a mutex, for one key',
    () => {
      const mutex = new KeyedMutex();
      return (act, signal) => mutex.run('key', act, signal);
    },
  ],
  [
    'a semaphore of one',
    () => {
      const semaphore = new Semaphore(1);
      return (act, signal) => semaphore.run(act, signal);
    },
  ],
])('%s', (_, make) => {
  it('lets them run one after another, in the order they came', async () => {
    const run = make();
    const log: string[] = [];
    const [a, b] = [task(log, 'a'), task(log, 'b')];
    const all = Promise.all([run(a.act), run(b.act)]);
    await settle();
    expect(log).toEqual(['a begins']);
    b.end();
    a.end();
    await all;
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  });

  it('lets a waiter leave at once, and the next one takes the turn', async () => {
    const run = make();
    const log: string[] = [];
    const [a, b, c] = [task(log, 'a'), task(log, 'b'), task(log, 'c')];
    const leaver = new AbortController();
    const first = run(a.act);
    const second = expect(run(b.act, leaver.signal)).rejects.toThrow('left');
    const third = run(c.act);
    leaver.abort(new Error('left'));
    await second;
    expect(log).toEqual(['a begins']);
    c.end();
    a.end();
    await Promise.all([first, third]);
    expect(log).toEqual(['a begins', 'a ends', 'c begins', 'c ends']);
  });

  it('loses no turn to an abort in the moment the turn comes', async () => {
    const run = make();
    const log: string[] = [];
    const [a, b, c] = [task(log, 'a'), task(log, 'b'), task(log, 'c')];
    const leaver = new AbortController();
    const work = a.act();
    const first = run(() => work);
    await settle();
    const second = run(b.act, leaver.signal);
    const third = run(c.act);
    // Runs right after the turn was passed on, and before the next one has begun.
    void work.then(() => leaver.abort(new Error('left')));
    for (const one of [a, b, c]) one.end();
    await Promise.all([first, second, third]);
    expect(log.slice(-2)).toEqual(['c begins', 'c ends']);
  });

  it('passes on after a failure', async () => {
    const run = make();
    await expect(run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    const log: string[] = [];
    const a = task(log, 'a');
    a.end();
    await run(a.act);
    expect(log).toEqual(['a begins', 'a ends']);
  });

  it('does not start for a signal that was aborted before', async () => {
    const log: string[] = [];
    await expect(make()(task(log, 'a').act, AbortSignal.abort(new Error('left')))).rejects.toThrow('left');
    expect(log).toEqual([]);
  });
});

it.each([
  [3, 3],
  [0, 1],
])('a semaphore of %i lets %i run at once', async (count, most) => {
  const semaphore = new Semaphore(count);
  const log: string[] = [];
  const tasks = ['a', 'b', 'c', 'd'].map(name => task(log, name));
  const all = Promise.all(tasks.map(one => semaphore.run(one.act)));
  await settle();
  expect(log).toHaveLength(most);
  for (const one of tasks) one.end();
  await all;
});

it('keys of a mutex do not wait for each other', async () => {
  const mutex = new KeyedMutex();
  const log: string[] = [];
  const [a, b] = [task(log, 'a'), task(log, 'b')];
  const all = Promise.all([mutex.run('one', a.act), mutex.run('two', b.act)]);
  await settle();
  expect(log).toEqual(['a begins', 'b begins']);
  a.end();
  b.end();
  await all;
});

describe('orAborted', () => {
  it('is the promise while nothing aborts', async () => {
    const { signal } = new AbortController();
    await expect(orAborted(Promise.resolve(1), signal)).resolves.toBe(1);
    await expect(orAborted(Promise.reject(new Error('broken')), signal)).rejects.toThrow('broken');
    await expect(orAborted(Promise.resolve(2), undefined)).resolves.toBe(2);
  });

  it('rejects with the reason, however the promise ends later', async () => {
    const controller = new AbortController();
    const work = deferred();
    const waiting = expect(orAborted(work.promise, controller.signal)).rejects.toThrow('left');
    controller.abort(new Error('left'));
    await waiting;
    await expect(orAborted(work.promise, controller.signal)).rejects.toThrow('left');
    work.reject(new Error('seen by nobody'));
    await settle();
  });
});

it('every calls back until it is stopped, also from within', async () => {
  const clock = new FakeClock();
  let calls = 0;
  const stop = every(clock, 1000, () => {
    calls += 1;
    if (calls === 3) stop();
  });
  for (let second = 0; second < 5; second += 1) await clock.advance(1000);
  expect(calls).toBe(3);
});
