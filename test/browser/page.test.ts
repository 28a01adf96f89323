import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../src/config/secrets.ts';
import { Uploads } from '../../src/api/uploads.ts';
import { silentLogger } from '../../src/platform/log.ts';
import {
  findChromium,
  launch,
  servePage,
  violations,
  visit as open,
  type Visit,
  type VisitOptions,
} from '../support/browser.ts';
import { cuttable } from '../support/cuttable.ts';
import { eventually } from '../support/eventually.ts';
import { type FakeControl, inFleet } from '../support/fake-control.ts';
import { tempDir } from '../support/serving.ts';

const chromium = findChromium();
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

// A machine without a browser (a NAS, a minimal container) has to pass `npm test` all the same; .ci/run installs one.
if (chromium === undefined) {
  it('has no browser to look at the page with: install chromium, or name one in SHRINKBOX_CHROMIUM', () => {
    expect(findChromium()).toBeUndefined();
  });
} else {
  describe('the page', () => suite(chromium));
}

function suite(executable: string): void {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch(executable);
  });
  afterAll(() => browser.close());

  /** Opens the page; the test fails if the browser complains about anything while it runs. */
  async function visit(options: VisitOptions & { mayComplain?: boolean } = {}): Promise<Visit> {
    const opened = await open(browser, options);
    onTestFinished(async () => {
      await opened.context.close();
      if (!options.mayComplain) expect(opened.complaints).toEqual([]);
    });
    return opened;
  }

  it('shows what runs first, then what needs somebody, the queue, what is finished', async () => {
    const { page } = await visit({ prepare: busy });
    await page.getByText('the index is missing').waitFor();
    const titles = await page.locator('main h2').allTextContents();
    expect(titles.map(text => text.trim())).toEqual([
      'Made smaller by',
      'Working now',
      '1 needs you',
      'Queue 2',
      'Add a video',
      'Finished 3',
    ]);
    await page.getByText('Copy it again.').waitFor();
  });

  it('shows progress as it comes: bar, percentage, step, engine and time left', async () => {
    const { page, control } = await visit({ prepare: busy });
    const bar = page.getByRole('progressbar', { name: 'Progress of running.mov' });
    await bar.waitFor();
    const job = control.details.get('run');
    if (!job) throw new Error('no job');
    const live = {
      eta_ms: 130_000,
      progress_note: '1.8x',
      hint: null,
      waiting_until: null,
      undo_until: null,
      paused: false,
      retry_helps: false,
      place: null,
    };
    control.emit({ kind: 'job', job: { ...job, progress: 0.62, step: 'pass 2 of 2' }, live });
    await page.getByText('62%').waitFor();
    await page.getByText('pass 2 of 2 · on this machine · 1.8x').waitFor();
    await page.getByText('about 2 min left').waitFor();
    expect(await bar.getAttribute('value')).toBe('0.62');
  });

  it('says at the top what an account needs, with a link that can be opened, in both languages', async () => {
    const link = 'https://nemovideo.com/register?bind=anon_1';
    const say = (code: string, text: string, params?: Record<string, string>) => ({ text, message: { code, params } });
    const reason = say('nemo.no-credits', 'the account has no credits left');
    const hint = say('nemo.register-hint', `Register at ${link} to get more, then run shrinkbox resume.`, {
      url: link,
    });
    const { page } = await visit({
      prepare: control => {
        const action = { code: 'register' as const, text: hint.text, link, since: null };
        const messages = { reason: reason.message, action: hint.message };
        const paused = { name: 'nemo', ready: false, slots: 1, busy: 0, paused_until: null };
        control.engines = [{ ...paused, reason: reason.text, action, messages }];
      },
    });
    const notice = page.locator('.notice');
    await notice.getByText('Register at').waitFor();
    const anchor = notice.getByRole('link', { name: link });
    expect(await anchor.getAttribute('href')).toBe(link);
    expect(await anchor.getAttribute('rel')).toContain('noopener');
    await page.getByRole('combobox', { name: 'Language' }).selectOption('zh');
    await notice.getByText('注册以获得更多积分').waitFor();
    expect(await anchor.getAttribute('href')).toBe(link);
  });

  it('shows what the cloud is still at, and for how long', async () => {
    const since = Date.now() - 312_000;
    const text = 'still working: editing the timeline';
    const { page } = await visit({
      prepare: control => {
        const job = { id: 'ask', state: 'running' as const, step: 'asking the agent', progress: 0.45 };
        control.add({ ...job, progress_note: text, action: { code: 'wait', text, link: null, since } });
      },
    });
    await page.locator('.active').getByText('for 5 min so far').waitFor();
  });

  it('offers what the agent left open with the result, until something else is asked of the file', async () => {
    const text = 'the agent leaves this to you: "Drag it."';
    const { page, control } = await visit({
      prepare: fake => {
        const action = { code: 'offer' as const, text, link: null, since: 1 };
        fake.add({ id: 'cut1', state: 'done', source: '/in/cut.mp4', created_at: 1, output_bytes: 1, action });
      },
    });
    const offer = page.locator('.history').getByText(text);
    await offer.waitFor();
    control.emit({ kind: 'job', job: control.add({ id: 'cut2', state: 'queued', source: '/in/cut.mp4' }) });
    await offer.waitFor({ state: 'detached' });
  });

  it('moves a job on through the lists and says so', async () => {
    const { page, control } = await visit({ prepare: busy });
    const card = page.locator('.active').getByText('running.mov');
    await card.waitFor();
    const done = control.add({ id: 'run', source: '/in/running.mov', state: 'done', output_bytes: 1_000_000 });
    control.emit({ kind: 'job', job: { ...done, updated_at: Date.now() } });
    control.emit({ kind: 'status', status: control.status() });
    await page.locator('.history .name').first().getByText('running.mov').waitFor();
    await card.waitFor({ state: 'detached' });
    await page.getByRole('status').getByText('running.mov is done, −75%').waitFor({ state: 'attached' });
  });

  it('tries again what failed, and says what went wrong when that cannot be', async () => {
    const { page, control } = await visit({ prepare: busy, mayComplain: true });
    const retry = page.getByRole('button', { name: 'Try again: half.mp4' });
    await retry.waitFor();
    const { retry: works } = control;
    control.retry = async id => {
      control.retry = works;
      control.calls.push(`retry ${id}`);
      throw new TypeError('boom');
    };
    await retry.click();
    await page.getByRole('alert').getByText('That did not work: internal error in shrinkbox').waitFor();
    control.add({ id: 'bad', source: '/in/half.mp4', state: 'queued' });
    await retry.click();
    await page.locator('.queue').getByText('half.mp4').waitFor();
    expect(control.calls.filter(call => call === 'retry bad')).toHaveLength(2);
    // It fades there while it already stands in the queue.
    await page.locator('.attention').getByText('half.mp4').waitFor({ state: 'detached' });
  });

  it('says one reason once for all who have it, and tries all of them again at once', async () => {
    const { page, control } = await visit({
      prepare: control => {
        const reason = 'the disk is not mounted';
        const trouble = { state: 'held', reason, hint: 'Mount it.', retry_helps: true } as const;
        for (const id of ['a', 'b', 'c']) control.add({ id, source: `/in/${id}.mov`, ...trouble });
        control.add({ id: 'other', source: '/in/other.mov', state: 'failed', reason: 'it is a text' });
        for (const name of ['x.mov', 'y.mov'])
          control.add({
            id: name[0] ?? '',
            source: `/in/${name}`,
            state: 'failed',
            reason: `${name} has no video in it`,
          });
      },
    });
    // More than a few are a line, which opens.
    await page.getByRole('button', { name: '6 need you' }).click();
    await page.getByRole('button', { name: 'Try again: all 3' }).waitFor();
    expect(await page.getByText('the disk is not mounted').count()).toBe(1);
    await page.getByText('… has no video in it').waitFor();
    await page.getByRole('button', { name: 'Try again: b.mov' }).waitFor();
    for (const id of ['a', 'b', 'c']) control.add({ id, source: `/in/${id}.mov`, state: 'queued' });
    await page.getByRole('button', { name: 'Try again: all 3' }).click();
    await page.getByText('the disk is not mounted').waitFor({ state: 'detached' });
    expect(control.calls.filter(call => call.startsWith('retry')).sort()).toEqual(['retry a', 'retry b', 'retry c']);
    await page.getByText('it is a text').waitFor();
  });

  it('keeps the details somebody looks at up to date', async () => {
    const { page, control } = await visit({ prepare: busy });
    await page.getByRole('button', { name: 'Details of running.mov' }).click();
    await page.locator('.timeline').getByText('rule default').waitFor();
    const at = Date.now();
    const history = [{ at, event: 'step', note: 'local: pass 2 of 2' }];
    const step = 'pass 2 of 2';
    const job = control.add({ id: 'run', source: '/in/running.mov', state: 'running', step, updated_at: at, history });
    control.emit({ kind: 'job', job });
    await page.locator('.timeline').getByText('local: pass 2 of 2').waitFor();
  });

  it('tells of files that are still being copied', async () => {
    const { page, control } = await visit();
    await page.getByText('Drop a video anywhere on this page').waitFor();
    const status = control.status();
    control.emit({ kind: 'status', status: { ...status, folders: status.folders.map(f => ({ ...f, pending: 2 })) } });
    await page.getByText('2 files in the inboxes are not complete yet').waitFor();
  });

  it('tells that the outbox of a folder is away although its inbox is there', async () => {
    const { page, control } = await visit();
    await page.getByText('Drop a video anywhere on this page').waitFor();
    const status = control.status();
    const folders = status.folders.map(folder => ({ ...folder, reason: '/out is not mounted' }));
    control.emit({ kind: 'status', status: { ...status, folders } });
    await page.getByText('The folder /in needs attention: /out is not mounted').waitFor();
  });

  it('pauses and resumes, by keyboard as well', async () => {
    const { page, control } = await visit();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('Paused: nothing new starts').waitFor();
    expect(control.mode).toBe('paused');
    await page.getByRole('button', { name: 'Resume' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    expect(control.mode).toBe('running');
  });

  it('shows how far a file has come, and leaves nothing of one that is stopped', async () => {
    const { inbox, page } = await withInbox(visit, { mayComplain: true, isSlow: true });
    await dropOn(page, `new File([new Uint8Array(${64 * 2 ** 20})], 'big.mp4')`);
    const bar = page.getByRole('progressbar', { name: 'Upload of big.mp4' });
    await eventually(async () => expect(Number(await bar.getAttribute('value'))).toBeGreaterThan(0), {
      what: 'the upload to be on its way',
    });
    expect(Number(await bar.getAttribute('value'))).toBeLessThan(1);
    await page.getByRole('button', { name: 'Stop: big.mp4' }).click();
    await page.locator('.uploads').getByText('Stopped').waitFor();
    await eventually(async () => expect(readdirSync(inbox)).toEqual([]), { what: 'the rest to be removed' });
  });

  it('takes a dropped file with the words for it', async () => {
    const { inbox, page } = await withInbox(visit);
    await page.getByLabel('Instruction').fill('为微信压缩');
    const big = `new File([new Uint8Array(${3 * 2 ** 20}).fill(7)], 'a/b\\\\evil: name?.mp4')`;
    await dropOn(page, big);
    await page.locator('.uploads').getByText('Added; it starts in a moment').waitFor();
    const name = 'evil_ name_.mp4';
    expect(readdirSync(inbox).sort()).toEqual([name, `${name}.txt`]);
    expect(readFileSync(join(inbox, name)).length).toBe(3 * 2 ** 20);
    expect(readFileSync(join(inbox, `${name}.txt`), 'utf8')).toBe('为微信压缩\n');
  });

  it('takes a file chosen by button, without touching one of the same name', async () => {
    const { inbox, page } = await withInbox(visit);
    await writeFile(join(inbox, 'clip.mp4'), 'mine');
    const file = { name: 'clip.mp4', mimeType: 'video/mp4', buffer: Buffer.from('yours') };
    await page.locator('input[type=file]').setInputFiles(file);
    await page.locator('.uploads').getByText('clip (2).mp4').waitFor();
    expect(readFileSync(join(inbox, 'clip.mp4'), 'utf8')).toBe('mine');
    expect(readFileSync(join(inbox, 'clip (2).mp4'), 'utf8')).toBe('yours');
  });

  it('says why a file is not taken', async () => {
    const { inbox, page } = await withInbox(visit, { mayComplain: true });
    await dropOn(page, "new File(['x'], 'letter.docx')");
    await page.getByText('Not sent: this is not the name of a video.').waitFor();
    await dropOn(page, "new File(['x'], '~film.mp4')");
    await page.locator('.uploads .reason').nth(1).waitFor();
    expect(readdirSync(inbox)).toEqual([]);
  });

  it('shows hostile names as text, whatever they are made of', async () => {
    const hostile = '<img src=x onerror="document.title=1337"><script>document.title=1337;<!--‮gpj.mp4';
    const { page, control } = await visit({ prepare: control => busy(control, hostile) });
    await page.locator('.attention').getByText('<img src=x').waitFor();
    const job = { ...(control.details.get('run') ?? control.add({ id: 'run' })), source: `/in/${hostile}` };
    control.emit({ kind: 'job', job: { ...job, step: '<b>step</b>' } });
    await page.getByText('<b>step</b>').waitFor();
    // As it is, not as the mark in it would turn it: "...jpg.mp4" with the end before the beginning.
    await page.locator('.attention').getByText('\\u{202e}gpj.mp4').waitFor();
    expect(await page.locator('main img, main script, main b').count()).toBe(0);
    expect(await page.title()).toContain('shrinkbox');
  });

  it('says that the daemon is gone, comes back by itself and catches up', async () => {
    const stateDir = await tempDir();
    const first = await visit({ serve: { stateDir }, prepare: busy, mayComplain: true });
    const { page, control, server } = first;
    await page.locator('.active').getByText('running.mov').waitFor();
    const port = server.address?.port ?? 0;
    await server.close();
    await page.getByText('No connection to shrinkbox').waitFor();
    expect(await page.getByRole('button', { name: 'Pause', exact: true }).isDisabled()).toBe(true);
    control.add({ id: 'run', source: '/in/running.mov', state: 'failed', reason: 'it broke meanwhile' });
    await servePage({ stateDir, control, listen: { host: '127.0.0.1', port } });
    await page.getByText('it broke meanwhile').waitFor();
    await page.getByText('No connection to shrinkbox').waitFor({ state: 'detached' });
  });

  it('continues after the last event it saw, without asking for everything again', async () => {
    const line = await cuttable();
    const { page, control } = await visit({ prepare: busy, mayComplain: true, through: line.to });
    await page.locator('.active').getByText('running.mov').waitFor();
    const lists = () => control.calls.filter(call => call === 'jobs').length;
    await eventually(async () => expect(lists()).toBe(5), { what: 'the lists to be fetched' });
    const before = lists();
    await line.cut();
    await page.getByText('No connection to shrinkbox').waitFor();
    const job = control.details.get('run');
    if (job) control.emit({ kind: 'job', job: { ...job, progress: 0.99 } });
    await line.mend();
    await page.getByText('99%').waitFor();
    await page.getByText('No connection to shrinkbox').waitFor({ state: 'detached' });
    expect(lists()).toBe(before);
  });

  it('asks for the token where one is needed, keeps it for the tab and out of addresses', async () => {
    const token = new Secret('correct-horse-battery');
    const { page, control } = await visit({ serve: { token }, prepare: busy, mayComplain: true });
    const field = page.getByLabel('Token');
    await field.fill('wrong');
    await field.press('Enter');
    await page.getByText('This token is not correct.').waitFor();
    expect(control.calls).toEqual([]);
    await field.fill('correct-horse-battery');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator('.active').getByText('running.mov').waitFor();
    expect(page.url()).not.toContain('horse');
    await page.reload();
    await page.locator('.active').getByText('running.mov').waitFor();
  });

  it('stays small with 10,000 jobs, turns pages, finds names, and shows an update within 200 ms', async () => {
    const { page, control } = await visit({ prepare: control => finished(control, 10_000) });
    await page.locator('.history').getByText('1–25 of 10,000').waitFor();
    expect(Number(await page.evaluate('document.querySelectorAll("*").length'))).toBeLessThan(1000);
    await page.getByRole('button', { name: 'Older' }).click();
    await page.getByText('26–50 of 10,000').waitFor();
    await page.getByLabel('Find by file name').fill('clip 4711.');
    await page.getByText('clip 4711.mp4').waitFor();
    await page.getByLabel('Find by file name').fill('');
    await page.getByText('1–25 of 10,000').waitFor();
    const took = await latencies(page, control, 15);
    console.info(`10,000 jobs: shown after ${took.join(', ')} ms`);
    // A delay of ours would be in every one of them; the slow ones are the machine's.
    expect(took[2]).toBeLessThan(200);
  });

  it('fits a phone: nothing is cut off, everything can be reached with a thumb', async () => {
    const { page } = await visit({
      prepare: control => {
        busy(control, `${'long-name-'.repeat(20)}.mp4`);
        inFleet(control, 'run');
      },
      context: PHONE,
    });
    await page.locator('.history .row').first().waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    const heights = await page
      .locator('button:visible:not(.opener)')
      .evaluateAll(buttons => buttons.map(button => (button as unknown as { offsetHeight: number }).offsetHeight));
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(44);
  });

  it('speaks Chinese to who reads it, and keeps the language chosen', async () => {
    const { page } = await visit({ prepare: busy, context: { locale: 'zh-CN' } });
    await page.getByRole('heading', { name: '正在处理' }).waitFor();
    expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN');
    await page.getByLabel('语言').selectOption('en');
    await page.getByRole('heading', { name: 'Working now' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Working now' }).waitFor();
  });

  it('shows who makes which part of a film, and what each worker does', async () => {
    const prepare = (control: FakeControl) => {
      busy(control);
      inFleet(control, 'run');
    };
    const { page, control } = await visit({ prepare, mayComplain: true });
    const strip = page.getByRole('img', { name: '12 parts: 4 made, 3 being made' });
    await strip.waitFor();
    expect(await strip.locator('.part').count()).toBe(12);
    expect(await strip.locator('.part.making').first().getAttribute('title')).toBe(
      'part 5 · attic · second pass · 42%',
    );
    const rows = (await page.locator('.workers tbody tr').allInnerTexts()).map(text => text.replace(/\s+/g, ' '));
    expect(rows).toEqual([
      expect.stringContaining('attic 0.1.0 working running.mov · part 5 · second pass · 42% · 31 frames/s just now'),
      expect.stringContaining('cellar 0.1.0 resting running.mov · part 6 · second pass · 10% works 22:00-07:00'),
      expect.stringContaining('desk 0.1.0 working'),
      expect.stringContaining('garage 0.1.0 gets no work for 9 min, because it has 55 bytes instead of 1000'),
      expect.stringMatching(/old-laptop 0.1.0 away 2 hr 5 min ago/),
      expect.stringContaining('shed invited, has not joined yet'),
    ]);
    expect(await violations(page)).toEqual([]);
    if (control.fleet) control.fleet.queue = { up: false, since: Date.now(), why: 'ECONNREFUSED' };
    control.emit({ kind: 'status', status: control.status() });
    await page.getByRole('alert').getByText('(ECONNREFUSED). Parts being made go on').waitFor();
  });

  it('can be used by everybody (axe)', async () => {
    const { page } = await visit({ prepare: busy, mayComplain: true });
    await page.locator('.history .opener').first().click();
    await page.locator('.details dl').waitFor();
    expect(await violations(page)).toEqual([]);
  });

  it('can be used by everybody before anything has happened', async () => {
    const { page } = await visit();
    await page.locator('aside').waitFor();
    expect(await violations(page)).toEqual([]);
  });

  it('says what it is before anybody has signed in', async () => {
    const { page } = await visit({ serve: { token: new Secret('x'.repeat(20)) }, mayComplain: true });
    await page.getByLabel('Token').waitFor();
    expect(await violations(page)).toEqual([]);
  });
}

function busy(control: FakeControl, name = 'half.mp4'): void {
  const at = Date.now();
  const reason = 'the index is missing';
  control.add({ id: 'bad', source: `/in/${name}`, state: 'failed', reason, hint: 'Copy it again.', retry_helps: true });
  control.add({ id: 'run', source: '/in/running.mov', state: 'running', progress: 0.4, step: 'pass 1 of 2' });
  control.add({ id: 'one', source: '/in/one.mov' });
  control.add({
    id: 'two',
    source: '/in/two.mov',
    state: 'waiting',
    reason: 'the disk is full',
    waiting_until: at + 60_000,
  });
  finished(control, 3);
}

function finished(control: FakeControl, count: number): void {
  const at = Date.now();
  for (let i = 0; i < count; i += 1) {
    const source = `/in/clip ${i}.mp4`;
    control.add({ id: `d${i}`, source, state: 'done', output_bytes: 1_000_000, updated_at: at - i * 60_000 });
  }
}

class SlowUploads extends Uploads {
  override append(id: string, part: Parameters<Uploads['append']>[1]) {
    return super.append(id, { ...part, body: firstOf(part.body, 4) });
  }
}

/** A page in front of a real inbox. `isSlow`: what comes in is taken slowly. */
async function withInbox(
  visit: (options: VisitOptions & { mayComplain?: boolean }) => Promise<Visit>,
  options: { mayComplain?: boolean; isSlow?: boolean } = {},
): Promise<{ inbox: string; page: Page }> {
  const inbox = join(await tempDir(), 'inbox');
  await mkdir(inbox);
  const given = { inboxes: () => [inbox], minFree: () => ({ bytes: 0, share: 0 }), log: silentLogger };
  const uploads = options.isSlow ? new SlowUploads(given) : new Uploads(given);
  const prepare = (control: FakeControl) => {
    const status = control.status.bind(control);
    control.status = () => {
      const now = status();
      return { ...now, folders: now.folders.map(folder => ({ ...folder, inbox })) };
    };
  };
  const { page } = await visit({ serve: { uploads }, prepare, ...(options.mayComplain ? { mayComplain: true } : {}) });
  await page.getByRole('button', { name: 'Choose files' }).waitFor();
  return { inbox, page };
}

/** The first parts at once, the rest slowly. */
async function* firstOf(body: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let taken = 0;
  for await (const chunk of body) {
    yield chunk;
    taken += 1;
    if (taken > count) await new Promise(resolve => setTimeout(resolve, 15));
  }
}

/** Drags a file over the page and lets it fall; `file` is an expression evaluated there. */
async function dropOn(page: Page, file: string): Promise<void> {
  const carried = await page.evaluateHandle(
    `(() => { const all = new DataTransfer(); all.items.add(${file}); return all; })()`,
  );
  const main: Locator = page.locator('main');
  await main.dispatchEvent('dragover', { dataTransfer: carried });
  await page.getByText('Drop to add').waitFor();
  await main.dispatchEvent('drop', { dataTransfer: carried });
}

/** Milliseconds from the daemon's news to the browser's picture of them, sorted. */
async function latencies(page: Page, control: FakeControl, times: number): Promise<number[]> {
  await page.evaluate(`
    window.when = mark => new Promise(resolve => {
      const look = () => document.querySelector('.active')?.textContent.includes(mark) === true;
      const observer = new MutationObserver(() => {
        if (!look()) return;
        observer.disconnect();
        requestAnimationFrame(() => resolve(Date.now()));
      });
      observer.observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    0;
  `);
  const job = control.add({ id: 'quick', source: '/in/quick.mov', state: 'running', progress: 0 });
  const took: number[] = [];
  for (let i = 0; i < times; i += 1) {
    const seen = page.evaluate(`window.when('mark-${i}.')`);
    // The browser has begun to look when it answers the next question.
    await page.evaluate('0');
    const sent = Date.now();
    control.emit({ kind: 'job', job: { ...job, progress: i / times, step: `mark-${i}.` } });
    control.emit({ kind: 'status', status: control.status() });
    took.push(Number(await seen) - sent);
  }
  return took.sort((a, b) => a - b);
}
