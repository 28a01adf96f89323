import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { deliver } from '../../src/deliver/deliver.ts';
import { checkRoot, identityOf, isSameFolder } from '../../src/deliver/output-folder.ts';
import { restoreOriginal } from '../../src/deliver/archive.ts';
import { disposeOriginal } from '../../src/deliver/originals.ts';
import { type Files, nodeFiles, pinOf } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { aVerified, deliveryFixture, pattern, read } from '../support/delivery.ts';
import { FailingFiles } from '../support/failing-files.ts';
import { type PrivateMounts, privateMounts } from '../support/private-mounts.ts';

/** Real small disks and bind mounts where the machine allows them; the same errors made to happen where it does not. */

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const act of cleanUp.splice(0).reverse()) await act();
});

async function mounts(bytes: number, script: string): Promise<PrivateMounts | undefined> {
  const mounted = await privateMounts(bytes, script);
  if (mounted) cleanUp.push(() => mounted.close());
  return mounted;
}

describe('a full disk', () => {
  /** Half a megabyte. */
  async function smallDisk(): Promise<{ outbox: string; files: Files }> {
    const mounted = await mounts(500_000, 'mkdir outbox');
    if (mounted) return { outbox: join(mounted.root, 'outbox'), files: nodeFiles };
    const fixture = deliveryFixture();
    cleanUp.push(() => fixture.close());
    const files = new FailingFiles().fail('write', 'ENOSPC');
    files.statfs = async () => ({ type: 0, bsize: 1000, blocks: 500, bfree: 500, bavail: 500, files: 0, ffree: 0 });
    return { outbox: fixture.outbox, files };
  }

  test('mid-copy: the temporary file goes, and the message says how much is missing', async () => {
    const fixture = deliveryFixture({ bytes: 2_500_000 });
    cleanUp.push(() => fixture.close());
    const { outbox, files } = await smallDisk();
    const attempt = deliver(fixture.verified, fixture.options({ outbox, files }));
    await expect(attempt).rejects.toMatchObject({
      code: 'no-space',
      subject: outbox,
      message: expect.stringMatching(/is full: the result needs 2\.50 MB, 2\.0\d? MB more than is free/),
    });
    expect(readdirSync(outbox)).toEqual([]);
    expect(read(fixture.candidate).equals(fixture.content)).toBe(true);
  });

  test('with room made later the same job is delivered', async () => {
    const fixture = deliveryFixture({ bytes: 300_000 });
    cleanUp.push(() => fixture.close());
    const { outbox, files } = await smallDisk();
    writeFileSync(join(outbox, 'filler'), Buffer.alloc(300_000));
    await expect(deliver(fixture.verified, fixture.options({ outbox, files }))).rejects.toMatchObject({
      code: 'no-space',
    });
    rmSync(join(outbox, 'filler'));
    expect((await deliver(fixture.verified, fixture.options({ outbox, files }))).bytes).toBe(300_000);
    expect(readdirSync(outbox)).toEqual(['clip.mp4']);
  });
});

describe('an archive on another mount', () => {
  /** Bind mounts of one file system: equal device numbers, and still EXDEV. */
  async function twoMounts(): Promise<{ inbox: string; archive: string; files: FailingFiles }> {
    const script = 'mkdir inbox archive && mount --bind inbox inbox && mount --bind archive archive';
    const mounted = await mounts(4_000_000, script);
    if (mounted) {
      const [inbox, archive] = [join(mounted.root, 'inbox'), join(mounted.root, 'archive')];
      expect(statSync(inbox).dev).toBe(statSync(archive).dev);
      return { inbox, archive, files: new FailingFiles() };
    }
    const fixture = deliveryFixture();
    cleanUp.push(() => fixture.close());
    mkdirSync(join(fixture.root, 'archive'));
    const files = new FailingFiles().fail('link', 'EXDEV');
    return { inbox: join(fixture.root, 'inbox'), archive: join(fixture.root, 'archive'), files };
  }

  test('takes a verified copy, with date and mode, and only then gives the original up; and back again', async () => {
    const { inbox, archive, files } = await twoMounts();
    const content = pattern(1_200_000, 'original');
    mkdirSync(join(inbox, 'trip'));
    const path = join(inbox, 'trip/clip.mov');
    writeFileSync(path, content, { mode: 0o640 });
    const common = { job: 'job1', relative: 'trip/clip.mov', files, log: silentLogger };
    const pin = await pinOf(path);
    const beforeMove = async (to: string) => {
      expect(existsSync(to)).toBe(false);
    };
    const disposal = await disposeOriginal({
      ...common,
      inbox,
      pin,
      policy: 'archive',
      archiveDir: archive,
      beforeMove,
    });
    const archived = join(archive, 'trip/clip.mov');
    expect(disposal).toEqual({ kind: 'archived', to: archived });
    expect(readdirSync(join(inbox, 'trip'))).toEqual([]);
    expect(read(archived).equals(content)).toBe(true);
    expect(statSync(archived).mode & 0o777).toBe(0o640);
    expect(Math.abs(statSync(archived).mtimeMs - Number(BigInt(pin.mtimeNs)) / 1e6)).toBeLessThan(1);
    expect(orderOf(files)).toEqual([
      'sync archive file',
      'link archive',
      'sync archive',
      'unlink original',
      'sync archive',
      'sync inbox',
    ]);

    const isOriginal = async () => true;
    const back = await restoreOriginal({ ...common, archived, inbox, sizeBytes: content.length, isOriginal });
    expect(back).toBe(join(inbox, 'trip/clip.mov'));
    expect(read(back).equals(content)).toBe(true);
    expect(existsSync(archived)).toBe(false);
  });

  test('leaves no copy there when the inbox turns out to be read-only', async () => {
    const { inbox, archive, files } = await twoMounts();
    const path = join(inbox, 'clip.mov');
    writeFileSync(path, 'a film');
    files.fail('unlink', 'EROFS', { on: 'inbox/clip.mov', forever: true });
    const disposal = disposeOriginal({
      ...{ job: 'job1', relative: 'clip.mov', inbox, pin: await pinOf(path), policy: 'archive', archiveDir: archive },
      beforeMove: async () => {},
      files,
      log: silentLogger,
    });
    await expect(disposal).rejects.toMatchObject({ code: 'denied' });
    expect(readdirSync(archive)).toEqual([]);
    expect(readdirSync(inbox)).toEqual(['clip.mov']);
  });

  test('waits where the disk of the archive can only be read (was given up for good, and the inbox named)', async ({
    skip,
  }) => {
    const script = 'mkdir inbox archive && mount --bind archive archive && mount -o remount,ro,bind archive';
    const mounted = await mounts(1_000_000, script);
    if (!mounted) return skip('this machine lets nobody mount anything');
    const [inbox, archive] = [join(mounted.root, 'inbox'), join(mounted.root, 'archive')];
    const path = join(inbox, 'clip.mov');
    writeFileSync(path, 'a film');
    const disposal = disposeOriginal({
      ...{ job: 'job1', relative: 'clip.mov', inbox, pin: await pinOf(path), policy: 'archive', archiveDir: archive },
      beforeMove: async () => {},
      files: nodeFiles,
      log: silentLogger,
    });
    await expect(disposal).rejects.toMatchObject({
      code: 'unavailable',
      message: `${path} cannot be archived: the disk of ${archive} can only be read (EROFS)`,
    });
    expect(readdirSync(inbox)).toEqual(['clip.mov']);
  });

  /** What happened from the copy on. */
  function orderOf(files: FailingFiles): string[] {
    const copied = files.calls.findLastIndex(call => call.operation === 'write');
    return files.calls.slice(copied).flatMap(({ operation, path }) => {
      if (operation === 'sync' && path.endsWith('.part')) return ['sync archive file'];
      if (operation === 'link' && path.endsWith('trip/clip.mov')) return ['link archive'];
      if (operation === 'sync folder' && path.endsWith('archive/trip')) return ['sync archive'];
      if (operation === 'unlink' && path.endsWith('inbox/trip/clip.mov')) return ['unlink original'];
      return operation === 'sync folder' && path.endsWith('inbox/trip') ? ['sync inbox'] : [];
    });
  }
});

test('an outbox that was unmounted while the daemon ran gets nothing in its mount point; mounted again it does', async () => {
  const mounted = await mounts(
    4_000_000,
    'mkdir outbox && mount -t tmpfs none outbox && mkdir -p hidden && mount --bind . hidden',
  );
  const fixture = deliveryFixture();
  cleanUp.push(() => fixture.close());
  if (mounted) {
    const outbox = join(mounted.root, 'outbox');
    const identity = await identityOf(outbox, nodeFiles);
    expect(identity.under).toBe(String(statSync(mounted.root).dev));
    // What is there when the mount is gone: the same path without it, seen through the bind mount.
    const emptyMountPoint = join(mounted.root, 'hidden/outbox');
    await expect(checkRoot({ path: emptyMountPoint, identity }, nodeFiles)).rejects.toMatchObject({
      code: 'unavailable',
    });
    const options = fixture.options({ outbox: emptyMountPoint, outboxIdentity: identity, relative: 'a/clip.mp4' });
    await expect(deliver(aVerified(fixture.candidate, fixture.content), options)).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(readdirSync(emptyMountPoint)).toEqual([]);
    await deliver(fixture.verified, fixture.options({ outbox, outboxIdentity: identity }));
    expect(readdirSync(outbox)).toEqual(['clip.mp4']);
  }
  const recorded = { dev: '41', ino: '2', under: '7' };
  expect(isSameFolder(recorded, { dev: '41', ino: '2' })).toBe(true);
  expect(isSameFolder(recorded, { dev: '52', ino: '2' })).toBe(true);
  expect(isSameFolder(recorded, { dev: '7', ino: '2' })).toBe(false);
  expect(isSameFolder(recorded, { dev: '41', ino: '3' })).toBe(false);
  expect(isSameFolder({ dev: '7', ino: '2' }, { dev: '41', ino: '2' })).toBe(false);
});
