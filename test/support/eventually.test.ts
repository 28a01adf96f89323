import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { eventually } from './eventually.ts';

// Was: a daemon that was dead as asked was waited for in vain for four minutes, once in a hundred kills (its journal is long to read).
it('checks that take longer than their interval do not hide the end of a child', async () => {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 500)']);
  let hasEnded = false;
  child.once('exit', () => (hasEnded = true));
  let looks = 0;
  const look = () => {
    const until = performance.now() + 60;
    while (performance.now() < until);
    looks += 1;
    return hasEnded;
  };
  const wait = () => eventually(look, { withinMs: 20_000, what: 'the end of the child to be heard' });
  await Promise.all([wait(), wait()]);
  expect(looks).toBeGreaterThan(1);
});
