/** A phone comes in by a link: the code leaves the address, is never part of a request's, and works once. */
import type { Browser, BrowserContext } from 'playwright-core';
import { expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../../src/config/secrets.ts';
import { violations } from '../../support/browser.ts';
import { ask } from '../../support/serving.ts';
import { describeWithBrowser, type Opening } from '../../support/with-browser.ts';

const TOKEN = 'a-token-of-the-test-0123456789';
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true } as const;

describeWithBrowser('a phone', ({ browser, visit: open }) => {
  async function visit(options: Opening = {}) {
    // Without a token it is let in nowhere, which the browser says.
    const serve = { token: new Secret(TOKEN), ...options.serve };
    const opened = await open({ ...options, serve, mayComplain: /401|409/ });
    const code = async () => (await ask(opened.server, '/api/pairing', { method: 'POST' })).json.code as string;
    return { ...opened, code };
  }

  async function device(context: Parameters<Browser['newContext']>[0] = PHONE): Promise<BrowserContext> {
    const made = await browser().newContext({ locale: 'en-US', ...context });
    onTestFinished(() => made.close());
    return made;
  }

  it('comes in by a link that works once, and stays in', async () => {
    const { address, code } = await visit();
    const link = `${address}#pair=${await code()}`;
    const asked: string[] = [];
    const phone = await device();
    phone.on('request', request => asked.push(request.url()));
    const page = await phone.newPage();
    await page.goto(link);
    await page.getByRole('heading', { name: 'shrinkbox' }).waitFor();
    await page.getByText('Ready').waitFor();
    expect(page.url()).toBe(address);
    expect(asked.filter(url => url.includes('pair='))).toEqual([]);
    const tab = await phone.newPage();
    await tab.goto(address);
    await tab.getByText('Ready').waitFor();
    await tab.getByRole('button', { name: 'Sign out' }).click();
    await tab.getByRole('heading', { name: 'Access token required' }).waitFor();

    const other = await (await device()).newPage();
    await other.goto(link);
    await other.getByText('This link was used before, or is older than ten minutes.').waitFor();
    expect(await violations(other)).toEqual([]);
    await other.getByLabel('Token').fill(TOKEN);
    await other.getByLabel('Stay signed in on this device').check();
    await other.getByRole('button', { name: 'Sign in' }).click();
    await other.getByText('Ready').waitFor();
  });

  it.each(['light', 'dark'] as const)('is let in by whoever is in already (%s)', async colorScheme => {
    const { page, code, address } = await visit({ context: { colorScheme } });
    await page.goto('about:blank');
    await page.goto(`${address}#pair=${await code()}`);
    await page.getByRole('button', { name: 'Open on a phone' }).click();
    const dialog = page.getByRole('dialog', { name: 'Open on a phone' });
    const link = (await dialog.locator('.address').textContent()) ?? '';
    await dialog.locator('svg.code path').waitFor({ state: 'attached' });
    expect(await violations(page)).toEqual([]);
    const phone = await (await device()).newPage();
    await phone.goto(link);
    await phone.getByText('Ready').waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Open on a phone');
  });

  it('is told what to do where the page has no token', async () => {
    const { page } = await visit({ serve: { token: undefined } });
    await page.getByRole('button', { name: 'Open on a phone' }).click();
    await page.getByRole('dialog').getByText('shrinkbox init --lan').waitFor();
  });
});
