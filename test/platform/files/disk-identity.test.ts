import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  describeDisks,
  type DiskIdentity,
  diskIdentity,
  isSameDisk,
  type KeptIdentity,
} from '../../../src/platform/files/disk-identity.ts';
import type { Mount } from '../../../src/platform/files/mounts.ts';

const EXT4 = { type: 'ext4', source: '/dev/sdb1' };
const A = 'b1f0';
const B = 'c2e1';

describe('the same disk', () => {
  it.each<[string, KeptIdentity, DiskIdentity]>([
    ['under another device name', { ...EXT4, uuid: A }, { ...EXT4, source: '/dev/sdc1', uuid: A }],
    ['of which nothing is known', EXT4, { ...EXT4, source: '/dev/sdc1' }],
    ['in a container, which has no udev', { ...EXT4, uuid: A }, EXT4],
    ['with a driver for ext4 instead of ext3', { ...EXT4, type: 'ext3' }, EXT4],
    ['with ntfs3 instead of ntfs-3g', { ...EXT4, type: 'fuseblk' }, { ...EXT4, type: 'ntfs3' }],
    ['in memory', { type: 'tmpfs', source: 'none' }, { type: 'tmpfs', source: 'tmpfs' }],
    ['overlay', { type: 'overlay', source: 'overlay' }, { type: 'overlay', source: 'none' }],
    ['zfs, renamed', { type: 'zfs', source: 'tank/a' }, { type: 'zfs', source: 'tank/b' }],
    ['before the automounter shows it', { type: 'nfs4', source: 'nas:/v' }, { type: 'autofs', source: 'systemd-1' }],
    ['with NFS 3', { type: 'nfs4', source: 'nas:/v/' }, { type: 'nfs', source: 'NAS:/v' }],
    ['with SMB 3', { type: 'cifs', source: '//nas/v' }, { type: 'smb3', source: '\\\\NAS\\v' }],
    [
      'mergerfs with one more branch',
      { type: 'fuse.mergerfs', source: 'a:b' },
      { type: 'fuse.mergerfs', source: 'a:b:c' },
    ],
    ['rclone with other flags', { type: 'fuse.rclone', source: 'g{x1}:v' }, { type: 'fuse.rclone', source: 'g:v' }],
    ['remembered without a type, device renamed', { source: '/dev/sdb1' }, { ...EXT4, source: '/dev/sdc1' }],
    ['remembered without a type, share', { source: 'nas:/v' }, { type: 'nfs4', source: 'nas:/v' }],
  ])('%s', (_, before, now) => expect(isSameDisk(before, now)).toBe(true));
});

describe('another disk', () => {
  it.each<[string, KeptIdentity, DiskIdentity]>([
    ['tmpfs', EXT4, { type: 'tmpfs', source: 'tmpfs' }],
    ['another UUID under the same device name', { ...EXT4, uuid: A }, { ...EXT4, uuid: B }],
    ['made at another time', { ...EXT4, born: '1' }, { ...EXT4, born: '2' }],
    ['another share', { type: 'nfs4', source: 'nas:/v' }, { type: 'nfs4', source: 'nas:/w' }],
    ['another pool', { type: 'fuse.mergerfs', source: 'a:b' }, { type: 'fuse.mergerfs', source: 'c:d' }],
    ['tmpfs, remembered without a type', { source: '/dev/loop2' }, { type: 'tmpfs', source: 'tmpfs' }],
    ['another share, remembered without a type', { source: 'nas:/v' }, { type: 'nfs4', source: 'nas:/w' }],
  ])('%s', (_, before, now) => expect(isSameDisk(before, now)).toBe(false));
});

it('people see what differs', () => {
  const tmpfs = { type: 'tmpfs', source: 'none' };
  expect(describeDisks(EXT4, tmpfs)).toEqual({ before: 'ext4 /dev/sdb1', now: 'tmpfs none' });
  const [first, second] = [
    { ...EXT4, uuid: A },
    { ...EXT4, born: '1600000000000000000' },
  ];
  const said = { before: 'ext4 /dev/sdb1 b1f0', now: 'ext4 /dev/sdb1 2020-09-13T12:26:40.000Z' };
  expect(describeDisks(first, second)).toEqual(said);
});

describe('what is found out about a mount', () => {
  const dir = mkdtempSync(join(tmpdir(), 'shrinkbox-identity-'));
  afterAll(() => rmSync(dir, { recursive: true }));
  const mount: Mount = { point: dir, ...EXT4, device: '8:17', root: '/' };

  it('the UUID that udev wrote down', () => {
    writeFileSync(join(dir, 'b8:17'), 'S:disk/by-uuid/x\nE:ID_FS_UUID=b1f0\nE:ID_FS_UUID_ENC=b1f0\n');
    expect(diskIdentity(mount, dir)).toEqual({ ...EXT4, uuid: A });
  });

  it('the birth time of its root folder, unless a bind mount shows a folder or another mount lies on top', () => {
    mkdirSync(join(dir, 'changes-ctime'));
    const dev = Number(statSync(dir).dev);
    const device = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
    const born = String(statSync(dir, { bigint: true }).birthtimeNs);
    expect(diskIdentity({ ...mount, device }, dir)).toEqual({ ...EXT4, born });
    expect(diskIdentity({ ...mount, device, root: '/sub' }, dir)).toEqual(EXT4);
    expect(diskIdentity({ ...mount, device: '8:18' }, dir)).toEqual(EXT4);
    expect(diskIdentity({ ...mount, device, type: 'tmpfs' }, dir)).toEqual({ ...EXT4, type: 'tmpfs' });
  });
});
