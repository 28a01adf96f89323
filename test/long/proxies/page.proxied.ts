/** The page through nginx and Caddy, each with the configurations of docs/page.md: in by a link, added, watched, played, fetched. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { chromium as driver, type Page } from 'playwright-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Box } from '../../support/box.ts';
import { findChromium } from '../../support/browser.ts';
import { eventually } from '../../support/eventually.ts';
import { footage } from '../../support/footage.ts';
import { freePort } from '../../support/free-port.ts';
import { caddy, isInstalled, nginx, ownFolder, type Proxied, type Proxy, stop } from './proxy.ts';

const chromium = findChromium();
const TOKEN = 'a-token-behind-a-proxy-0123456789';
const missing = ['nginx', 'caddy', 'openssl'].filter(program => !isInstalled(program));

describe.skipIf(chromium === undefined || missing.length > 0)('the page behind', () => {
  const layouts: [name: string, start: (isBelow: boolean, at: Proxied) => Promise<Proxy>, url: string][] = [
    ['nginx, a host name of its own', nginx, 'https://videos.home/'],
    ['nginx, below a path', nginx, 'https://nas.home/shrinkbox/'],
    ['Caddy, a host name of its own', caddy, 'https://videos.home/'],
    ['Caddy, below a path', caddy, 'https://nas.home/shrinkbox/'],
  ];

  it.each(layouts)('%s', async (_, start, url) => {
    const { box, port, proxy } = await behind(start, url);
    const { page, asked, answers, complaints } = await phoneAt(url, port);
    const { link } = JSON.parse((await box.run('link', '--json')).stdout) as { link: string };
    expect(link.startsWith(`${url}#pair=`)).toBe(true);
    await page.goto(link);
    await page.locator('.pill').getByText('Ready').waitFor();

    await page.locator('#files').setInputFiles(await footage('plain'));
    await page.locator('.history .saving').waitFor({ timeout: 60_000 });
    await sees(page, box);
    await playsAndFetches(page, box);

    const outside = asked.filter(each => !each.startsWith(url) && !each.startsWith('blob:'));
    expect(outside).toEqual([]);
    expect(answers.get('206')).toBeGreaterThan(0);
    expect(complaints).toEqual([]);
    await goesStraightOn({ box, proxy, port, url });
    if (!url.endsWith('.home/')) expect(await locationOf(url.slice(0, -1), port)).toContain('/shrinkbox/');
  });
});

async function behind(start: (isBelow: boolean, at: Proxied) => Promise<Proxy>, url: string) {
  const [upstream, port, { dir, remove }] = [await freePort(), await freePort(), ownFolder()];
  onTestFinished(remove);
  writeFileSync(join(dir, 'http-token'), TOKEN, { mode: 0o600 });
  const http = { listen: `127.0.0.1:${upstream}`, token_file: join(dir, 'http-token'), public_url: url };
  const box = new Box({ config: { http } });
  onTestFinished(() => box.dispose());
  await box.start();
  const proxy = await start(url.endsWith('/shrinkbox/'), { port, upstream, dir });
  onTestFinished(() => stop(proxy));
  return { box, port, proxy };
}

/** A browser that finds the name at the proxy's port, as if it were 443. */
async function phoneAt(url: string, port: number) {
  const rules = `--host-resolver-rules=MAP ${new URL(url).hostname}:443 127.0.0.1:${port}`;
  // Its certificate is our own. Only so does a browser take the page's service worker, by which phones share, as well.
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--ignore-certificate-errors', rules];
  const browser = await driver.launch({ executablePath: chromium ?? '', args });
  onTestFinished(() => browser.close());
  const context = await browser.newContext({ locale: 'en-US' });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const asked: string[] = [];
  const answers = new Map<string, number>();
  const complaints: string[] = [];
  page.on('request', each => asked.push(each.url()));
  page.on('response', each => answers.set(String(each.status()), (answers.get(String(each.status())) ?? 0) + 1));
  page.on('console', message => void (message.type() === 'error' && complaints.push(message.text())));
  page.on('pageerror', error => complaints.push(String(error)));
  return { page, asked, answers, complaints };
}

/** What changes elsewhere is shown within two seconds: nothing holds the stream back. */
async function sees(page: Page, box: Box): Promise<void> {
  for (const [act, shown] of [
    ['pause', 'Paused'],
    ['resume', 'Ready'],
  ] as const) {
    await box.post(`/api/${act}`);
    await page.locator('.pill').getByText(shown).waitFor({ timeout: 2_000 });
  }
}

async function playsAndFetches(page: Page, box: Box): Promise<void> {
  await page.getByRole('button', { name: /^Play/ }).first().click();
  const video = page.locator('video');
  await video.evaluate(`async video => {
    video.muted = true;
    await video.play();
    video.currentTime = video.duration - 0.2;
    await new Promise(done => video.addEventListener('seeked', done, { once: true }));
  }`);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('dialog').getByRole('button', { name: 'Download' }).click(),
  ]);
  const [name = ''] = box.outputs();
  const hash = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
  expect(hash(await download.path())).toBe(hash(join(box.outbox, name)));
  await page.keyboard.press('Escape');
}

/** 2 GB are announced, some of it is sent, and that is in the inbox before the rest comes; the proxy keeps none of it. */
async function goesStraightOn({ box, proxy, port, url }: { box: Box; proxy: Proxy; port: number; url: string }) {
  const { hostname, pathname } = new URL(url);
  const query = new URLSearchParams({ inbox: box.inbox, name: 'large.mp4' });
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-length': 2_000_000_000, host: hostname };
  const path = `${pathname}api/drop?${query.toString()}`;
  const sending = request({
    host: '127.0.0.1',
    port,
    path,
    method: 'POST',
    headers,
    servername: hostname,
    rejectUnauthorized: false,
  });
  sending.on('error', () => {});
  const refused = new Promise<never>((_, reject) => {
    sending.on('response', ({ statusCode }) => reject(new Error(`the upload was answered with ${statusCode}`)));
  });
  const chunk = Buffer.alloc(1 << 20, 1);
  for (let i = 0; i < 32; i += 1) sending.write(chunk);
  const arrived = eventually(() => bytesIn(box.inbox) > 30e6, { what: '30 MB to arrive', withinMs: 20_000 });
  arrived.catch(() => {});
  await Promise.race([arrived, refused]);
  expect(proxy.kept()).toEqual([]);
  sending.destroy();
}

function bytesIn(dir: string): number {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).reduce(
    (sum, name) => sum + statSync(join(dir, name)).size,
    0,
  );
}

function locationOf(url: string, port: number): Promise<string> {
  const { hostname, pathname } = new URL(url);
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: pathname, servername: hostname, headers: { host: hostname } };
    request({ ...options, rejectUnauthorized: false }, answer => {
      answer.resume();
      resolve(answer.headers.location ?? '');
    })
      .on('error', reject)
      .end();
  });
}
