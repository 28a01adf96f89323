/** A real browser on the built page, in front of a fake daemon; watched for anything it complains about. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import axe from 'axe-core';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { ServeOptions, Serving } from '../../src/api/serve.ts';
import type { FakeControl } from './fake-control.ts';
import { serving } from './serving.ts';

const BUILT = join(import.meta.dirname, '../../dist/web');
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The browser of this machine, from SHRINKBOX_CHROMIUM or PATH; `undefined` where there is none. */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folders = (env['PATH'] ?? '').split(delimiter).filter(folder => folder !== '');
  const places = folders.flatMap(folder => NAMES.map(name => join(folder, name)));
  return [...(env['SHRINKBOX_CHROMIUM'] ? [env['SHRINKBOX_CHROMIUM']] : []), ...places].find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** In a container chromium's own sandbox cannot be set up, and shared memory is too small. */
export function launch(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

/** For a busy machine; what is waited for takes a fraction of it. */
const PATIENCE_MS = 20_000;

export interface Visit {
  page: Page;
  context: BrowserContext;
  control: FakeControl;
  server: Serving;
  address: string;
  /** Errors in the console and uncaught ones, since the visit began. */
  complaints: string[];
}

export interface VisitOptions {
  serve?: Partial<ServeOptions> & { stateDir?: string };
  context?: BrowserContextOptions;
  prepare?: (control: FakeControl) => void;
  /** The browser goes there instead: something between it and the server. */
  through?: (address: string) => Promise<string>;
}

/** Serves the built page at a port of its own. */
export async function servePage(
  options: Partial<ServeOptions> & { stateDir?: string } = {},
): Promise<Pick<Visit, 'control' | 'server' | 'address'>> {
  const listen = { host: '127.0.0.1', port: 0 };
  const { control, server } = await serving({ pageDir: BUILT, listen, ...options });
  return { control, server, address: `http://127.0.0.1:${server.address?.port}/` };
}

/** Opens the page and waits until it shows what the daemon said. */
export async function visit(browser: Browser, options: VisitOptions = {}): Promise<Visit> {
  const { control, server, address } = await servePage(options.serve);
  options.prepare?.(control);
  const context = await browser.newContext({ locale: 'en-US', reducedMotion: 'reduce', ...options.context });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints: string[] = [];
  // Where a file has no picture, or there is no configuration, the browser says so by itself, and the page shows none.
  page.on('console', message => {
    if (/\/thumbnail|\/api\/config$/.test(message.location().url)) return;
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', error => complaints.push(String(error)));
  await page.goto((await options.through?.(address)) ?? address);
  return { page, context, control, server, address, complaints };
}

/** Everything a person reads or hears on the page that has three English words in a row. */
export async function englishOn(page: Page): Promise<string[]> {
  const read = (await page.evaluate(`(() => {
    const texts = document.body.innerText.split('\\n');
    for (const element of document.querySelectorAll('[aria-label], [title], [placeholder], [alt]')) {
      for (const name of ['aria-label', 'title', 'placeholder', 'alt']) texts.push(element.getAttribute(name) ?? '');
    }
    return [...texts, document.title];
  })()`)) as string[];
  return [...new Set(read.filter(text => /[A-Za-z]{2,}(?:[ ,.:;]+[A-Za-z]{2,}){2,}/.test(text)))];
}

/** What axe has against the page as it is now. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = (await page.evaluate('axe.run()')) as { violations: { id: string; nodes: { html: string }[] }[] };
  return found.violations.flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.html}`));
}
