import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { kindOfType } from '../../src/platform/files/fs-types.ts';
import { mountsReader } from '../../src/platform/files/mounts.ts';
import { FileSystems } from '../../src/inbox/guarded-fs.ts';
import { canMount, hungMount } from './mounting.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'shrinkbox-disk-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** Between the look at a file and its opening somebody may have put something else there. */
describe.each(['local', 'remote'] as const)('a %s disk', which => {
  const disk = () => {
    const disks = new FileSystems(systemClock, 5_000);
    return which === 'local' ? disks.local : disks.for(kindOfType('nfs4'), dir);
  };

  it('opens no link, wherever it leads', async () => {
    await writeFile(join(dir, 'private.mp4'), 'nobody is to see this');
    await symlink('private.mp4', join(dir, 'clip.mp4'));
    await expect(disk().open(dir, ['clip.mp4'])).rejects.toThrow('is a link');
  });

  it('does not wait for the other end of a pipe', async () => {
    const pipe = join(dir, 'clip.mp4');
    execFileSync('mkfifo', [pipe]);
    // Comes in the end, so that waiting for it fails this test instead of stopping all of them.
    const otherEnd = spawn('sh', ['-c', 'sleep 15; touch "$1"; : > "$0"', pipe, join(dir, 'came')]);
    await expect(disk().open(dir, ['clip.mp4'])).rejects.toThrow('is a named pipe');
    expect(existsSync(join(dir, 'came'))).toBe(false);
    otherEnd.kill();
  });

  it('reads what is there', async () => {
    await writeFile(join(dir, 'clip.mp4'), '0123456789');
    const file = await disk().open(dir, ['clip.mp4']);
    expect(String(await file.read(3, 4))).toBe('3456');
    await file.close();
  });
});

/** Whoever has a folder in an inbox may mount something there at any time, and no event says so. */
// Skipped where nobody may mount: it takes root and /dev/fuse.
describe.skipIf(!canMount)(
  'a mount that never answers, made in a folder of a local disk that is watched already',
  () => {
    it.each(['in the folder itself', 'elsewhere, the folder exchanged for a link'])(
      '%s, does not hang the daemon',
      async where => {
        const disks = new FileSystems(systemClock, 300);
        const [folder, point] = [join(dir, 'inbox'), join(dir, where === 'in the folder itself' ? 'inbox' : 'mine')];
        await mkdir(folder);
        if (point !== folder) await mkdir(point);
        expect(await disks.local.list(folder)).toEqual([]);
        const mount = await hungMount(point);
        if (point !== folder) {
          await rmdir(folder);
          await symlink(point, folder);
        }
        await expect(disks.local.lstat([join(folder, 'clip.mp4')])).rejects.toThrow('does not answer');
        await expect(disks.local.list(folder)).rejects.toThrow('does not answer');
        disks.abandon();
        await mount.end();
      },
    );

    it('made after the list of mounts was read, and before the look, does not hang it either', async () => {
      const read = mountsReader();
      const before = read();
      let times = 0;
      const disks = new FileSystems(systemClock, 300, () => (times++ === 0 ? before : read()));
      await mkdir(join(dir, 'folder'));
      const mount = await hungMount(join(dir, 'folder'));
      await expect(disks.local.lstat([join(dir, 'folder')])).rejects.toThrow('does not answer');
      expect(times).toBe(2);
      disks.abandon();
      await mount.end();
    });

    it('that is gone from the list when it is looked for, is not asked', async () => {
      const mounts = mountsReader()();
      const disks = new FileSystems(systemClock, 300, () => mounts);
      await mkdir(join(dir, 'folder'));
      const mount = await hungMount(join(dir, 'folder'));
      await expect(disks.local.stat(join(dir, 'folder'))).rejects.toThrow('does not answer');
      disks.abandon();
      await mount.end();
    });
  },
);
