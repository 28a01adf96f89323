import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderMounts } from '../../src/app/folder-mounts.ts';
import { nodeFiles } from '../../src/platform/files/files.ts';
import type { Mount } from '../../src/platform/files/mounts.ts';
import { silentLogger } from '../../src/platform/log.ts';

const ROOT: Mount = { point: '/', type: 'ext4', source: '/dev/sda1', device: '8:1', root: '/' };
let dir: string;
let disk: Mount;
let outbox: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'shrinkbox-mounts-'));
  disk = { point: join(dir, 'disk'), type: 'ext4', source: '/dev/sdb1', device: '8:17', root: '/' };
  outbox = join(disk.point, 'outbox');
  await mkdir(disk.point);
});
afterEach(() => rm(dir, { recursive: true }));

const withMounts = (...mounts: Mount[]) =>
  new FolderMounts({ stateDir: dir, mounts: () => [ROOT, ...mounts], fstab: () => [] });

async function rememberOnDisk(): Promise<void> {
  const before = withMounts(disk);
  before.remember(outbox);
  await before.save([outbox], silentLogger);
}

// Was: taken for the outbox, and an original was deleted for a result on a tmpfs.
it('a disk mounted over a folder in use is not that folder, until the next start', () => {
  const mounts = [ROOT, disk];
  const folders = new FolderMounts({ stateDir: dir, mounts: () => mounts, fstab: () => [] });
  expect(folders.remember(outbox)).toBeUndefined();
  mounts.push({ point: outbox, type: 'tmpfs', source: 'tmpfs', device: '0:50', root: '/' });
  expect(folders.whyAway(outbox)?.message).toContain(`a disk was mounted at ${outbox} (tmpfs tmpfs`);
  expect(folders.remember(outbox)?.code).toBe('unavailable');
  const next = new FolderMounts({ stateDir: dir, mounts: () => mounts, fstab: () => [] });
  expect(next.remember(outbox)).toBeUndefined();
  mounts.pop();
  expect(folders.whyAway(outbox)).toBeUndefined();
});

describe('after a restart', () => {
  it('a folder whose disk is not mounted any more is away, and says what to mount', async () => {
    await rememberOnDisk();
    const why = withMounts().whyAway(outbox);
    expect(why).toMatchObject({ code: 'unavailable', message: `${outbox} is not mounted` });
    expect(why?.hint).toContain(`Mount ${disk.point} again`);
    expect(withMounts(disk).whyAway(outbox)).toBeUndefined();
  });

  it('a disk inside it that is not mounted any more holds back what goes there, and nothing else', async () => {
    const inside = { ...disk, point: join(outbox, 'kim'), source: '/dev/sdc1', device: '8:33' };
    const before = withMounts(disk, inside);
    before.remember(outbox);
    await before.save([outbox], silentLogger);
    const after = withMounts(disk);
    after.remember(outbox);
    expect(after.whyAway(outbox, 'kim/one.mp4')?.message).toBe(`${inside.point} is not mounted`);
    expect(after.whyAway(outbox, 'kim2/one.mp4')).toBeUndefined();
    expect(after.whyAway(outbox)).toBeUndefined();
    expect(withMounts(disk, inside).whyAway(outbox, 'kim/one.mp4')).toBeUndefined();
  });

  // Was: "is not mounted" for ever, for everybody who shared that folder.
  it.each([
    ['a stranger had something on, waits for nobody', 0, undefined],
    ['its owner had something on, waits for it', 4711, `is not mounted`],
  ])('a folder inside it that %s', async (_, owner, why) => {
    const inside = { ...disk, point: join(outbox, 'family'), type: 'fuse', source: '/home/them/src', user: 4711 };
    const before = withMounts(disk, inside);
    before.remember(outbox);
    await before.save([outbox], silentLogger);
    const mounts = () => [ROOT, disk];
    const after = new FolderMounts({ stateDir: dir, mounts, fstab: () => [], ownerOf: () => owner });
    const said = after.whyAway(outbox, 'family/one.mp4')?.message;
    if (why === undefined) expect(said).toBeUndefined();
    else expect(said).toContain(why);
  });

  it('a folder that the mounted disk does not have is not made on it: it may be another disk', async () => {
    await rememberOnDisk();
    const other = { ...disk, source: '/dev/sdc1', device: '8:33' };
    expect(await withMounts(other).whyNotMade(outbox, nodeFiles)).toMatchObject({ code: 'unavailable' });
  });

  it('a folder on the root file system may be made again', async () => {
    const plain = withMounts();
    plain.remember(outbox);
    await plain.save([outbox], silentLogger);
    expect(await withMounts().whyNotMade(outbox, nodeFiles)).toBeUndefined();
  });

  it('a folder mounted onto itself, as systemd does for ReadWritePaths, needs no such mount', async () => {
    const onItself = { ...ROOT, point: outbox, root: outbox };
    const hardened = withMounts(onItself);
    hardened.remember(outbox);
    await hardened.save([outbox], silentLogger);
    expect(withMounts().whyAway(outbox)).toBeUndefined();
  });

  it('a damaged file is like none, and a folder that left the configuration is not kept in it', async () => {
    await writeFile(join(dir, 'mounts.json'), '{"v":1,');
    expect(withMounts().whyAway(outbox)).toBeUndefined();
    await rememberOnDisk();
    const later = withMounts(disk);
    await later.save([], silentLogger);
    expect(JSON.parse(await readFile(join(dir, 'mounts.json'), 'utf8'))).toEqual({ v: 1, folders: {} });
  });
});

describe('a folder never seen before', () => {
  const fresh = (fstab: string[], ...mounts: Mount[]) =>
    new FolderMounts({ mounts: () => [ROOT, ...mounts], fstab: () => fstab });

  it('is away while /etc/fstab mounts something above it that is not there', () => {
    expect(fresh([disk.point]).whyAway(outbox)?.hint).toContain(`Mount ${disk.point}, as /etc/fstab says`);
    expect(fresh([disk.point], disk).whyAway(outbox)).toBeUndefined();
    expect(fresh(['/elsewhere']).whyAway(outbox)).toBeUndefined();
  });

  it('is away while only systemd mounted the empty mount point onto itself', () => {
    expect(fresh([disk.point], { ...ROOT, point: disk.point, root: disk.point }).whyAway(outbox)).toBeDefined();
  });

  it.each(['/mnt/disk', '/media/disk', '/media/me/disk', '/run/media/me/disk'])(
    'is not made while %s is empty and nothing is mounted there',
    async point => {
      const path = join(point, 'outbox');
      const empty = { ...nodeFiles, readdir: async () => [] };
      const full = { ...nodeFiles, readdir: () => nodeFiles.readdir('/') };
      expect(await fresh([]).whyNotMade(path, empty)).toMatchObject({ message: `${path} is not mounted` });
      expect(await fresh([]).whyNotMade(path, full)).toBeUndefined();
      expect(await fresh([], { ...disk, point }).whyNotMade(path, empty)).toBeUndefined();
    },
  );

  it('is made anywhere else, and where nobody knows what is mounted', async () => {
    const empty = { ...nodeFiles, readdir: async () => [] };
    expect(await fresh([]).whyNotMade('/srv/video/outbox', empty)).toBeUndefined();
    const unknown = new FolderMounts({ mounts: () => [], fstab: () => [disk.point] });
    expect(await unknown.whyNotMade('/mnt/disk/outbox', empty)).toBeUndefined();
  });
});
