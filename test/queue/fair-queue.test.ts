import fc from 'fast-check';
import PQueue from 'p-queue';
import { expect, it } from 'vitest';
import { FairQueue, type FolderTask } from '../../src/queue/fair-queue.ts';

/** The names of the tasks in the order they get their places, one at a time. */
async function order(tasks: readonly ({ name: string } & FolderTask)[]): Promise<string[]> {
  const done: string[] = [];
  const queue = new PQueue<FairQueue, FolderTask>({ concurrency: 1, autoStart: false, queueClass: FairQueue });
  for (const { name, ...task } of tasks) void queue.add(async () => void done.push(name), task);
  queue.start();
  await queue.onIdle();
  return done;
}

it('gives each folder a turn, whatever the priorities within them', async () => {
  const tasks = [
    { name: 'a1', folder: '/a', priority: -1 },
    { name: 'a2', folder: '/a', priority: -2 },
    { name: 'a3', folder: '/a', priority: -3 },
    { name: 'b1', folder: '/b', priority: -9 },
    { name: 'c1', folder: '/c', priority: -8 },
  ];
  expect(await order(tasks)).toEqual(['a1', 'c1', 'b1', 'a2', 'a3']);
});

it('keeps the order of arrival within a folder, however they came in', async () => {
  const arrivals = fc.uniqueArray(fc.nat(1000), { minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(arrivals, fc.array(fc.nat(3), { minLength: 30, maxLength: 30 }), async (all, folders) => {
      const tasks = all.map((n, i) => ({ name: String(n), folder: `/${folders[i]}`, priority: -n }));
      const given = await order(tasks);
      for (const folder of new Set(tasks.map(task => task.folder))) {
        const own = new Set(tasks.filter(task => task.folder === folder).map(task => task.name));
        const expected = [...own].sort((a, b) => Number(a) - Number(b));
        expect(given.filter(name => own.has(name))).toEqual(expected);
      }
    }),
  );
});

it('never lets a folder wait for more than one task of every other folder', async () => {
  const counts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 2, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(counts, async all => {
      const tasks = all.flatMap((count, folder) =>
        Array.from({ length: count }, (_, n) => ({ name: `${folder}`, folder: `/${folder}`, priority: -n })),
      );
      const given = await order(tasks);
      const shortest = Math.min(...all);
      const firstRounds = given.slice(0, shortest * all.length);
      for (let at = 0; at < firstRounds.length; at += all.length) {
        expect(new Set(firstRounds.slice(at, at + all.length)).size).toBe(all.length);
      }
    }),
  );
});

it('changes the place of a task whose priority changes', () => {
  const queue = new FairQueue();
  const [first, second] = [async () => 1, async () => 2];
  queue.enqueue(first, { folder: '/a', id: 'x', priority: -1 });
  queue.enqueue(second, { folder: '/a', id: 'y', priority: -2 });
  queue.setPriority('y', 5);
  expect(queue.filter({ priority: 5 })).toEqual([second]);
  expect([queue.dequeue(), queue.dequeue(), queue.dequeue()]).toEqual([second, first, undefined]);
});
