import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Box } from '../../support/box.ts';
import { eventually } from '../../support/eventually.ts';
import { footage } from '../../support/footage.ts';
import { MountNamespace } from '../../support/real-disks.ts';

/** The second image was made on another day. */
const MAKE = `
truncate -s 300M first second && mkfs.ext4 -q -F first && E2FSPROGS_FAKE_TIME=1600000000 mkfs.ext4 -q -F second
mkdir disk && for each in second first; do
  mount -o loop $each disk && mkdir disk/inbox disk/outbox disk/archive && umount disk
done
mount -o loop first disk`;
/** Under the name of another device. */
const FIRST_AGAIN = 'losetup --find --show second >taken && mount -o loop first disk && losetup -d $(cat taken)';
const OTHERS = {
  tmpfs: 'mount -t tmpfs -o size=300M none disk && mkdir disk/inbox disk/outbox disk/archive',
  ext4: 'mount -o loop second disk',
};

// Needs root and mkfs.ext4: elsewhere no program may mount.
const probe = await MountNamespace.open();
await probe?.close('/');

describe.skipIf(!probe)('another file system mounted in place of a disk', () => {
  let mounts: MountNamespace;
  let box: Box;

  beforeEach(async () => {
    mounts = (await MountNamespace.open()) as MountNamespace;
    box = new Box({ wrap: mounts.wrap });
    await mounts.run(box.dir, MAKE);
  });
  afterEach(async () => {
    await box.kill('SIGTERM');
    await mounts.close(box.dir);
    await box.dispose();
  });

  const onDisk = (folder: string) => readdirSync(mounts.real(join(box.dir, 'disk', folder)));
  const remembered = () => readFileSync(join(box.dir, 'state/mounts.json'), 'utf8');
  // Lazily, as if it had been pulled: in a container the folder of the inbox is held open.
  const swap = (script: string) => mounts.run(box.dir, `umount -l disk && ${script}`);
  const configure = (folder: Record<string, unknown>) =>
    box.configure({ folders: [{ inbox: 'inbox', settle: '300ms', scan: '1s', ...folder }] });

  it.each([
    ['tmpfs', 'at the start', 'delete'],
    ['ext4', 'at the start', 'archive'],
    ['tmpfs', 'while shrinkbox runs', 'archive'],
    ['ext4', 'while shrinkbox runs', 'delete'],
  ] as const)('%s %s: nothing is delivered into it, and no original goes (%s)', async (other, when, originals) => {
    configure({ outbox: 'disk/outbox', originals, ...(originals === 'archive' && { archive: 'disk/archive' }) });
    await box.start();
    box.drop(await footage('plain'), 'one.mp4');
    await box.job('one.mp4', 'done');
    expect(onDisk('outbox')).toEqual(['one.mp4']);
    const before = remembered();

    if (when === 'at the start') await box.kill('SIGTERM');
    await swap(OTHERS[other]);
    const two = box.drop(await footage('plain'), 'two.mp4');
    if (when === 'at the start') await box.start();
    const waiting = await box.job('two.mp4', 'waiting');
    expect(waiting.reason).toContain(`another disk is mounted at ${join(box.dir, 'disk')} (${other} `);
    expect(waiting.hint).toContain('restart shrinkbox');
    // The folder is looked at on its own beat: after the job it may take up to a scan to say so.
    await eventually(async () => (await box.status()).folders[0]?.reason?.includes('another disk is mounted'), {
      what: 'the folder to say that another disk is mounted',
    });
    expect((await box.run('doctor')).stdout).toContain('another disk is mounted');
    expect([...onDisk('outbox'), ...onDisk('archive')]).toEqual([]);
    expect(existsSync(two)).toBe(true);
    expect(remembered()).toBe(before);

    await swap(FIRST_AGAIN);
    await box.run('retry', waiting.id);
    await box.job('two.mp4', 'done');
    expect(onDisk('outbox').sort()).toEqual(['one.mp4', 'two.mp4']);
    expect(existsSync(two)).toBe(false);
  });

  it('ext4 below an inbox: its films stay untouched until a person says that it is the right disk', async () => {
    configure({ inbox: 'disk/inbox', outbox: 'outbox', originals: 'delete' });
    await box.start();
    await swap(OTHERS.ext4);
    copyFileSync(await footage('plain'), mounts.real(join(box.dir, 'disk/inbox/two.mp4')));
    const waiting = await box.job('../disk/inbox/two.mp4', 'waiting');
    expect(waiting.reason).toContain('another disk is mounted');
    expect(onDisk('inbox')).toEqual(['two.mp4']);
    expect(readdirSync(join(box.dir, 'outbox'))).toEqual([]);

    await box.kill('SIGTERM');
    rmSync(join(box.dir, 'state/mounts.json'));
    await box.start();
    await box.run('retry', waiting.id);
    await box.job('../disk/inbox/two.mp4', 'done');
    expect(onDisk('inbox')).toEqual([]);
    expect(readdirSync(join(box.dir, 'outbox'))).toEqual(['two.mp4']);
  });

  it('a disk of its own inside the outbox that is away: its folder waits (was: delivered below the mount point, originals deleted)', async () => {
    await mounts.run(box.dir, 'mkdir -p outbox/kim && mount -o loop second outbox/kim');
    configure({ outbox: 'outbox', originals: 'delete' });
    await box.start();
    box.drop(await footage('plain'), 'kim/one.mp4');
    await box.job('kim/one.mp4', 'done');
    const seen = () => readdirSync(mounts.real(join(box.dir, 'outbox/kim'))).filter(name => name.endsWith('.mp4'));
    expect(seen()).toEqual(['one.mp4']);

    await mounts.run(box.dir, 'umount -l outbox/kim');
    const two = box.drop(await footage('plain'), 'kim/two.mp4');
    const waiting = await box.job('kim/two.mp4', 'waiting');
    expect(waiting.reason).toBe(`${join(box.dir, 'outbox/kim')} is not mounted`);
    box.drop(await footage('sixty'), 'robin.mp4');
    await box.job('robin.mp4', 'done');
    expect(seen()).toEqual([]);
    expect(existsSync(two)).toBe(true);

    await mounts.run(box.dir, 'mount -o loop second outbox/kim');
    await box.run('retry', waiting.id);
    await box.job('kim/two.mp4', 'done');
    expect(seen()).toEqual(['one.mp4', 'two.mp4']);
    expect(existsSync(two)).toBe(false);
  });
});
