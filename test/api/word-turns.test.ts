import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { WordTurns } from '../../src/api/word-turns.ts';

// Was: each came right after the one before, and /healthz after all of them.
it('thirty readings of long words kept everybody else waiting; others have as much time between them', async () => {
  const turns = new WordTurns();
  const happened: string[] = [];
  const read = (words: string) => () => {
    const since = performance.now();
    while (performance.now() - since < 40);
    happened.push(words);
  };
  const readings = Promise.all(['a', 'b', 'c'].map(words => turns.take(read(words))));
  let isOver = false;
  void readings.finally(() => (isOver = true));
  while (!isOver) {
    await setImmediate();
    happened.push('-');
  }
  // A turn of the loop accepts one connection.
  expect(happened.join('')).toMatch(/a-{10,}b-{10,}c/);
});

it('refuses more than sixteen at a time, and takes others after them', async () => {
  const turns = new WordTurns();
  const under = Array.from({ length: 16 }, () => turns.take(() => 'read'));
  await expect(turns.take(() => 'read')).rejects.toMatchObject({ code: 'unavailable', hint: 'Try again in a moment.' });
  await Promise.all(under);
  expect(await turns.take(() => 'read')).toBe('read');
});

it('reads nothing for somebody who is gone', async () => {
  const turns = new WordTurns();
  const gone = new AbortController();
  const read: string[] = [];
  const first = turns.take(() => gone.abort(new Error('gone')));
  await expect(turns.take(() => read.push('words'), gone.signal)).rejects.toThrow('gone');
  await first;
  expect(read).toEqual([]);
});
