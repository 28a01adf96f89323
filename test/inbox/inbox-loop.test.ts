import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { Watcher } from '../../src/inbox/watcher.ts';
import { tempDir } from '../support/serving.ts';

it('a folder is not overdue while it waits for its next scan, and is when that does not come', async () => {
  // Timers that do not fire although time passes: what a loop that hangs looks like.
  let passedMs = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + passedMs };
  const watcher = new Watcher({
    folders: [{ inbox: await tempDir(), scan: 60_000 }],
    clock,
    log: silentLogger,
    hasJobFor: () => false,
    onSighting: () => {},
  });
  onTestFinished(() => watcher.stop());
  await watcher.start();
  await new Promise(resolve => setImmediate(resolve));
  const overdue = () => watcher.folders()[0]?.overdueMs ?? Number.NaN;
  passedMs = 50_000;
  expect(overdue()).toBe(0);
  passedMs = 660_000;
  expect(overdue()).toBeGreaterThan(590_000);
});
