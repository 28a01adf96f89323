/** `npm run screenshots:states -- DIR [STATES [WIDTH]]`: a picture of every state of the page, in both themes and both languages, to be looked at. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { serve } from '../../src/api/serve.ts';
import { controlSocket } from '../../src/api/socket.ts';
import type { Thumbnails } from '../../src/api/thumbnails.ts';
import type { JobDetail, StatusView } from '../../src/api/types.ts';
import type { Sentence } from '../../src/core/message.ts';
import { messageOf } from '../../src/core/message.ts';
import { say } from '../../src/messages/say.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { findChromium, launch } from './browser.ts';
import { FakeControl, inFleet } from './fake-control.ts';
import { libraryAtWork, plannedLibrary } from './library-views.ts';
import { SCENES, still } from './scenes.ts';
import { RULES, settingsIn } from './settings.ts';

const [given, only, width] = process.argv.slice(3);
if (given === undefined) throw new Error('say where to: npm run screenshots:states -- DIR [STATES [WIDTH]]');
const target = resolve(given);
const chromium = findChromium();
if (chromium === undefined) throw new Error('this needs chromium: install it, or name it in SHRINKBOX_CHROMIUM');

const HOUR = 3_600_000;
const now = Date.now();

class Daemon extends FakeControl {
  change: (status: StatusView) => StatusView = status => status;
  override status(): StatusView {
    return this.change(super.status());
  }
}

interface State {
  prepare?: (control: Daemon) => void;
  /** What somebody does on the page before the picture is taken. */
  act?: (page: Page) => Promise<unknown>;
  /** The server ends before the picture is taken. */
  isGone?: boolean;
}

const SPEC: Readonly<Record<string, State>> = {
  empty: { prepare: control => void (control.change = status => ({ ...status, totals: NOTHING })) },
  running: { prepare: atWork },
  paused: { prepare: control => (atWork(control), (control.mode = 'paused')) },
  done: { prepare: control => done(control, 10) },
  troubles: { prepare: control => (atWork(control), troubles(control)) },
  backlog: {
    prepare: control => {
      atWork(control);
      for (let i = 0; i < 80; i += 1) held(control, `clip ${i}.mp4`, i % 3);
      for (let i = 0; i < 400; i += 1) queued(control, i);
      done(control, 10_000);
    },
  },
  needs: {
    prepare: control => {
      for (let i = 0; i < 12; i += 1) held(control, `clip ${i}.mp4`, i % 3);
      done(control, 3);
    },
    act: page => page.locator('.needs-line button').click(),
  },
  words: {
    prepare: control => held(control, 'kite at the beach.mp4', 0),
    act: async page => {
      await page.locator('.needy button[aria-expanded]').first().click();
      await page.keyboard.type('at most 25 MB, 720p');
      await page.waitForTimeout(700);
    },
  },
  offline: { prepare: atWork, isGone: true },
  drag: {
    prepare: atWork,
    act: page =>
      page.evaluate(`(() => {
        const data = new DataTransfer();
        data.items.add(new File(['x'], 'a.mp4'));
        dispatchEvent(new DragEvent('dragover', { dataTransfer: data, cancelable: true }));
      })()`),
  },
  comparison: {
    prepare: control => done(control, 5),
    act: async page => {
      await page.locator('.history .tools button:last-of-type').first().click();
      await page.locator('.compare .pictures img').nth(1).waitFor();
    },
  },
  details: {
    prepare: control => done(control, 4),
    act: async page => {
      await page.locator('.opener').first().click();
      await page.locator('.details dl').waitFor();
    },
  },
  choosing: {
    prepare: control => (done(control, 4), troubles(control)),
    act: async page => {
      await page.locator('.history h2 ~ button').first().click();
      await page.locator('.history .row .check').first().click();
    },
  },
  undo: {
    prepare: atWork,
    act: page => page.locator('.active .tools button').last().click(),
  },
  rules: {
    act: async page => {
      await page.locator('a.place').click();
      await page.locator('.rules .card').first().waitFor();
    },
  },
  mistake: {
    act: async page => {
      await page.locator('a.place').click();
      await page.locator('.rules .card button').first().click();
      await page.locator('.rules input').nth(1).waitFor();
      const fields = page.locator('.rules .field input[type="text"]');
      for (const [at, text] of ['', '9 megs', '400p and more'].entries()) if (text) await fields.nth(at).fill(text);
      await page.waitForTimeout(1200);
    },
  },
  archive: {
    prepare: control => done(control, 6, '/archive'),
    act: async page => {
      await page.evaluate("location.hash = '#archive'");
      await page.locator('main.archive-page ul, main.archive-page table').first().waitFor();
    },
  },
  library: {
    prepare: control => void control.libraryViews.push(plannedLibrary(), libraryAtWork()),
    act: async page => {
      await page.evaluate("location.hash = '#library'");
      await page.locator('.library').first().waitFor();
    },
  },
  fleet: { prepare: control => (atWork(control), inFleet(control, 'run')) },
  phone: {
    act: async page => {
      await page.locator('footer button').first().click();
      await page.locator('dialog').waitFor();
    },
  },
};

const NOTHING = {
  ...{ done: 0, source_bytes: 0, output_bytes: 0, saved_bytes: 0, freed_bytes: 0 },
  ...{ originals_left: { files: 0, bytes: 0 }, originals_archived: { files: 0, bytes: 0 } },
};

const NAMES = ['GOPR0999.MP4', 'PXL_20240113.mp4', 'birthday.mov', 'kite at the beach.mp4', 'school play 2019.mkv'];

function atWork(control: Daemon): void {
  control.add({
    ...{ id: 'run', source: '/in/2019 Norway/GOPR0999.MP4', state: 'running', rule: 'family' },
    ...{ source_bytes: 3_800_000_000, target_bytes: 50_000_000, progress: 0.62, step: 'encoding' },
    ...{ progress_note: 'pass 2 of 2, 1.8x', eta_ms: 25 * 60_000, created_at: now - 2 * HOUR, updated_at: now },
  });
  for (let i = 0; i < 3; i += 1) queued(control, i);
  done(control, 4);
  control.change = status => ({
    ...status,
    local_hours: { hours: '22:00-07:00', next: null } as unknown as StatusView['local_hours'],
    queue: { ...status.queue, left_ms: 5 * HOUR, finish_at: now + 5 * HOUR },
  });
}

function queued(control: Daemon, i: number): void {
  const source = `/in/camera/${NAMES[i % NAMES.length]?.replace('.', ` ${i}.`)}`;
  control.add({
    id: `q${i}`,
    source,
    source_bytes: 1.2e9 + i * 1e6,
    created_at: now - HOUR + i,
    updated_at: now - HOUR,
  });
}

function done(control: Daemon, count: number, archive?: string): void {
  for (let i = 0; i < count; i += 1) {
    const name = `${NAMES[i % NAMES.length]}`;
    const at = now - i * 7 * HOUR;
    const source_bytes = 2.5e9 - i * 1e5;
    control.add({
      ...{ id: `d${i}`, source: `/in/2024 Alps/${name}`, state: 'done', rule: i % 2 ? 'phone' : 'family' },
      ...{ output: `/out/2024 Alps/${name}`, source_bytes, created_at: at - HOUR, updated_at: at },
      output_bytes: i === 2 ? source_bytes : source_bytes * (0.1 + (i % 7) / 10),
      original: archive ? `${archive}/${name}` : null,
      history: [
        { at: at - HOUR, event: 'admitted', note: 'rule family: matches **' },
        { at: at - HOUR + 4_000, event: 'started', note: 'local: preparing' },
        { at: at - HOUR + 9_000, event: 'step', note: 'local: sampling' },
        { at: at - HOUR + 60_000, event: 'step', note: 'local: pass 1 of 2' },
        { at: at - 60_000, event: 'candidate' },
        { at: at - 1_000, event: 'verified', note: 'decoded and checked' },
        { at, event: 'done' },
      ],
    } as Parameters<FakeControl['add']>[0]);
  }
}

function held(control: Daemon, name: string, kind: number): void {
  const reasons: Sentence[] = [
    say('queue.no-engine', { engine: 'nemo' }),
    say('api.name-taken', { name }),
    say('queue.changed-underneath', { file: name }),
  ];
  const reason = reasons[kind] ?? say('queue.done-already');
  const hint = say('queue.no-engine-hint');
  control.add({
    ...{ id: `h${name}`.replace(/\W/g, '_'), source: `/in/${name}`, state: kind === 1 ? 'failed' : 'held' },
    ...{ reason: reason.text, hint: hint.text, retry_helps: kind === 1, updated_at: now - kind * HOUR },
    messages: { reason: messageOf(reason), hint: messageOf(hint) } as JobDetail['messages'],
  } as Parameters<FakeControl['add']>[0]);
}

function troubles(control: Daemon): void {
  held(control, 'kite at the beach.mp4', 0);
  held(control, 'not a film.mp4', 1);
  control.change = (before => status => ({
    ...before(status),
    folders: [
      ...status.folders,
      {
        ...(status.folders[0] as StatusView['folders'][number]),
        inbox: '/nas/photos',
        available: false,
        reason: 'the folder is not there',
      },
    ],
  }))(control.change);
}

/** Every theme and language at the widths that most people have, and the narrowest and the widest once. */
const LOOKS = [
  { width: 1440, colorScheme: 'light', locale: 'en-US' },
  { width: 390, colorScheme: 'dark', locale: 'zh-CN' },
  { width: 390, colorScheme: 'light', locale: 'en-US' },
  { width: 1440, colorScheme: 'dark', locale: 'zh-CN' },
  { width: 320, colorScheme: 'light', locale: 'en-US' },
  { width: 2560, colorScheme: 'dark', locale: 'en-US' },
  { width: 1440, colorScheme: 'dark', locale: 'en-US' },
  { width: 1440, colorScheme: 'light', locale: 'zh-CN' },
  { width: 390, colorScheme: 'dark', locale: 'en-US' },
  { width: 390, colorScheme: 'light', locale: 'zh-CN' },
] as const;
const scratch = mkdtempSync(join(tmpdir(), 'shrinkbox-states-'));
const pictures = await Promise.all((Object.keys(SCENES) as (keyof typeof SCENES)[]).map(picture));
const browser = await launch(chromium);
try {
  mkdirSync(target, { recursive: true });
  const wanted = Object.entries(SPEC).filter(([name]) => only === undefined || only.split(',').includes(name));
  // What most people have comes first.
  const looks = LOOKS.filter(look => width === undefined || look.width === Number(width));
  for (const look of looks) for (const [name, state] of wanted) await take(browser, { name, state, ...look });
} finally {
  await browser.close();
  rmSync(scratch, { recursive: true, force: true });
}

interface Taking {
  name: string;
  state: State;
  width: number;
  colorScheme: 'light' | 'dark';
  locale: string;
}

async function take(with_: Browser, { name, state, width, colorScheme, locale }: Taking): Promise<void> {
  const dir = mkdtempSync(join(scratch, 'state-'));
  const control = new Daemon(dir);
  state.prepare?.(control);
  let n = 0;
  const one = async () => pictures[n++ % pictures.length] as Uint8Array<ArrayBuffer>;
  const thumbnails = { picture: one, thumbnail: one } as unknown as Thumbnails;
  const listen = { host: '127.0.0.1', port: 0 };
  const { settings } = settingsIn(dir, RULES);
  const socketPath = controlSocket(dir);
  const pageDir = join(import.meta.dirname, '../../dist/web');
  const server = await serve({
    control,
    socketPath,
    log: silentLogger,
    clock: systemClock,
    listen,
    pageDir,
    thumbnails,
    settings,
  });
  const height = width < 500 ? 844 : 1000;
  const context = await with_.newContext({ locale, colorScheme, viewport: { width, height }, reducedMotion: 'reduce' });
  try {
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${server.address?.port}/`);
    await page.locator('.history').waitFor({ state: 'attached' });
    await page.waitForTimeout(600);
    if (state.isGone) {
      await server.close();
      await page.locator('.pill.offline').waitFor();
    }
    await state.act?.(page);
    await page.waitForTimeout(200);
    const file = `${name}-${width}-${colorScheme}-${locale.slice(0, 2)}.png`;
    await page.screenshot({
      path: join(target, file),
      fullPage: !['backlog', 'drag', 'comparison', 'undo', 'phone'].includes(name),
    });
  } catch (error) {
    console.error(`${name} ${width}: ${String(error).split('\n')[0]}`);
  } finally {
    await context.close();
    await server.close();
  }
}

async function picture(of: keyof typeof SCENES): Promise<Uint8Array> {
  const file = join(scratch, `${of}.jpg`);
  await still(file, of);
  return new Uint8Array(readFileSync(file));
}
