import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { englishOn, violations, type VisitOptions } from '../../support/browser.ts';
import { eventually } from '../../support/eventually.ts';
import { tempDir } from '../../support/serving.ts';
import { RULES, settingsIn } from '../../support/settings.ts';
import { describeWithBrowser } from '../../support/with-browser.ts';

describeWithBrowser('rules and settings on the page', ({ visit: open }) => {
  async function visit(options: VisitOptions = {}) {
    const file = settingsIn(await tempDir(), RULES);
    // The browser itself says that a change was refused, because the file has another version.
    const opened = await open({ ...options, serve: { settings: file.settings }, mayComplain: /409/ });
    await opened.page.locator('a.place').click();
    await opened.page.locator('.rules .card').first().waitFor();
    return { ...opened, ...file };
  }

  it('by keys alone a rule is changed, looked at and saved, and the file keeps its comments', async () => {
    const { page, text } = await visit();
    await page.getByRole('button', { name: 'Change the rule chat' }).focus();
    await page.keyboard.press('Enter');
    await page.getByLabel('At most', { exact: true }).focus();
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type('9 megs');
    await page.getByText('"9 megs" is not a size').waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type('9MB');
    const look = page.getByRole('button', { name: 'Look at the changes' });
    await eventually(() => look.isEnabled());
    await look.press('Enter');
    await page.locator('.review .new', { hasText: 'size: 9MB # as the messenger wants' }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Save' }).press('Enter');
    await page.getByText('Saved. New files follow the new rules.').waitFor();
    expect(text()).toBe(RULES.replace('8MB #', '9MB #'));
    await page.getByText('9MB').first().waitFor();
  });

  it('a file that is changed by hand meanwhile is said to be, and nothing of it is lost', async () => {
    const { page, path, text } = await visit();
    await page.getByLabel('From and until (empty for always)').fill('22:00-07:00');
    await page.getByRole('button', { name: 'Look at the changes' }).waitFor();
    writeFileSync(path, RULES.replace('40%', '30%'));
    await page.evaluate(`dispatchEvent(new Event('visibilitychange'))`);
    await page.getByText('The file was changed meanwhile.').waitFor();
    await page.getByRole('button', { name: 'Discard mine and load the file' }).click();
    await page.getByText('30%').waitFor();
    expect(text()).toBe(RULES.replace('40%', '30%'));
  });

  it('on a phone, in Chinese and in the dark, everybody can use it', async () => {
    const viewport = { width: 320, height: 800 };
    const { page } = await visit({ context: { viewport, colorScheme: 'dark', locale: 'zh-CN' } });
    await page.locator('.rules .opener').first().click();
    await page.locator('#which-name').fill('chat/x.mp4');
    await page.locator('.compared .yes').waitFor();
    // What `check` says of it, too (was: in English).
    await page.getByLabel('最大', { exact: true }).fill('9 megs');
    await page.getByText('不是大小').waitFor();
    expect(await violations(page)).toEqual([]);
    expect(await englishOn(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320);
  });
});
