import { expect, test } from 'vitest';
import type { Job } from '../../src/core/job.ts';
import type { PlannedFilm } from '../../src/library/plan/outcome.ts';
import { LibraryRunner } from '../../src/library/runner.ts';
import { silentLogger } from '../../src/platform/log.ts';

/** A library with films of these sizes and an archive with so much room: a film waits that has none, and any other is done at once. */
function library(sizes: readonly number[], room: number, held: readonly number[] = []) {
  const begun: number[] = [];
  const jobs = new Map<number, Job>();
  let isFinished = false;
  let left = room;
  const settle = (bytes: number) => {
    const waits = { state: { name: 'waiting', reason: { code: 'no-space', text: '' } } } as unknown as Job;
    const needsYou = { state: { name: 'held', reason: { code: 'denied', text: '' } } } as unknown as Job;
    if (held.includes(bytes)) return void jobs.set(bytes, needsYou);
    if (bytes > left) return void jobs.set(bytes, waits);
    jobs.delete(bytes);
    left -= bytes;
  };
  const films = sizes.map(bytes => ({ relative: `${bytes}`, bytes, mtimeNs: '1', expected: 1, seconds: 1 }));
  const runner = new LibraryRunner({
    library: '/films',
    films: async () =>
      (async function* () {
        yield* films;
      })(),
    leave: () => {},
    admit: async ({ bytes }: PlannedFilm) => {
      begun.push(bytes);
      settle(bytes);
      return 'admitted';
    },
    unfinished: () => [...jobs.values()],
    isBusyElsewhere: () => false,
    mayBegin: () => true,
    room: async () => left,
    rest: () => {},
    wake: () => {},
    finished: async () => void (isFinished = true),
    log: silentLogger,
  });
  return {
    begun,
    runner,
    isFinished: () => isFinished,
    async look(times: number) {
      for (let n = 0; n < times; n += 1) await runner.look();
    },
    settled(bytes: number) {
      jobs.delete(bytes);
    },
    makeRoom(bytes: number) {
      left += bytes;
      for (const each of jobs.keys()) settle(each);
    },
  };
}

test('small films waited behind one that waits for room in the archive', async () => {
  const { look, begun, isFinished, makeRoom, runner } = library([900, 10, 800, 20, 30], 100);
  await look(10);
  expect(begun).toEqual([900, 10, 20, 30]);
  expect(isFinished()).toBe(false);
  expect(runner.next?.bytes).toBe(800);
  makeRoom(2_000);
  await look(3);
  expect(begun).toEqual([900, 10, 20, 30, 800]);
  expect(isFinished()).toBe(true);
});

test('one film that needed a person stopped the whole library; all others are done, and it ends when that is settled', async () => {
  const { look, begun, isFinished, settled } = library([1, 2, 3, 4], 100, [2]);
  await look(10);
  expect(begun).toEqual([1, 2, 3, 4]);
  expect(isFinished()).toBe(false);
  settled(2);
  await look(1);
  expect(isFinished()).toBe(true);
});

test('what holds ten films may hold all: no more are begun', async () => {
  const sizes = Array.from({ length: 15 }, (_, n) => n);
  const { look, begun, settled } = library(sizes, 1_000, sizes);
  await look(30);
  expect(begun).toHaveLength(10);
  settled(0);
  await look(5);
  expect(begun).toHaveLength(11);
});

test('with room enough, films are done in their order', async () => {
  const { look, begun, isFinished } = library([900, 10, 800], 10_000);
  await look(4);
  expect(begun).toEqual([900, 10, 800]);
  expect(isFinished()).toBe(true);
});
