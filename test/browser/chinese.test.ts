import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { messageOf, type Sentence } from '../../src/core/message.ts';
import { say } from '../../src/messages/say.ts';
import { englishOn, findChromium, launch, visit } from '../support/browser.ts';
import { type FakeControl, inFleet } from '../support/fake-control.ts';

const chromium = findChromium();

if (chromium === undefined) {
  it('has no browser to look at the page with: install chromium, or name one in SHRINKBOX_CHROMIUM', () => {
    expect(findChromium()).toBeUndefined();
  });
} else {
  describe('the page in Chinese', () => suite(chromium));
}

function suite(executable: string): void {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch(executable);
  });
  afterAll(() => browser.close());

  async function open(prepare: (control: FakeControl) => void): Promise<{ page: Page; control: FakeControl }> {
    const { page, context, control } = await visit(browser, { prepare, context: { locale: 'zh-CN' } });
    onTestFinished(() => context.close());
    await page.getByRole('heading', { name: '累计缩小' }).waitFor();
    return { page, control };
  }

  it('has no English sentence for a held, a failed, a finished and a running job, their details open', async () => {
    const { page } = await open(control => {
      aJobOfEachKind(control);
      inFleet(control, 'run');
    });
    for (const name of ['held.mov', 'failed.mp4', 'running.mov', 'done.mp4', 'cancelled.mp4']) {
      await page.getByRole('button', { name: `${name} 的详情` }).click();
    }
    await page.locator('.details dl').nth(4).waitFor();
    expect(await englishOn(page)).toEqual([]);
    const shown = await page.locator('body').innerText();
    for (const words of [
      '/out 需要',
      '请释放一些空间',
      '第 2 遍（共 2 遍），第 3 次尝试',
      '名为 a.mp4 的文件已经太多',
    ]) {
      expect(shown).toContain(words);
    }
  });

  it('says in Chinese that an inbox is away, an engine is paused, and why an action cannot be done', async () => {
    const { page, control } = await open(control => {
      aJobOfEachKind(control);
      const missing = say('api.inbox-missing', { inbox: '/in' });
      const silent = say('files.mount-silent', { path: '/in' });
      const status = control.status.bind(control);
      control.status = () => {
        const now = status();
        return {
          ...now,
          engines: now.engines.map(engine => ({ ...engine, ready: false, ...reason(silent) })),
          folders: now.folders.map(folder => ({ ...folder, available: false, ...reason(missing) })),
        };
      };
    });
    await page.getByText('收件箱 /in 不可用：/in 不存在').waitFor();
    await page.getByText('本机目前不处理任务').waitFor();
    control.details.delete('bad');
    await page.getByRole('button', { name: '重试：failed.mp4' }).click();
    await page.getByRole('alert').getByText('操作未成功：没有这个编号的任务').waitFor();
    expect(await englishOn(page)).toEqual([]);
  });

  it('keeps the English of a journal that has no codes', async () => {
    const { page } = await open(control =>
      control.add({ id: 'old', source: '/in/old.mp4', state: 'failed', reason: 'the index is missing' }),
    );
    await page.getByText('the index is missing').waitFor();
    expect(await englishOn(page)).toEqual(['the index is missing']);
  });
}

function reason(sentence: Sentence): { reason: string; messages: { reason?: ReturnType<typeof messageOf> } } {
  return { reason: sentence.text, messages: { reason: messageOf(sentence) } };
}

function aJobOfEachKind(control: FakeControl): void {
  const full = say('files.not-enough-space', { path: '/out', needed: 5_000_000, missing: 1_000_000 });
  const hint = say('files.hint-no-space');
  const step = say('step.pass-2', { attempt: 3 });
  const note = say('api.name-taken', { name: 'a.mp4' });
  const at = Date.now();
  const history = [{ at, event: 'held', note: full.text, message: messageOf(full) }];
  const withHint = { ...reason(full), hint: hint.text };
  control.add({
    id: 'held',
    source: '/in/held.mov',
    state: 'held',
    ...withHint,
    history,
    messages: { reason: messageOf(full), hint: messageOf(hint) },
  });
  const unreadable = say('api.upload-empty');
  const again = { retry_helps: true, history: [] };
  control.add({ id: 'bad', source: '/in/failed.mp4', state: 'failed', ...reason(unreadable), ...again });
  control.add({
    id: 'run',
    source: '/in/running.mov',
    state: 'running',
    progress: 0.4,
    step: step.text,
    progress_note: note.text,
    messages: { step: messageOf(step), progress_note: messageOf(note) },
    history: [{ at, event: 'step', note: step.text, message: messageOf(step) }],
  });
  control.add({
    id: 'done',
    source: '/in/done.mp4',
    state: 'done',
    output: '/out/done.mp4',
    output_bytes: 1_000_000,
    how: step.text,
    notes: [note.text, hint.text],
    evidence: step.text,
    history: [],
    messages: {
      how: messageOf(step),
      notes: [note, hint].map(each => messageOf(each) ?? null),
      evidence: messageOf(step),
    },
  });
  control.add({ id: 'off', source: '/in/cancelled.mp4', state: 'cancelled', ...reason(unreadable), history: [] });
}
