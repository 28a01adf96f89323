import { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { WelcomeDesk } from '../../src/fleet/welcome.ts';
import { silentLogger } from '../../src/platform/log.ts';

it('a worker that was invited once more gets its new password in Redis', async () => {
  const passwords: string[] = [];
  const redis = Object.assign(new EventEmitter(), {
    status: 'ready',
    async call(command: string, ...args: string[]) {
      if (command === 'ACL') passwords.push(args.find(arg => arg.startsWith('>')) ?? '');
    },
  });
  const desk = new WelcomeDesk({
    ...{ cluster: 'c', access: { url: 'redis://none' }, redis: redis as unknown as Redis, leaseMs: 60_000 },
    ...{ films: () => [], log: silentLogger },
  });
  for (const password of ['one', 'one', 'two']) await desk.welcome({ name: 'desk', password });
  expect(passwords).toEqual(['>one', '>two']);
});
