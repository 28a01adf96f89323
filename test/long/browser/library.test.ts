import { expect, it } from 'vitest';
import { englishOn, violations, type VisitOptions } from '../../support/browser.ts';
import { eventually } from '../../support/eventually.ts';
import { libraryAtWork, plannedLibrary } from '../../support/library-views.ts';
import { describeWithBrowser } from '../../support/with-browser.ts';

describeWithBrowser('libraries on the page', ({ visit: open }) => {
  async function visit(options: VisitOptions) {
    const opened = await open(options);
    await opened.page.locator('a.place.libraries').click();
    await opened.page.locator('.library').first().waitFor();
    return opened;
  }

  it('a plan says what would come of it and why, and its button confirms that very plan', async () => {
    const { page, control } = await visit({ prepare: fake => void fake.libraryViews.push(plannedLibrary()) });
    await page.getByText('701 GB').waitFor();
    await page.getByText('with several names (hard links)').waitFor();
    expect(await page.getByText(/holiday tape \d+/).count()).toBe(20);
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Start with these 1,310' }).press('Enter');
    await eventually(() => control.calls.includes('start /srv/videos/2019 plan1'));
  });

  it('at work it says what is freed, left and next, and is stopped; a check says what it found, in Chinese too', async () => {
    const why = { why: 'it no longer has the bytes of the original', message: { code: 'library.check-archive' } };
    const check = { done: true, checked: 412, of: 412, problems: [{ path: '/mnt/second/a.mov', ...why }], settled: [] };
    const { page, control } = await visit({
      context: { locale: 'zh-CN' },
      prepare: fake => void fake.libraryViews.push(libraryAtWork({ check })),
    });
    await page.getByText('121 GB').waitFor();
    await page.getByText('下一个：holiday tape 4.mov').waitFor();
    await page.locator('.care summary').click();
    await page.locator('.plan summary').click();
    await page.getByText('已检查 412 个，有 1 个问题。').waitFor();
    // The name of a folder is what it is.
    expect((await englishOn(page)).filter(text => !text.includes('Summer at the lake'))).toEqual([]);
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: '停止', exact: true }).click();
    await eventually(() => control.calls.includes('stop /srv/videos'));
  });
});
