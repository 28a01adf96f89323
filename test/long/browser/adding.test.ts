import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Uploads } from '../../../src/api/uploads.ts';
import { silentLogger } from '../../../src/platform/log.ts';
import { violations } from '../../support/browser.ts';
import { cuttable } from '../../support/cuttable.ts';
import { eventually } from '../../support/eventually.ts';
import type { FakeControl } from '../../support/fake-control.ts';
import { tempDir } from '../../support/serving.ts';
import { describeWithBrowser } from '../../support/with-browser.ts';

const MB = 2 ** 20;

/** Takes what comes in slowly. */
class SlowUploads extends Uploads {
  override append(id: string, part: Parameters<Uploads['append']>[1]) {
    return super.append(id, { ...part, body: slowly(part.body) });
  }
}

async function* slowly(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    await new Promise(resolve => setTimeout(resolve, 1));
    yield chunk;
  }
}

describeWithBrowser('adding files on the page', ({ visit: open }) => {
  async function visit(through?: (address: string) => Promise<string>) {
    const inbox = join(await tempDir(), 'inbox');
    mkdirSync(inbox);
    const given = { inboxes: () => [inbox], minFree: () => ({ bytes: 0, share: 0 }), log: silentLogger };
    const uploads = new SlowUploads(given);
    const prepare = (control: FakeControl) => {
      const status = control.status.bind(control);
      control.status = () => {
        const now = status();
        return { ...now, folders: now.folders.map(folder => ({ ...folder, inbox })) };
      };
    };
    // It says that a connection was cut.
    const mayComplain = /ERR_|Failed to load/;
    const opened = await open({ serve: { uploads }, prepare, mayComplain, ...(through && { through }) });
    await opened.page.getByRole('button', { name: 'Choose files' }).waitFor();
    return { ...opened, inbox };
  }

  it('a cut connection in the middle of a film: the page waits, goes on, and all of it is there', async () => {
    const { to, cut, mend } = await cuttable();
    const { page, inbox } = await visit(to);
    const film = randomBytes(24 * MB);
    const path = join(await tempDir(), 'film.mp4');
    writeFileSync(path, film);
    await page.locator('input[type=file]').setInputFiles(path);
    const size = () => readdirSync(inbox).reduce((sum, name) => sum + statSync(join(inbox, name)).size, 0);
    await eventually(() => size() > 4 * MB);
    await cut();
    await page.getByText('The connection is lost. It goes on by itself').waitFor();
    const before = size();
    expect(before).toBeLessThan(24 * MB);
    expect(await violations(page)).toEqual([]);
    await mend();
    await page.locator('.uploads').getByText('Added; it starts in a moment').waitFor();
    expect(readFileSync(join(inbox, 'film.mp4')).equals(film)).toBe(true);
    expect(readdirSync(inbox)).toEqual(['film.mp4']);
  });

  it('what a phone shares with the page is sent once the page is open', async () => {
    const { page, inbox } = await visit();
    await page.evaluate('navigator.serviceWorker.ready');
    await page.waitForFunction('navigator.serviceWorker.controller !== null');
    // As the share sheet does: a form, without a token.
    await page.evaluate(`(async () => {
      const form = new FormData();
      form.append('videos', new File(['shared'], 'from phone.mov', { type: 'video/quicktime' }));
      await fetch('./share', { method: 'POST', body: form });
    })()`);
    await page.reload();
    await page.locator('.uploads').getByText('Added; it starts in a moment').waitFor();
    expect(readFileSync(join(inbox, 'from phone.mov'), 'utf8')).toBe('shared');
    await page.reload();
    await page.getByRole('button', { name: 'Choose files' }).waitFor();
    expect(readdirSync(inbox)).toEqual(['from phone.mov']);
  });

  it('a dropped folder brings its videos, and says how many other files it did not send', async () => {
    const { page, inbox } = await visit();
    await page.evaluate(`(() => {
      const file = name => ({ isDirectory: false, name, file: done => done(new File(['x'], name)) });
      const folder = (name, ...entries) => ({
        isDirectory: true, name,
        createReader: () => ({ readEntries: done => done(entries.splice(0, 2)) }),
      });
      const tree = folder('trip', file('a.mp4'), file('.hidden.mp4'), folder('day 2', file('b.mov'), file('c.mp4'), file('1.txt')),
        file('2.txt'), file('3.txt'), file('4.txt'));
      const items = [{ webkitGetAsEntry: () => tree }];
      const event = new Event('drop', { bubbles: true, cancelable: true });
      event.dataTransfer = { types: ['Files'], items, files: [] };
      document.body.dispatchEvent(event);
    })()`);
    await page.getByText('4 other files').waitFor();
    await eventually(() => expect(readdirSync(inbox).sort()).toEqual(['a.mp4', 'b.mov', 'c.mp4']));
  });
});
