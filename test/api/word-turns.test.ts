import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { WordTurns } from '../../src/api/word-turns.ts';

it('thirty readings of long words kept everybody else waiting; others come between two of them', async () => {
  const turns = new WordTurns();
  const happened: string[] = [];
  const readings = ['a', 'b', 'c'].map(words => turns.take(() => happened.push(words)));
  const others = async () => {
    for (let i = 0; i < 8; i += 1) {
      await setImmediate();
      happened.push('-');
    }
  };
  await Promise.all([others(), ...readings]);
  expect(happened.join('')).toMatch(/a-+b-+c/);
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
