import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Box } from '../../support/box.ts';
import { englishOn, findChromium, launch } from '../../support/browser.ts';
import { eventually } from '../../support/eventually.ts';
import { footage } from '../../support/footage.ts';
import { freePort } from '../../support/free-port.ts';

const chromium = findChromium();

it(chromium ? 'a video dropped on the page comes out smaller, seen from start to end' : 'needs a browser', async () => {
  // See page.test.ts: a machine without a browser passes, and .ci/run has one.
  if (chromium === undefined) return expect(findChromium()).toBeUndefined();
  const port = await freePort();
  const box = new Box({ config: { http: { listen: `127.0.0.1:${port}` } } });
  onTestFinished(() => box.dispose());
  await box.start();
  const browser = await launch(chromium);
  onTestFinished(() => browser.close());
  const page = await browser.newPage({ locale: 'en-US' });
  const complaints: string[] = [];
  page.on('console', message => void (message.type() === 'error' && complaints.push(message.text())));
  page.on('pageerror', error => complaints.push(String(error)));
  await page.goto(`http://127.0.0.1:${port}/`);

  await page.getByLabel('Instruction').fill('under 150kB');
  await page.locator('input[type=file]').setInputFiles(await footage('plain'));
  await page.getByRole('progressbar', { name: /^Progress of/ }).waitFor({ timeout: 60_000 });
  await page.getByRole('status').getByText('is done').waitFor({ state: 'attached', timeout: 60_000 });
  await page.locator('.history .saving').waitFor();
  // The line of the upload became the job.
  await page.locator('.uploads').getByText('−').waitFor();

  await page.getByRole('button', { name: /^Compare/ }).click();
  const pictures = page.locator('.pictures > img');
  await pictures.nth(1).waitFor();
  for (const picture of await pictures.all()) {
    expect(await picture.evaluate(img => (img as unknown as { naturalWidth: number }).naturalWidth)).toBeGreaterThan(
      300,
    );
  }
  const first = await pictures.nth(0).getAttribute('src');
  await page.getByRole('button', { name: 'Moment 5 of 5' }).click();
  await eventually(async () => (await pictures.nth(0).getAttribute('src')) !== first);
  await page.getByRole('button', { name: 'Play both' }).click();
  // Both play, and at the same place.
  const places = () =>
    page
      .locator('.pictures video')
      .evaluateAll(all => all.map(each => (each as unknown as { currentTime: number }).currentTime));
  await eventually(async () => {
    const [before = 0, after = 0] = await places();
    return after > 0.5 && Math.abs(before - after) < 0.2;
  });
  await page.getByRole('slider', { name: 'Place in the film' }).fill('0.2');
  await page.getByRole('button', { name: 'Pictures' }).click();
  await pictures.nth(1).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.viewer').waitFor({ state: 'detached' });
  await page.locator('.history .opener').click();
  await page.getByText('under 150kB', { exact: true }).waitFor();
  const [done] = await box.jobs();
  expect(done).toMatchObject({
    state: 'done',
    target_bytes: 150_000,
    target_firm: true,
    source: expect.stringContaining(join(box.inbox, '')),
  });
  expect(complaints).toEqual([]);
});

it(chromium ? 'a Chinese page has no English sentence, whatever became of a job' : 'needs a browser, too', async () => {
  if (chromium === undefined) return expect(findChromium()).toBeUndefined();
  const port = await freePort();
  const rules = [
    { name: 'a', match: 'small.mp4', size: '3kB' },
    { name: 'b', size: '150kB' },
  ];
  const box = new Box({ config: { http: { listen: `127.0.0.1:${port}` }, rules, limits: { local: 1 } } });
  onTestFinished(() => box.dispose());
  await box.start();
  writeFileSync(join(box.inbox, 'text.mp4'), 'not a video at all\n'.repeat(100));
  box.drop(await footage('timecode'), 'notes.mov');
  box.drop(await footage('plain'), 'small.mp4');
  expect(await box.job('text.mp4', 'failed', 'skipped')).toMatchObject({ state: 'failed' });
  expect(await box.job('small.mp4')).toMatchObject({ state: 'held' });
  const done = await box.job('notes.mov');
  expect(done).toMatchObject({ state: 'done' });
  expect(done.notes.length).toBeGreaterThan(0);
  box.drop(await footage('plain'), 'running.mp4');
  await box.job('running.mp4', 'running');
  await box.post('/api/pause');

  const browser = await launch(chromium);
  onTestFinished(() => browser.close());
  const page = await browser.newPage({ locale: 'zh-CN' });
  await page.goto(`http://127.0.0.1:${port}/`);
  for (const name of ['small.mp4', 'text.mp4', 'running.mp4', 'notes.mov']) {
    await page.getByRole('button', { name: `${name} 的详情` }).click();
  }
  await page.locator('.details dl').nth(3).waitFor();
  await page.getByRole('button', { name: /^对比/ }).click();
  await page.locator('.pictures').waitFor();
  expect(await englishOn(page)).toEqual([]);
});
