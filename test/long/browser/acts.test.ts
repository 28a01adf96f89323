import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, it, onTestFinished } from 'vitest';
import type { Thumbnails } from '../../../src/api/thumbnails.ts';
import { messageOf } from '../../../src/core/message.ts';
import { say } from '../../../src/messages/say.ts';
import { violations, type VisitOptions } from '../../support/browser.ts';
import { eventually } from '../../support/eventually.ts';
import type { FakeControl } from '../../support/fake-control.ts';
import { still } from '../../support/scenes.ts';
import { describeWithBrowser } from '../../support/with-browser.ts';

const HOUR = 3_600_000;

describeWithBrowser('what can be done on the page', ({ visit: open }) => {
  // A fake daemon has no pictures to compare and no token to give, which the browser says.
  const visit = (options: VisitOptions = {}) => open({ ...options, mayComplain: /404|409/ });

  it.each([320, 390, 1440, 2560])('nothing jumps while it loads, %i px wide', async width => {
    const prepare = (control: FakeControl) => {
      busy(control);
      endsAt(control, Date.now() + 30 * HOUR);
    };
    const { page } = await visit({ prepare, context: { viewport: { width, height: 900 } } });
    await page.addInitScript(`
      window.shift = 0;
      new PerformanceObserver(list => {
        for (const entry of list.getEntries()) window.shift += entry.value;
      }).observe({ type: 'layout-shift', buffered: true });
    `);
    await page.reload();
    await page.locator('.history .row').first().waitFor();
    await page.waitForLoadState('networkidle').catch(() => {});
    expect(await page.evaluate('window.shift')).toBeLessThan(0.05);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    // "done about Dec 3, 20:40" in one piece.
    expect(await page.evaluate(`document.querySelector('.line-up .whole').getClientRects().length`)).toBe(1);
  });

  it('many at once: those that are selected are restored, those that can be are tried again', async () => {
    const prepare = (control: FakeControl) => {
      for (const id of ['a', 'b', 'c']) {
        const original = id === 'c' ? null : `/archive/${id}.mp4`;
        control.add({ id, source: `/in/${id}.mp4`, state: 'done', output_bytes: 1_000_000, original });
      }
      control.add({ id: 'd', source: '/in/d.mp4', state: 'cancelled' });
    };
    const { page, control } = await visit({ prepare });
    await page.getByRole('button', { name: 'Select', exact: true }).click();
    await page.getByLabel('All on this page').check();
    await page.getByLabel('Select c.mp4').uncheck();
    await page.getByText('3 selected').waitFor();
    await page.getByRole('button', { name: 'Restore the original: all 2' }).click();
    await eventually(() => control.calls.includes('restore a') && control.calls.includes('restore b'));
    await page.getByRole('button', { name: 'Try again: d.mp4' }).click();
    await eventually(() => control.calls.includes('retry d'));
    expect(control.calls).not.toContain('restore c');
  });

  it('the archive is looked through, and what is chosen comes back, by keys alone', async () => {
    const prepare = (control: FakeControl) => {
      for (const id of ['beach', 'garden']) {
        control.add({ id, source: `/in/${id}.mov`, state: 'done', output_bytes: 5, original: `/archive/${id}.mov` });
      }
    };
    const { page, control } = await visit({ prepare });
    await page.evaluate(`location.hash = '#archive'`);
    await page.getByText('2 originals, 8.00 MB').waitFor();
    await page.getByRole('searchbox').fill('gard');
    await page.getByLabel('Choose garden.mov').press('Space');
    await page.getByRole('button', { name: 'Restore 1' }).press('Enter');
    await page.getByText('1 restored').waitFor();
    expect(control.calls.filter(call => call.startsWith('restore'))).toEqual(['restore garden']);
    expect(await violations(page)).toEqual([]);
  });

  it.each([
    ['light', {}],
    ['dark', {}],
    ['light', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }],
  ] as const)('everybody can use each part of it (axe, %s)', async (colorScheme, device) => {
    const prepare = (control: FakeControl) => {
      busy(control);
      hopeless(control, 'n', 'tiny.mp4');
    };
    const { page } = await visit({ prepare, context: { colorScheme, ...device } });
    await page.getByRole('button', { name: 'Say something else…: tiny.mp4' }).click();
    await page.locator('.history .opener').first().click();
    await page.locator('.details dl').waitFor();
    await page.getByRole('button', { name: 'Cancel: three.mov' }).click();
    await page.getByRole('button', { name: 'Undo' }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Compare: clip 0.mp4' }).click();
    await page.getByText('Nothing to compare').waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    // Back where the person was.
    const focused = await page.evaluate('document.activeElement.getAttribute("aria-label")');
    expect(focused).toBe('Compare: clip 0.mp4');
  });

  it('what runs stays in sight with 80 that need somebody and 400 in line', async () => {
    const { page } = await visit({ prepare: backlog, context: { viewport: { width: 390, height: 844 } } });
    const line = page.getByRole('button', { name: /^80 need you/ });
    await line.waitFor();
    const { y } = (await page.locator('.active').boundingBox()) ?? { y: 9999 };
    expect(y).toBeLessThan(500);
    await line.click();
    await page.getByRole('button', { name: 'Leave it: all 60' }).waitFor();
    await page.getByText('Show more (394 left)').waitFor();
  });

  it('the line of 80 named a file that the page had not loaded', async () => {
    const { page } = await visit({ prepare: backlog });
    const gist = page.locator('.needs-line .gist');
    await eventually(async () => expect(await gist.innerText()).toContain('20 × … is not a video'), {
      what: 'the line',
    });
    expect(await gist.innerText()).not.toContain('.mp4');
  });

  it('one tap asks for the size that would do', async () => {
    const { page, control } = await visit({ prepare: control => hopeless(control, 'n', 'tiny.mp4') });
    const words = asked(control);
    await page.getByRole('button', { name: 'Use 164 kB: tiny.mp4' }).click();
    await eventually(async () => expect(words).toEqual(['at most 164123 bytes']), { what: 'the words to arrive' });
    expect(await page.getByRole('button', { name: /^Try again/ }).count()).toBe(0);
  });

  it('says how words are understood while they are typed', async () => {
    const { page, control } = await visit({ prepare: control => hopeless(control, 'n', 'tiny.mp4') });
    const words = asked(control);
    await page.getByRole('button', { name: 'Say something else…: tiny.mp4' }).click();
    await page.keyboard.type('25 MB');
    await page.getByText('Understood as: at most 25 MB').waitFor();
    await page.keyboard.press('Enter');
    await eventually(async () => expect(words).toEqual(['25 MB']), { what: 'the words to arrive' });
    await page.locator('.say').waitFor({ state: 'detached' });
  });

  it('a cancelled job can be taken back at once', async () => {
    const { page, control } = await visit({ prepare: busy });
    await page.getByRole('button', { name: 'Cancel: one.mov' }).click();
    await page.getByText('one.mov: cancelled').waitFor();
    control.add({ id: 'one', source: '/in/one.mov', state: 'queued' });
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.locator('.toast').waitFor({ state: 'detached' });
    const acts = () => control.calls.filter(call => call.endsWith(' one') && !call.startsWith('job'));
    await eventually(async () => expect(acts()).toEqual(['cancel one', 'retry one']), { what: 'both requests' });
  });

  it('the queue is put in order by button, by keys and by dragging', async () => {
    const { page, control } = await visit({ prepare: busy });
    const moves = () => control.calls.filter(call => call.startsWith('move'));
    await page.getByRole('button', { name: 'Move to the top: two.mov' }).click();
    await eventually(async () => expect(moves()).toEqual(['move "top" two']), { what: 'the button' });
    await page.getByRole('button', { name: /^Move one\.mov: arrow/ }).press('ArrowDown');
    await eventually(async () => expect(moves()[1]).toBe('move {"before":"three"} one'), { what: 'the key' });
    const handle = page.getByRole('button', { name: /^Move three\.mov: arrow/ });
    await handle.dragTo(page.locator('.queue .row').nth(1));
    await eventually(async () => expect(moves()[2]).toBe('move {"before":"two"} three'), { what: 'the drag' });
    await page.getByLabel('Order').first().selectOption('largest-saving');
    await eventually(async () => expect(control.order).toBe('largest-saving'), { what: 'the order' });
  });

  it('the queue is put in order by a finger, which does not scroll the page (was: by a mouse only)', async () => {
    const viewport = { width: 390, height: 844 };
    const { page, control, context } = await visit({
      prepare: busy,
      context: { viewport, isMobile: true, hasTouch: true },
    });
    const handle = page.getByRole('button', { name: /^Move three\.mov: arrow/ });
    await handle.scrollIntoViewIfNeeded();
    const [from, to] = [await handle.boundingBox(), await page.locator('.queue .row').nth(1).boundingBox()];
    const scrolled = await page.evaluate('scrollY');
    const touch = await context.newCDPSession(page);
    const at = (box: typeof from) => [{ x: (box?.x ?? 0) + 12, y: (box?.y ?? 0) + 20 }];
    await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(from) });
    await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at(to) });
    await page.locator('.queue .row.over').waitFor();
    expect(await page.evaluate('scrollY')).toBe(scrolled);
    await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await eventually(async () => expect(control.calls).toContain('move {"before":"two"} three'), { what: 'the drag' });
  });

  async function byKeys() {
    const opened = await visit({ prepare: everyAct });
    const { page, control } = opened;
    await page.locator('.history .row').first().waitFor();
    const calls = (call: string) => eventually(async () => expect(control.calls).toContain(call), { what: call });
    return { ...opened, calls, words: asked(control), press: (key: string) => page.keyboard.press(key) };
  }

  it('with the Tab key: pause, words, leaving it and undo, and the focus stays where it was', async () => {
    const { page, calls, press } = await byKeys();
    await tabTo(page, 'Pause');
    await press('Enter');
    await calls('pause');
    await tabTo(page, 'Pause: running.mov');
    await press('Enter');
    await calls('pause run');
    await tabTo(page, 'Say something else…: tiny.mp4');
    await press('Enter');
    await page.keyboard.type('25 MB');
    await press('Escape');
    await page.locator('.say').waitFor({ state: 'detached' });
    expect(await focused(page)).toBe('Say something else…: tiny.mp4');
    await tabTo(page, 'Leave it: tiny.mp4');
    await press('Enter');
    await calls('cancel n');
    await press('Control+z');
    await calls('retry n');
  });

  it('with the Tab key: the order of the queue, words for a job in it, and a size for what is added', async () => {
    const { page, control, calls, words, press } = await byKeys();
    await tabTo(page, 'Order');
    await press('ArrowDown');
    await eventually(async () => expect(control.order).toBe('largest-saving'), { what: 'the order' });
    await tabTo(page, /^Move two\.mov: arrow/);
    await press('ArrowUp');
    await calls('move "top" two');
    await tabTo(page, 'Change…: two.mov');
    await press('Space');
    await page.keyboard.type('half the size');
    await press('Enter');
    await eventually(async () => expect(words).toEqual(['half the size']), { what: 'the words' });
    await tabTo(page, '25 MB');
    await press('Space');
    expect(await page.getByLabel('Instruction').inputValue()).toBe('at most 25 MB');
  });

  it('with the Tab key: select, find, play, the phone and the rules, and the focus comes back', async () => {
    const { page, press } = await byKeys();
    await tabTo(page, 'Select');
    await press('Enter');
    await tabTo(page, 'Find by file name');
    await page.keyboard.type('clip 1');
    await page.getByText('clip 0.mp4').first().waitFor({ state: 'detached' });
    await tabTo(page, 'Select clip 1.mp4');
    await press('Space');
    await page.getByText('1 selected').waitFor();
    await tabTo(page, 'Download: clip 1.mp4');
    await tabTo(page, 'Play: clip 1.mp4');
    await press('Enter');
    await page.getByRole('dialog', { name: /clip 1\.mp4/ }).waitFor();
    await press('Escape');
    expect(await focused(page)).toBe('Play: clip 1.mp4');
    await tabTo(page, 'Open on a phone');
    await press('Enter');
    await page.getByRole('dialog', { name: 'Open on a phone' }).waitFor();
    await press('Escape');
    expect(await focused(page)).toBe('Open on a phone');
    await tabTo(page, 'Rules and settings');
    await press('Enter');
    await page.locator('main#rules').waitFor();
  });

  it('with the Tab key: cancel, and Ctrl+Z at once, which is nearer than the button', async () => {
    const { page, control, calls, press } = await byKeys();
    takeEffect(control);
    await tabTo(page, 'Cancel: one.mov');
    await press('Enter');
    await calls('cancel one');
    // Was: to the top of the list, the whole way again.
    await focusComes(page, /^Move two\.mov|^Change…: two\.mov/);
    await page.getByText('one.mov: cancelled').waitFor();
    await press('Control+z');
    await calls('retry one');
    await tabTo(page, 'Cancel: three.mov');
    await press('Enter');
    await focusComes(page, /two\.mov|one\.mov/);
  });

  it('with the Tab key: the size that would do, Try again and Dismiss, each going on to the next that needs somebody', async () => {
    const { page, control, calls, words, press } = await byKeys();
    takeEffect(control);
    for (const [id, more] of Object.entries({ again: { retry_helps: true }, no: { retry_helps: false } })) {
      control.add({ id, source: `/in/${id}.txt`, state: 'failed', reason: `${id} is not a video`, ...more });
    }
    await page.reload();
    await page.getByText('3 need you').waitFor();
    await tabTo(page, 'Use 164 kB: tiny.mp4');
    await press('Enter');
    await eventually(async () => expect(words).toEqual(['at most 164123 bytes']), { what: 'the words' });
    await focusComes(page, /(again|no)\.txt$/);
    await tabTo(page, 'Try again: again.txt');
    await press('Enter');
    await calls('retry again');
    await focusComes(page, /no\.txt$/);
    await tabTo(page, 'Dismiss: no.txt');
    await press('Enter');
    await calls('cancel no');
    await eventually(async () => expect(await page.evaluate('document.activeElement.tagName')).not.toBe('BODY'));
  });

  it('with the Tab key: the page rests and goes on by one button, which keeps the focus', async () => {
    const { page, calls, press } = await byKeys();
    await tabTo(page, 'Pause');
    await press('Enter');
    await calls('pause');
    // Was: nowhere, because a button that is busy was disabled.
    await focusComes(page, 'Resume');
    await press('Enter');
    await calls('resume');
    await focusComes(page, 'Pause');
  });

  it('with the Tab key: compare, the edge, the loupe and the moments, and back where it began', async () => {
    const picture = await onePicture();
    const one = async () => picture;
    const thumbnails = { picture: one, thumbnail: one } as unknown as Thumbnails;
    const { page } = await visit({ prepare: busy, serve: { thumbnails } });
    const { keyboard } = page;
    await tabTo(page, 'Compare: clip 0.mp4');
    await keyboard.press('Enter');
    await page.locator('.pictures img').nth(1).waitFor();
    await tabTo(page, 'Compare before and after');
    for (let i = 0; i < 5; i += 1) await keyboard.press('ArrowRight');
    expect(await page.locator('.pictures > img').nth(1).getAttribute('style')).toContain('55%');
    await tabTo(page, 'Loupe');
    await keyboard.press('Space');
    // Was: only under a pointer.
    const at = () => page.locator('.loupe').evaluate(each => (each as unknown as HTMLElement).offsetTop);
    const before = await at();
    await tabTo(page, 'Compare before and after');
    await keyboard.press('ArrowDown');
    await eventually(async () => expect(await at()).toBeGreaterThan(before));
    expect(await page.locator('.pictures > img').nth(1).getAttribute('style')).toContain('55%');
    await tabTo(page, 'Moment 4 of 5');
    await keyboard.press('Enter');
    await page.locator('.moments [aria-pressed="true"]').getByText('4').waitFor();
    await focusComes(page, 'Moment 4 of 5');
    await tabTo(page, 'Close');
    await keyboard.press('Enter');
    await page.locator('.viewer').waitFor({ state: 'detached' });
    expect(await focused(page)).toBe('Compare: clip 0.mp4');
  });

  it('a screen reader hears the name of a held video once (was: again in the reason)', async () => {
    const { page } = await visit({ prepare: control => hopeless(control, 'n', 'tiny.mp4') });
    await page.getByText('would be unrecognisable').waitFor();
    const read = await page.locator('.needy .what').ariaSnapshot();
    expect(read.match(/tiny\.mp4/g)).toHaveLength(1);
    expect(await page.locator('.needy .reason').innerText()).toMatch(/^tiny\.mp4 /);
  });

  it('a size that is given up for the sake of the look is not promised', async () => {
    const prepare = (control: FakeControl) => {
      control.add({ id: 'a', target_firm: true });
      control.add({ id: 'b', target_firm: false });
    };
    const { page } = await visit({ prepare });
    await page.getByText('4.00 MB → at most 1.00 MB', { exact: true }).waitFor();
    await page.getByText('4.00 MB → at most 1.00 MB if quality allows', { exact: true }).waitFor();
  });

  it('one job rests and goes on', async () => {
    const { page, control } = await visit({ prepare: busy });
    await page.getByRole('button', { name: 'Pause: running.mov' }).click();
    await eventually(async () => expect(control.calls).toContain('pause run'), { what: 'the request' });
    const job = control.add({ ...control.details.get('run'), id: 'run', paused: true });
    const { eta_ms, progress_note, hint, waiting_until, undo_until, paused, retry_helps, place } = job;
    control.emit({
      kind: 'job',
      job,
      live: { eta_ms, progress_note, hint, waiting_until, undo_until, paused, retry_helps, place },
    });
    await page.getByText('Paused at 40%').waitFor();
    await page.getByRole('button', { name: 'Continue: running.mov' }).click();
    await eventually(async () => expect(control.calls).toContain('resume run'), { what: 'the request' });
  });

  it('looks in every state for a word, and narrows by state', async () => {
    const { page } = await visit({ prepare: busy });
    await page.getByLabel('Find by file name').fill('one');
    await page.locator('.history .name').getByText('one.mov').waitFor();
    await page.getByLabel('Find by file name').fill('');
    await page.getByLabel('Show').selectOption('queue');
    await page.locator('.history .name').getByText('running.mov').waitFor();
    expect(await page.locator('.history .row').count()).toBe(4);
  });

  it('a chip is words, which can be seen and changed', async () => {
    const { page } = await visit();
    await page.getByRole('button', { name: '25 MB' }).click();
    expect(await page.getByLabel('Instruction').inputValue()).toBe('at most 25 MB');
    await page.getByText('Understood as: at most 25 MB').waitFor();
  });
});

function busy(control: FakeControl): void {
  control.add({ id: 'run', source: '/in/running.mov', state: 'running', progress: 0.4, step: 'pass 1 of 2' });
  for (const [at, id] of ['one', 'two', 'three'].entries()) {
    control.add({ id, source: `/in/${id}.mov`, created_at: 1_700_000_000_000 + at });
  }
  control.queue = ['one', 'two', 'three'];
  for (let i = 0; i < 12; i += 1) {
    const at = Date.now() - i * 3_600_000;
    control.add({ id: `d${i}`, source: `/in/clip ${i}.mp4`, state: 'done', output_bytes: 1_000_000, updated_at: at });
  }
}

/** The daemon says when the queue ends. */
function endsAt(control: FakeControl, finish_at: number): void {
  const status = control.status.bind(control);
  control.status = () => {
    const now = status();
    return { ...now, queue: { ...now.queue, left_ms: finish_at - Date.now(), finish_at } };
  };
}

function hopeless(control: FakeControl, id: string, file: string): void {
  const reason = say('local.hopeless', { file, cap: 5000, seconds: 12, decent: 164_123 });
  const hint = say('local.hopeless-hint', { decent: 164_123 });
  const messages = { reason: messageOf(reason), hint: messageOf(hint) };
  control.add({ id, source: `/in/${file}`, state: 'held', reason: reason.text, hint: hint.text, messages });
}

function backlog(control: FakeControl): void {
  busy(control);
  for (let i = 0; i < 60; i += 1) hopeless(control, `h${i}`, `tiny ${i}.mp4`);
  for (let i = 0; i < 20; i += 1) {
    control.add({ id: `f${i}`, source: `/in/text ${i}.mp4`, state: 'failed', reason: `text ${i}.mp4 is not a video` });
  }
  for (let i = 0; i < 397; i += 1) control.add({ id: `q${i}`, source: `/in/waits ${i}.mp4` });
}

/** What is asked of the daemon happens at once. */
function takeEffect(control: FakeControl): void {
  const becomes = (act: 'cancel' | 'retry' | 'refine', state: 'cancelled' | 'queued') => {
    const asks = control[act] as (id: string, words: string) => ReturnType<FakeControl['cancel']>;
    const does = (id: string, words = '') => {
      const job = control.add({ ...control.details.get(id), id, state, reason: null });
      control.queue = control.queue.filter(each => each !== id);
      const { eta_ms, progress_note, hint, waiting_until, undo_until, paused, retry_helps, place } = job;
      const live = { eta_ms, progress_note, hint, waiting_until, undo_until, paused, retry_helps, place };
      control.emit({ kind: 'job', job, live });
      control.emit({ kind: 'status', status: control.status() });
      return asks(id, words);
    };
    control[act] = does;
  };
  becomes('cancel', 'cancelled');
  becomes('retry', 'queued');
  becomes('refine', 'queued');
}

async function onePicture(): Promise<Uint8Array<ArrayBuffer>> {
  const file = join(mkdtempSync(join(tmpdir(), 'shrinkbox-still-')), 'still.jpg');
  onTestFinished(() => rmSync(dirname(file), { recursive: true, force: true }));
  await still(file, 'sunset');
  return new Uint8Array(readFileSync(file));
}

/** Waits until what has this name has the focus. */
async function focusComes(page: Page, name: string | RegExp): Promise<void> {
  await eventually(async () => expect((await focused(page)).trim()).toMatch(name), { what: `the focus at ${name}` });
}

/** The words of every refinement asked for from now on. */
function asked(control: FakeControl): string[] {
  const words: string[] = [];
  const { refine } = control;
  control.refine = (id, said) => {
    words.push(said);
    return refine(id, said);
  };
  return words;
}

function everyAct(control: FakeControl): void {
  busy(control);
  hopeless(control, 'n', 'tiny.mp4');
}

/** What has the focus, as it is read aloud. */
function focused(page: Page): Promise<string> {
  return page.evaluate(`(() => {
    const { activeElement: at } = document;
    return at.getAttribute('aria-label') ?? at.labels?.[0]?.textContent ?? at.textContent;
  })()`);
}

/** More than the page has stops. */
const STOPS = 120;

/** Presses Tab until what has this name has the focus; from the end of the page it begins again at its top. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  for (let i = 0; i < STOPS; i += 1) {
    await page.keyboard.press('Tab');
    const at = (await focused(page)).trim();
    if (typeof name === 'string' ? at === name : name.test(at)) return;
  }
  throw new Error(`${name} cannot be reached with the Tab key`);
}
