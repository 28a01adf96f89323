/** `npm run screenshots`: remakes the pictures of the README, light and dark: the real page, a real daemon at work, made films. */
import { execFile } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Box } from './box.ts';
import { findChromium, launch } from './browser.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';

const PICTURES = { light: 'page.png', dark: 'page-dark.png' } as const;
/** They come with every clone. */
const MOST_BYTES = 200_000;
/** The top of the page: the account of space, what is running, what needs somebody, and the first results. */
const VIEW = { width: 1200, height: 1020 };

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
  for (const [name, x, y, hue] of [
    ['for mail/birthday.mp4', -0.7436, 0.1318, 120],
    ['beach day.mov', -0.1607, 1.0376, 40],
    ['first steps.mp4', 0.2925, 0.0149, 140],
  ] as const) {
    box.drop(await fractal({ x, y, hue, seconds: 4 }), name);
    await box.job(name);
  }
  writeFileSync(join(box.inbox, 'kite.mp4.txt'), 'add some cheerful music');
  box.drop(await fractal({ x: -1.25066, y: 0.02012, hue: 60, seconds: 3 }), 'kite.mp4');
  await box.job('kite.mp4');
  box.drop(await fractal({ x: -0.748, y: 0.1, hue: 120, seconds: 30 }), 'school play.mp4');
  box.drop(await fractal({ x: -0.722, y: 0.246, hue: 40, seconds: 3 }), 'garden.mp4');

  // Far enough for the bar and the time left to be seen.
  await eventually(async () => (await box.jobs()).some(job => (job.progress ?? 0) > 0.3 && job.state === 'running'), {
    what: 'a job in the middle of its work',
  });
  await box.post('/api/pause');
  for (const [colorScheme, name] of Object.entries(PICTURES) as ['light' | 'dark', string][]) {
    await take(colorScheme, join(import.meta.dirname, '../../docs', name));
  }
} finally {
  await browser.close();
  await box.dispose();
}

async function take(colorScheme: 'light' | 'dark', path: string): Promise<void> {
  const page = await browser.newPage({ locale: 'en-US', viewport: VIEW, deviceScaleFactor: 1, colorScheme });
  await page.goto(`http://127.0.0.1:${port}/`);
  // At work again as soon as it is seen: both pictures show the same moment.
  await page.locator('.thumb img').nth(3).waitFor();
  await box.post('/api/resume');
  await page.locator('.pill').getByText('Working').waitFor();
  await page.waitForTimeout(1_500);
  const taken = await page.screenshot();
  await box.post('/api/pause');
  await page.close();
  const file = join(box.dir, 'taken.png');
  writeFileSync(file, taken);
  // 256 colours of its own are enough for each, and a third of the bytes.
  const palette = 'split[a][b];[a]palettegen=stats_mode=full[p];[b][p]paletteuse=dither=sierra2_4a';
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-y', '-i', file, '-vf', palette, path]);
  const { size } = statSync(path);
  if (size > MOST_BYTES) throw new Error(`${path} has ${size} bytes, more than ${MOST_BYTES}`);
}

/** A flight into the Mandelbrot set: something to see, and as hard to compress as a phone's video. */
async function fractal({ x, y, hue, seconds }: Record<'x' | 'y' | 'hue' | 'seconds', number>): Promise<string> {
  const file = join(box.dir, `${x}.mp4`);
  const source = `mandelbrot=size=640x360:rate=30:start_x=${x}:start_y=${y}:start_scale=0.6:end_scale=0.05:end_pts=${seconds * 30},hue=h=${hue}:s=0.7`;
  const inputs = ['-f', 'lavfi', '-i', source, '-f', 'lavfi', '-i', 'sine=frequency=440'];
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '16', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-y', ...inputs, '-t', String(seconds), ...coding, file]);
  return file;
}
