/** `npm run bench:page`: the table of docs/page.md. Exit code 1 where a limit is missed. `--bytes N`: what is dropped, 2e9. */
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { serve } from '../../../../src/api/serve.ts';
import { controlSocket } from '../../../../src/api/socket.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { silentLogger } from '../../../../src/platform/log.ts';
import { Box } from '../../../support/box.ts';
import { findChromium, launch } from '../../../support/browser.ts';
import { FakeControl } from '../../../support/fake-control.ts';
import { footage } from '../../../support/footage.ts';
import { freePort } from '../../../support/free-port.ts';
import { load, type Loading } from './loading.ts';
import { dropped, enlarged, isFetchedWhole } from './passing.ts';

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: { bytes: { type: 'string', default: '2000000000' } },
});
const chromium = findChromium();
if (chromium === undefined) throw new Error('this needs chromium: install it, or name it in SHRINKBOX_CHROMIUM');

const ROUNDS = 7;
const rows: { what: string; measured: string; isMet: boolean }[] = [];
const note = (what: string, measured: string, isMet: boolean) => rows.push({ what, measured, isMet });

const port = await freePort();
const box = new Box({ config: { http: { listen: `127.0.0.1:${port}` }, log: { level: 'info' } } });
const browser = await launch(chromium);
try {
  await box.start();
  for (const name of ['one.mp4', 'two.mp4', 'three.mp4']) box.drop(await footage('plain'), name);
  for (const name of ['one.mp4', 'two.mp4', 'three.mp4']) await box.job(name);
  await loading(browser, `http://127.0.0.1:${port}/`);
  await passing(await browser.newPage({ locale: 'en-US' }));
  await updates(browser);
} finally {
  await browser.close();
  await box.dispose();
}
for (const { what, measured, isMet } of rows) console.log(`| ${what} | ${measured} | ${isMet ? 'yes' : 'NO'} |`);
process.exitCode = rows.every(({ isMet }) => isMet) ? 0 : 1;

async function loading(with_: Browser, address: string): Promise<void> {
  const visits: Loading[] = [];
  for (const width of [390, 1440]) for (let i = 0; i < ROUNDS; i += 1) visits.push(await load(with_, address, width));
  for (const width of [390, 1440]) {
    const shift = Math.max(...visits.filter(visit => visit.width === width).map(visit => visit.shift));
    note(`layout shift at ${width} px, worst of ${ROUNDS}, under 0.05`, shift.toFixed(3), shift < 0.05);
  }
  const paints = visits.map(({ firstPaint }) => firstPaint).sort((a, b) => a - b);
  const middle = paints[Math.floor(paints.length / 2)] ?? 0;
  const range = `${paints[0]?.toFixed(0)} to ${paints.at(-1)?.toFixed(0)}`;
  note(`first paint, median of ${paints.length}, under 300 ms`, `${middle.toFixed(0)} ms (${range})`, middle < 300);
  const own = Math.max(...visits.map(({ ownBytes }) => ownBytes));
  const data = Math.max(...visits.map(({ dataBytes }) => dataBytes));
  const said = `${kilo(own)}, and ${kilo(data)} of data and pictures`;
  note('transferred by the page itself, under 150 kB', said, own < 150_000);
}

async function passing(page: Page): Promise<void> {
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.locator('.history .row').first().waitFor();
  const [name = ''] = box.outputs();
  const isSame = await isFetchedWhole(page, join(box.outbox, name));
  note('a download has the bytes of the result', isSame ? 'sha256 equal' : 'differs', isSame);
  const bytes = Number(values.bytes);
  const large = join(box.dir, 'large.mp4');
  await enlarged(await footage('plain'), large, bytes);
  // Once with little: what is loaded on first use is no growth, and neither is the work on a video.
  const small = await footage('plain');
  await dropped(page, box, small);
  await box.job(basename(small));
  const { seconds, grownBytes } = await dropped(page, box, large);
  const speed = bytes / 1e6 / seconds;
  const said = `${(grownBytes / 1e6).toFixed(1)} MB, in ${seconds.toFixed(0)} s (${speed.toFixed(0)} MB/s)`;
  note(
    `${(bytes / 1e9).toFixed(1)} GB dropped on the page: memory of the daemon grows by at most 40 MB`,
    said,
    grownBytes <= 40e6,
  );
}

function kilo(bytes: number): string {
  return `${(bytes / 1000).toFixed(0)} kB`;
}

/** The server of a daemon with 10,000 jobs on record; what it tells is made up. */
async function updates(with_: Browser): Promise<void> {
  const control = new FakeControl(box.dir);
  for (let i = 0; i < 10_000; i += 1) {
    const name = `clip ${i}.mp4`;
    control.add({ id: `d${i}`, source: `/in/${name}`, state: 'done', output: `/out/${name}`, output_bytes: 1e6 });
  }
  const pageDir = join(import.meta.dirname, '../../../../dist/web');
  const listen = { host: '127.0.0.1', port: 0 };
  const server = await serve({
    control,
    socketPath: controlSocket(box.dir),
    log: silentLogger,
    clock: systemClock,
    listen,
    pageDir,
  });
  try {
    const page = await with_.newPage({ locale: 'en-US', reducedMotion: 'reduce' });
    await page.goto(`http://127.0.0.1:${server.address?.port}/`);
    await page.getByText('of 10,000').waitFor();
    const took = (await latencies(page, control)).sort((a, b) => a - b);
    const middle = took[Math.floor(took.length / 2)] ?? 0;
    const said = `${middle} ms (${took[0]} to ${took.at(-1)})`;
    note(`an update is shown with 10,000 jobs, median of ${took.length}, within 200 ms`, said, middle < 200);
  } finally {
    await server.close();
  }
}

async function latencies(page: Page, control: FakeControl): Promise<number[]> {
  await page.evaluate(`window.when = mark => new Promise(resolve => {
    const observer = new MutationObserver(() => {
      if (!document.querySelector('.active')?.textContent.includes(mark)) return;
      observer.disconnect();
      requestAnimationFrame(() => resolve(Date.now()));
    });
    observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  }); 0`);
  const job = control.add({ id: 'quick', source: '/in/quick.mov', state: 'running', progress: 0 });
  const took: number[] = [];
  for (let i = 0; i < 31; i += 1) {
    const seen = page.evaluate(`window.when('mark-${i}.')`);
    // The browser has begun to look when it answers the next question.
    await page.evaluate('0');
    const sent = Date.now();
    control.emit({ kind: 'job', job: { ...job, progress: i / 31, step: `mark-${i}.` } });
    control.emit({ kind: 'status', status: control.status() });
    took.push(Number(await seen) - sent);
  }
  return took;
}
