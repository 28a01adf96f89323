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

it('a worker that was revoked while the daemon was down, or the queue away, loses its user in Redis', async () => {
  const users = new Set(['default', 'sb-c-desk', 'sb-c-attic', 'sb-other-desk']);
  const redis = Object.assign(new EventEmitter(), {
    status: 'connecting',
    async call(command: string, action?: string, ...names: string[]) {
      if (command !== 'ACL') return 'OK';
      if (action === 'SETUSER') users.add(names[0] ?? '');
      if (action === 'DELUSER') for (const name of names) users.delete(name);
      return [...users];
    },
  });
  const desk = new WelcomeDesk({
    ...{ cluster: 'c', access: { url: 'redis://none' }, redis: redis as unknown as Redis, leaseMs: 60_000 },
    ...{ films: () => [], log: silentLogger },
  });
  await desk.keepOnly(new Set(['attic']));
  expect(users).toContain('sb-c-desk');
  redis.status = 'ready';
  redis.emit('ready');
  await desk.keepOnly(new Set(['attic']));
  expect([...users]).toEqual(['default', 'sb-c-attic', 'sb-other-desk']);
  await desk.welcome({ name: 'attic', password: 'one' });
  redis.status = 'connecting';
  await desk.keepOnly(new Set());
  expect(users).toContain('sb-c-attic');
  redis.status = 'ready';
  await desk.keepOnly(new Set());
  expect([...users]).toEqual(['default', 'sb-other-desk']);
});
