import { expect, it } from 'vitest';
import { kindOfType } from '../../../src/platform/files/fs-types.ts';

it.each([
  ['ext4', { network: false, polled: false, events: true, honestBlocks: true }],
  ['btrfs', { network: false, polled: false, events: true, honestBlocks: false }],
  ['overlay', { network: false, polled: false, events: true, honestBlocks: false }],
  ['nfs4', { network: true, polled: true, events: false, honestBlocks: false }],
  ['cifs', { network: true, polled: true, events: false, honestBlocks: false }],
  ['fuse.sshfs', { network: true, polled: true, events: false, honestBlocks: false }],
  ['fuse.mergerfs', { network: true, polled: true, events: true, honestBlocks: false }],
  ['fuseblk', { network: true, polled: true, events: true, honestBlocks: false }],
  ['exfat', { network: false, polled: false, events: true, honestBlocks: false }],
  ['somethingnew', { network: false, polled: true, events: true, honestBlocks: false }],
])('%s is known for what it is', (type, expected) => {
  expect(kindOfType(type)).toEqual({ type, ...expected });
});
