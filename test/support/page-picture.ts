/** `npm run docs:picture`: remakes docs/page.png, a picture of the real page in front of a real daemon at work. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Box } from './box.ts';
import { findChromium, launch } from './browser.ts';
import { eventually } from './eventually.ts';

const PICTURE = join(import.meta.dirname, '../../docs/page.png');
/** The top of the page: the drop area, what is running, what needs attention and the first rows of the history. */
const VIEW = { width: 1000, height: 810 };

const chromium = findChromium();
if (chromium === undefined) throw new Error('this needs chromium: install it, or name it in SHRINKBOX_CHROMIUM');

const port = await freePort();
const box = new Box({
  config: {
    http: { listen: `127.0.0.1:${port}` },
    rules: [
      { name: 'mail', match: 'for mail/**', size: '2MB', resolution: '720p' },
      { name: 'everything', size: '25%' },
    ],
    limits: { local: 1 },
  },
});
const browser = await launch(chromium);
try {
  await box.start();
  for (const [name, x, y] of [
    ['for mail/birthday.mp4', -0.7436, 0.1318],
    ['beach day.mov', -0.1607, 1.0376],
    ['first steps.mp4', 0.2925, 0.0149],
  ] as const) {
    box.drop(await fractal({ x, y, seconds: 6 }), name);
    await box.job(name);
  }
  writeFileSync(join(box.inbox, 'kite.mp4.txt'), 'add some cheerful music');
  box.drop(await fractal({ x: -1.25066, y: 0.02012, seconds: 3 }), 'kite.mp4');
  await box.job('kite.mp4');
  box.drop(await fractal({ x: -0.748, y: 0.1, seconds: 40 }), 'school play.mp4');
  box.drop(await fractal({ x: -0.722, y: 0.246, seconds: 3 }), 'garden.mp4');

  const page = await browser.newPage({ locale: 'en-US', viewport: VIEW, deviceScaleFactor: 1 });
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.getByRole('progressbar').first().waitFor();
  // Far enough for the bar and the time left to be seen.
  await eventually(async () => (await box.jobs()).some(job => (job.progress ?? 0) > 0.4 && job.state === 'running'), {
    what: 'a job in the middle of its work',
  });
  await page.screenshot({ path: PICTURE });
} finally {
  await browser.close();
  await box.dispose();
}

/** A flight into the Mandelbrot set: something to see, and about as hard to compress as a phone's video. */
async function fractal({ x, y, seconds }: { x: number; y: number; seconds: number }): Promise<string> {
  const file = join(box.dir, `${x}.mp4`);
  const source = `mandelbrot=size=1280x720:rate=30:start_x=${x}:start_y=${y}:start_scale=0.6:end_scale=0.05:end_pts=${seconds * 30}`;
  const inputs = ['-f', 'lavfi', '-i', source, '-f', 'lavfi', '-i', 'sine=frequency=440'];
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '16', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-y', ...inputs, '-t', String(seconds), ...coding, file]);
  return file;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}
