import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Box } from '../support/box.ts';
import { findChromium, launch } from '../support/browser.ts';
import { footage } from '../support/footage.ts';

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
  await page.getByText('Added; it starts in a moment').waitFor();
  await page.getByRole('progressbar', { name: /^Progress of/ }).waitFor({ timeout: 60_000 });
  await page.getByRole('status').getByText('is done').waitFor({ state: 'attached', timeout: 60_000 });
  await page.locator('.history .saving').waitFor();

  await page.locator('.history .opener').click();
  const pictures = page.locator('.pictures img');
  await pictures.nth(1).waitFor();
  for (const picture of await pictures.all()) {
    expect(await picture.evaluate(img => (img as unknown as { naturalWidth: number }).naturalWidth)).toBeGreaterThan(
      300,
    );
  }
  await page.getByText('under 150kB', { exact: true }).waitFor();
  const [done] = await box.jobs();
  expect(done).toMatchObject({
    state: 'done',
    target_bytes: 150_000,
    source: expect.stringContaining(join(box.inbox, '')),
  });
  expect(complaints).toEqual([]);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}
