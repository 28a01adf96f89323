import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Box } from '../../support/box.ts';
import { footage } from '../../support/footage.ts';

let box: Box | undefined;
afterEach(() => box?.dispose());

/** The program sees its inbox read-only, in a mount namespace of its own. */
const READ_ONLY = 'cd "$HOME" && mount --bind inbox inbox && mount -o remount,ro,bind inbox && exec "$@"';
const canMount = spawnSync('unshare', ['-m', 'true']).status === 0;

// Needs root: elsewhere no program may mount.
it.skipIf(!canMount)('that originals cannot leave their inbox is said by status, doctor and the job', async () => {
  box = new Box({ wrap: ['unshare', '-m', 'sh', '-c', READ_ONLY, 'sh'] });
  mkdirSync(join(box.dir, 'archive'));
  const folder = { inbox: 'inbox', outbox: 'outbox', settle: '300ms', scan: '1s', originals: 'archive' };
  box.configure({ folders: [{ ...folder, archive: 'archive' }] });
  await box.start();
  const original = box.drop(await footage('plain'), 'clip.mp4');
  const job = await box.job('clip.mp4', 'done');
  expect(job.notes.join('\n')).toMatch(/the original stays where it is: .*read-only/);
  expect((await box.status()).folders[0]).toMatchObject({
    available: true,
    reason: expect.stringMatching(/^originals stay in .*inbox, because they cannot be moved: .*read-only/),
  });
  expect((await box.run('status')).stdout).toMatch(/originals stay in .*inbox/);
  expect((await box.run('doctor')).stdout).toMatch(/originals stay in .*inbox/);
  expect(box.logText()).toMatch(/originals stay in .*inbox/);
  expect(existsSync(original)).toBe(true);
  expect(readdirSync(join(box.dir, 'archive'))).toEqual([]);
});
