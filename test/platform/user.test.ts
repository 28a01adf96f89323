import { expect, it } from 'vitest';
import { seesEveryWriter } from '../../src/platform/user.ts';

const FIRST = 'pid:[4026531836]';

// Was: the original of a recording went although its program, outside of the container or root's, had only paused.
it.each([
  ['root', 0, FIRST, '', true],
  ['another user', 1000, FIRST, '', false],
  ['root in a container', 0, 'pid:[4026532177]', '', false],
  ['root beside the NFS server of the kernel', 0, FIRST, '/proc/fs/nfsd/versions', false],
  ['root beside the SMB server of the kernel', 0, FIRST, '/sys/class/ksmbd-control', false],
])('%s sees every program that may write: %s', (_who, uid, namespace, server, sees) => {
  const system = { euid: () => uid, exists: (path: string) => path === server, readlink: () => namespace };
  expect(seesEveryWriter(system)).toBe(sees);
});

it('without /proc nobody sees anything', () => {
  const readlink = (): string => {
    throw new Error('ENOENT');
  };
  expect(seesEveryWriter({ euid: () => 0, exists: () => false, readlink })).toBe(false);
});
