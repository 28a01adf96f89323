/** What every file of tests with a browser begins with: one browser for all of them, and visits that end with their test. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest';
import { findChromium, launch, type Visit, type VisitOptions, visit } from './browser.ts';

export interface Opening extends VisitOptions {
  /** What the browser may complain about; a complaint about anything else fails the test. */
  mayComplain?: RegExp;
}

export interface WithBrowser {
  browser(): Browser;
  visit(options?: Opening): Promise<Visit>;
}

/** A machine without a browser passes (page.test.ts says so), and .ci/run has one. */
export function describeWithBrowser(what: string, tests: (given: WithBrowser) => void): void {
  const chromium = findChromium();
  describe.skipIf(chromium === undefined)(what, () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await launch(chromium ?? '');
    });
    afterAll(() => browser.close());
    tests({
      browser: () => browser,
      async visit({ mayComplain, ...options } = {}) {
        const opened = await visit(browser, options);
        onTestFinished(async () => {
          await opened.context.close();
          expect(opened.complaints.filter(each => !mayComplain?.test(each))).toEqual([]);
        });
        return opened;
      },
    });
  });
}
