import { copyFileSync, mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Box } from '../../support/box.ts';
import { footage } from '../../support/footage.ts';

it('a film in one folder is not kept waiting by others in another (was: it was the last to get the only slot)', async () => {
  const box = new Box();
  onTestFinished(() => box.dispose());
  const quiet = join(box.dir, 'quiet');
  mkdirSync(quiet);
  const folder = { settle: '300ms', scan: '1s' };
  box.configure({
    // They fit already, so that each takes a moment.
    rules: [{ name: 'fits', size: '1GB' }],
    folders: [
      { ...folder, inbox: 'inbox', outbox: 'outbox' },
      { ...folder, inbox: 'quiet', outbox: 'outbox-quiet' },
    ],
  });
  await box.start();
  await box.post('/api/pause');
  const plain = await footage('plain');
  const names = Array.from({ length: 6 }, (_, n) => `${n}.mp4`);
  for (const name of names) box.drop(plain, name);
  for (const name of names) await box.job(name, 'queued');
  copyFileSync(plain, join(quiet, 'film.mp4'));
  await expect.poll(async () => (await box.jobs()).length, { timeout: 60_000 }).toBe(names.length + 1);
  await box.post('/api/resume');
  for (const name of names) await box.job(name, 'done');
  const order = box
    .journal()
    .filter(({ event }) => event === 'started')
    .map(({ job }) => job);
  const jobs = await box.jobs();
  const film = jobs.find(({ source }) => basename(dirname(source)) === 'quiet');
  expect(film?.state).toBe('done');
  expect(order.indexOf(film?.id ?? '')).toBe(1);
  expect(order).toHaveLength(names.length + 1);
});
