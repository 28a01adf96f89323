/** `npm run screenshots`: remakes the pictures of the README, light and dark: the real page, a real daemon at work, made films. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { encodeRecord, type JournalRecord } from '../../src/journal/records.ts';
import type { JobDetail } from '../../src/api/types.ts';
import { Box } from './box.ts';
import { findChromium, launch } from './browser.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { film, type SCENES } from './scenes.ts';

type Scene = keyof typeof SCENES;

const PICTURES = { light: 'page.png', dark: 'page-dark.png' } as const;
/** They come with every clone. */
const MOST_BYTES = 200_000;
/** The top of the page: the account of space, what is running, what needs somebody, and the first results. */
const VIEW = { width: 1280, height: 1060 };
const DAY_MS = 86_400_000;
/** Pictures are made one at a time, beside the work. */
const PATIENCE_MS = 180_000;

/** What was done before, how many days ago; the oldest first. */
const BEFORE: readonly [name: string, scene: Scene, daysAgo: number, seconds: number][] = [
  ['Norway/fjord.mov', 'lake', 27, 2],
  ['Norway/midnight sun.mov', 'sunset', 26, 3],
  ['garden.mp4', 'meadow', 19, 1],
  ['Alps/summit.mov', 'alps', 12, 3],
  ['Sahara/camels.mov', 'dunes', 5, 4],
  ['Alps/first snow.mp4', 'alps', 2, 2],
  ['Sahara/dunes.mov', 'dunes', 1, 3],
  ['last evening.mp4', 'sunset', 0.2, 2],
];

const chromium = findChromium();
if (chromium === undefined) throw new Error('this needs chromium: install it, or name it in SHRINKBOX_CHROMIUM');

const port = await freePort();
const folder = {
  inbox: 'inbox',
  outbox: 'outbox',
  originals: 'archive',
  archive: 'originals',
  settle: '300ms',
  scan: '1s',
};
const box = new Box({
  config: {
    http: { listen: `127.0.0.1:${port}` },
    folders: [folder],
    rules: [
      { name: 'chat', match: 'chat/**', size: '8kB' },
      { name: 'trips', match: ['Norway/**', 'Alps/**'], size: '30%', quality: 'max' },
      { name: 'family', size: '18%', quality: 'max' },
    ],
    limits: { local: 1 },
  },
});
const browser = await launch(chromium);
try {
  await box.start();
  // It cannot look decent in so little: what needs somebody.
  box.drop(await filmOf('night', 4), 'chat/camp fire.mov');
  await box.job('chat/camp fire.mov', 'held');
  for (const [name, scene, , seconds] of BEFORE) {
    box.drop(await filmOf(scene, seconds), name);
    await box.job(name, 'done');
  }
  const [long, lake, stars] = [await filmOf('meadow', 20), await filmOf('lake', 4), await filmOf('night', 3)];
  await box.kill('SIGTERM');
  setBack();
  await box.start();
  box.drop(long, 'balloons.mov');
  await box.job('balloons.mov', 'running');
  box.drop(lake, 'lake at dawn.mov');
  box.drop(stars, 'stars.mp4');

  // Far enough for the bar and the time left to be seen.
  await eventually(
    async () => (await box.get<JobDetail[]>('/api/jobs?state=running&detail=1')).some(job => (job.progress ?? 0) > 0.5),
    { what: 'a job in the middle of its work', withinMs: 600_000 },
  );
  await box.post('/api/pause');
  for (const [colorScheme, name] of Object.entries(PICTURES) as ['light' | 'dark', string][]) {
    await take(colorScheme, join(import.meta.dirname, '../../docs', name));
  }
} finally {
  await browser.close();
  await box.dispose();
}

async function filmOf(of: Scene, seconds: number): Promise<string> {
  const path = join(box.dir, `${of}-${seconds}.mp4`);
  await film(path, { of, seconds, height: 720 });
  return path;
}

/** The jobs of a moment ago were done in the last weeks: a month of work is not waited for. */
function setBack(): void {
  const ids = new Map<string, number>();
  const dir = join(box.state, 'journal');
  for (const file of readdirSync(dir).filter(name => name.endsWith('.jsonl'))) {
    const lines = readFileSync(join(dir, file), 'utf8').split('\n').filter(Boolean);
    const records = lines.map(line => JSON.parse(line) as JournalRecord);
    for (const { job, data } of records) {
      const found = BEFORE.find(([name]) => (JSON.stringify(data) ?? '').includes(join(box.inbox, name)));
      if (job !== null && found && !ids.has(job)) ids.set(job, found[2] * DAY_MS);
    }
    const set = records.map(record => ({ ...record, at: record.at - (ids.get(record.job ?? '') ?? 0) }));
    writeFileSync(join(dir, file), set.map(encodeRecord).join(''));
  }
}

async function take(colorScheme: 'light' | 'dark', path: string): Promise<void> {
  const page = await browser.newPage({ locale: 'en-US', viewport: VIEW, deviceScaleFactor: 1, colorScheme });
  await page.goto(`http://127.0.0.1:${port}/`);
  // At work again as soon as it is seen: both pictures show the same moment.
  page.setDefaultTimeout(PATIENCE_MS);
  const shown = { '.running': 1, '.needy': 1, '.queue': 2, '.history': 3 };
  for (const [place, count] of Object.entries(shown)) {
    await page
      .locator(`${place} .thumb img`)
      .nth(count - 1)
      .waitFor();
  }
  await box.post('/api/resume');
  await page.locator('.pill').getByText('Working').waitFor();
  await page
    .locator('.running .progress')
    .getByText(/ [0-9.]*[1-9][0-9.]*x/)
    .waitFor();
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
