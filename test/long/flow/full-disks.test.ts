import { mkdirSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Box } from '../../support/box.ts';
import { eventually } from '../../support/eventually.ts';
import { footage } from '../../support/footage.ts';
import { MountNamespace } from '../../support/real-disks.ts';

/** As the daemon sees it, from the folder that `Box` takes for the inbox. */
const CLIP = '../disk/inbox/clip.mp4';

/** Absent where this machine lets nobody mount. */
const probe = await MountNamespace.open();
await probe?.close('/');

describe.skipIf(!probe)('a small disk with everything on it', () => {
  let mounts: MountNamespace;
  let box: Box;
  let disk: string;
  afterEach(async () => {
    await box.kill('SIGTERM');
    await mounts.close(box.dir);
    await box.dispose();
  });

  async function boxOn(options: string): Promise<void> {
    mounts = (await MountNamespace.open()) as MountNamespace;
    box = new Box({ wrap: mounts.wrap });
    mkdirSync(join(box.dir, 'disk'));
    await mounts.run(box.dir, `mount -t tmpfs -o ${options} none disk && mkdir -m 777 disk/inbox disk/outbox`);
    const folder = { inbox: 'disk/inbox', outbox: 'disk/outbox', settle: '300ms', scan: '1s' };
    box.configure({ state_dir: 'disk/state', folders: [folder] });
    disk = mounts.real(join(box.dir, 'disk'));
    rmdirSync(box.inbox);
    for (const [name, path] of Object.entries({ inbox: box.inbox, state: box.state }))
      symlinkSync(join(disk, name), path);
  }

  /** Until nothing more fits; returns what takes it away again. */
  function fill(write: (path: string) => void): () => void {
    const dir = join(disk, 'filling');
    mkdirSync(dir);
    for (let n = 0; ; n += 1) {
      try {
        write(join(dir, String(n)));
      } catch {
        return () => rmSync(dir, { recursive: true });
      }
    }
  }

  it('that has no room for more files says so, and not that bytes are missing; then it goes on', async () => {
    await boxOn('size=64m,nr_inodes=300');
    await box.start();
    await box.post('/api/pause');
    box.drop(await footage('plain'), 'clip.mp4');
    await box.job(CLIP, 'queued');
    const free = fill(path => writeFileSync(path, ''));
    await box.post('/api/resume');
    const waiting = await box.job(CLIP, 'waiting');
    expect(waiting.reason).toMatch(/has no room for more files, though it may have free bytes/);
    expect(waiting.hint).toMatch(/"df -i" shows how many fit/);
    free();
    await box.run('retry', waiting.id);
    await box.job(CLIP, 'done');
  });

  // Was: it ended, and so did each start that followed, until systemd tried no more.
  it('that is full when shrinkbox starts is waited for', async () => {
    await boxOn('size=64m');
    const free = fill(path => writeFileSync(path, Buffer.alloc(2 ** 20)));
    const started = box.start();
    await eventually(() => box.logText().includes('shrinkbox starts as soon as there is room'));
    free();
    await started;
    box.drop(await footage('plain'), 'clip.mp4');
    await box.job(CLIP, 'done');
  });
});
