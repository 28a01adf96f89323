/** How the page loads: what jumps, when something is there, and what comes over the network. */
import type { Browser } from 'playwright-core';

export interface Loading {
  width: number;
  /** Cumulative layout shift. */
  shift: number;
  /** Milliseconds from the navigation. */
  firstPaint: number;
  /** Bytes as they came over the network: the page's own files, and its first data and pictures. */
  ownBytes: number;
  dataBytes: number;
}

/** One visit of somebody who was never here. */
export async function load(browser: Browser, address: string, width: number): Promise<Loading> {
  const context = await browser.newContext({ locale: 'en-US', viewport: { width, height: 900 } });
  try {
    const page = await context.newPage();
    const network = await context.newCDPSession(page);
    await network.send('Network.enable');
    const paths = new Map<string, string>();
    const bytes = { own: 0, data: 0 };
    network.on('Network.requestWillBeSent', ({ requestId, request }) =>
      paths.set(requestId, new URL(request.url).pathname),
    );
    network.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      bytes[paths.get(requestId)?.startsWith('/api/') ? 'data' : 'own'] += encodedDataLength;
    });
    await page.addInitScript(`
      window.shift = 0;
      new PerformanceObserver(list => {
        for (const entry of list.getEntries()) window.shift += entry.value;
      }).observe({ type: 'layout-shift', buffered: true });
    `);
    await page.goto(address);
    await page.locator('.history .row').first().waitFor();
    // The stream of changes stays open, so the network is never idle; pictures come within this.
    await page.waitForTimeout(2_500);
    const painted = await page.evaluate(`performance.getEntriesByName('first-contentful-paint')[0].startTime`);
    const shift = await page.evaluate('window.shift');
    return { width, shift: Number(shift), firstPaint: Number(painted), ownBytes: bytes.own, dataBytes: bytes.data };
  } finally {
    await context.close();
  }
}
