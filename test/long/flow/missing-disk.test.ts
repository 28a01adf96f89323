import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Box } from '../../support/box.ts';
import { footage } from '../../support/footage.ts';

let box: Box;
afterEach(() => box.dispose());

it('a missing outbox makes jobs wait, and they continue when it is back', async () => {
  box = new Box();
  await box.start();
  await box.post('/api/pause');
  box.drop(await footage('plain'), 'clip.mp4');
  await box.job('clip.mp4', 'queued');
  rmSync(box.outbox, { recursive: true });
  await box.post('/api/resume');
  const waiting = await box.job('clip.mp4', 'waiting');
  expect(waiting.reason).toMatch(/outbox/);
  const said = expect.stringMatching(/outbox is missing/);
  // A look at the folders is used for half a second.
  await expect.poll(async () => (await box.status()).folders[0]).toMatchObject({ available: true, reason: said });
  expect((await box.run('status')).stdout).toMatch(/outbox is missing/);
  mkdirSync(box.outbox);
  // It may have gone on by itself meanwhile.
  await box.run('retry', waiting.id);
  await box.job('clip.mp4', 'done');
  expect(box.outputs()).toEqual(['clip.mp4']);
});

/** The program mounts the disk in a namespace of its own, where the file `plugged-in` says so. */
const canMount = spawnSync('unshare', ['-m', 'true']).status === 0;
const MOUNTING = 'cd "$HOME" && if [ -e plugged-in ]; then mount --bind disk-itself disk; fi && exec "$@"';

// Needs root: elsewhere no program may mount.
describe.skipIf(!canMount)('a disk that is not mounted when shrinkbox starts', () => {
  function boxWithDisk(): Box {
    const made = new Box({ wrap: ['unshare', '-m', 'sh', '-c', MOUNTING, 'sh'] });
    for (const name of ['disk', 'disk-itself']) mkdirSync(join(made.dir, name));
    for (const name of ['outbox', 'archive']) mkdirSync(join(made.dir, 'disk-itself', name));
    return made;
  }
  const plugIn = () => writeFileSync(join(box.dir, 'plugged-in'), '');
  const unplug = () => rmSync(join(box.dir, 'plugged-in'));
  const configure = (originals: 'delete' | 'archive') => {
    const archive = originals === 'archive' ? { archive: 'disk/archive' } : {};
    const folder = { inbox: 'inbox', outbox: 'disk/outbox', settle: '300ms', scan: '1s', originals, ...archive };
    box.configure({ folders: [folder] });
  };

  it.each(['delete', 'archive'] as const)(
    'has nothing put into its empty mount point, and no original goes (%s)',
    async originals => {
      box = boxWithDisk();
      configure(originals);
      plugIn();
      await box.start();
      box.drop(await footage('plain'), 'one.mp4');
      await box.job('one.mp4', 'done');
      await box.kill('SIGTERM');
      expect(readdirSync(join(box.dir, 'disk-itself/outbox'))).toEqual(['one.mp4']);

      unplug();
      await box.start();
      const two = box.drop(await footage('plain'), 'two.mp4');
      const waiting = await box.job('two.mp4', 'waiting');
      expect(waiting.reason).toMatch(/disk\/outbox is not mounted/);
      expect(waiting.hint).toMatch(/^Mount .*\/disk again;/);
      expect((await box.status()).folders[0]?.reason).toMatch(/disk\/outbox is not mounted/);
      expect((await box.run('status')).stdout).toMatch(/disk\/outbox is not mounted/);
      expect((await box.run('doctor')).stdout).toMatch(/disk\/outbox is not mounted/);
      expect(box.logText()).toMatch(/disk\/outbox is not mounted/);
      await box.kill('SIGTERM');
      expect(readdirSync(join(box.dir, 'disk'))).toEqual([]);
      expect(existsSync(two)).toBe(true);

      plugIn();
      await box.start();
      await box.run('retry', waiting.id);
      await box.job('two.mp4', 'done');
      await box.kill('SIGTERM');
      expect(readdirSync(join(box.dir, 'disk-itself/outbox')).sort()).toEqual(['one.mp4', 'two.mp4']);
      expect(existsSync(two)).toBe(false);
    },
  );
});
