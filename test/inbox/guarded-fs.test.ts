import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { kindOfType } from '../../src/platform/files/fs-types.ts';
import { FileSystems } from '../../src/inbox/guarded-fs.ts';

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
