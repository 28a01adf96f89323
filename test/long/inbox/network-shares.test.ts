import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Mount } from '../../../src/platform/files/mounts.ts';
import { readMounts } from '../../../src/platform/files/mounts.ts';
import { type ChangeEvents, chokidarEvents } from '../../../src/inbox/change-events.ts';
import { canMount, hungMount } from '../../inbox/mounting.ts';
import { drop, pause, SETTLE_MS, tempDir, watching } from '../../inbox/support.ts';

/** This machine's mounts, and one more that is not really there: what lies below `point` counts as `type`. */
const pretending = (point: string, type: string) => (): Mount[] => [
  ...readMounts(),
  { point, type, source: 'nas:/share', device: '0:99' },
];

/** Real events, and a list of the directories that were watched. */
function recorded(): ChangeEvents & { watched: string[] } {
  const watched: string[] = [];
  const real = chokidarEvents(() => {});
  return {
    watched,
    watch(dir, onHint) {
      watched.push(dir);
      return real.watch(dir, onHint);
    },
  };
}

describe.concurrent('a network share', () => {
  it('is polled, and never watched: that could hang, and would report nothing', async () => {
    const inbox = join(await tempDir(), 'inbox');
    await drop(inbox, 'sub/first.mp4');
    const events = recorded();
    const { states, sighted, watcher } = await watching({
      inbox,
      changeEvents: events,
      scan: 150,
      mounts: pretending(inbox, 'nfs4'),
    });
    expect(states).toEqual([{ available: true, polled: true }]);
    await sighted('sub/first.mp4');
    await drop(inbox, 'sub/second.mp4');
    await sighted('sub/second.mp4');
    expect(events.watched).toEqual([]);
    expect(watcher.folders()).toMatchObject([{ polled: true }]);
  });

  it('inside a local inbox is polled alone; the rest of it is watched', async () => {
    const inbox = join(await tempDir(), 'inbox');
    await mkdir(join(inbox, 'share/sub'), { recursive: true });
    await mkdir(join(inbox, 'local'));
    const events = recorded();
    const { watcher, sighted } = await watching({
      inbox,
      changeEvents: events,
      mounts: pretending(join(inbox, 'share'), 'cifs'),
    });
    expect(events.watched.sort()).toEqual([inbox, join(inbox, 'local')]);
    expect(watcher.folders()).toMatchObject([{ polled: true }]);
    await drop(inbox, 'local/a.mp4');
    await sighted('local/a.mp4');
    await drop(inbox, 'share/sub/b.mp4');
    // Found by the poll after ten seconds, long before the scan of everything.
    await sighted('share/sub/b.mp4');
  });

  it('that comes and goes is noticed by its mount: watched while local, polled while not', async () => {
    const inbox = join(await tempDir(), 'inbox');
    await mkdir(inbox);
    let mounts = readMounts;
    const events = recorded();
    const { watcher, sighted, states } = await watching({ inbox, changeEvents: events, mounts: () => mounts() });
    expect(events.watched).toEqual([inbox]);
    mounts = pretending(inbox, 'fuse.sshfs');
    await drop(inbox, 'a.mp4');
    await watcher.rescan();
    await sighted('a.mp4');
    expect(states.map(({ polled }) => polled)).toEqual([false, true]);
  });

  it('that reads empty for a moment is unavailable, not emptied', async () => {
    const inbox = join(await tempDir(), 'inbox');
    await drop(inbox, 'sub/clip.mp4');
    const { watcher, states, sighted, sightings, logs } = await watching({
      inbox,
      scan: 10_000,
      mounts: pretending(inbox, 'cifs'),
    });
    await sighted('sub/clip.mp4');
    await rename(join(inbox, 'sub'), `${inbox}-hidden`);
    await watcher.rescan();
    expect(states.at(-1)).toMatchObject({ available: false, reason: expect.stringContaining('suddenly empty') });
    await rename(`${inbox}-hidden`, join(inbox, 'sub'));
    await watcher.rescan();
    expect(states.at(-1)).toMatchObject({ available: true });
    await watcher.settled();
    expect(sightings).toHaveLength(1);
    expect(logs.filter(({ level }) => level === 40)).toHaveLength(1);
  });

  it('that stays empty was emptied by a person', async () => {
    const inbox = join(await tempDir(), 'inbox');
    const path = await drop(inbox, 'clip.mp4');
    const { watcher, states, sighted } = await watching({ inbox, mounts: pretending(inbox, 'cifs') });
    await sighted('clip.mp4');
    await rm(path);
    for (let n = 0; n < 3; n += 1) await watcher.rescan();
    expect(states.at(-1)).toMatchObject({ available: true });
  });

  it('waits longer where the format cannot tell that all is there', async () => {
    const inbox = join(await tempDir(), 'inbox');
    await mkdir(inbox);
    const { sighted, pendingFor } = await watching({ inbox, scan: 100, mounts: pretending(inbox, 'cifs') });
    const before = performance.now();
    await drop(inbox, 'clip.ts');
    await pendingFor('clip.ts', /its format does not say where it ends/);
    await sighted('clip.ts');
    expect(performance.now() - before).toBeGreaterThan(4 * SETTLE_MS);
  });
});

// Only a user who may mount can make one.
describe.runIf(canMount)('a mount that does not answer', () => {
  it('does not stop other folders (FUSE without a server): its folder is unavailable, until it is back', async () => {
    const inbox = join(await tempDir(), 'hung');
    await mkdir(inbox);
    const hang = await hungMount(inbox);
    const started = performance.now();
    const { states, watcher, sighted } = await watching({ inbox, scan: 200, answerMs: 300 });
    const stalls = await longestStall(() => pause(500));
    expect(stalls).toBeLessThan(400);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(states.at(-1)).toEqual({ available: false, polled: false, reason: `${inbox} does not answer` });
    await watcher.settled();
    await hang.end();
    await writeFile(join(inbox, 'clip.mp4'), 'some film');
    await sighted('clip.mp4');
  });

  it('inside an inbox leaves the rest of it as it is', async () => {
    const inbox = join(await tempDir(), 'inbox');
    await mkdir(join(inbox, 'hung'), { recursive: true });
    await hungMount(join(inbox, 'hung'));
    const { states, logs, watcher, sighted } = await watching({ inbox, scan: 200, answerMs: 300 });
    await drop(inbox, 'local/clip.mp4');
    await sighted('local/clip.mp4');
    await watcher.rescan();
    await watcher.rescan();
    expect(states.every(({ available }) => available)).toBe(true);
    expect(logs.filter(({ level }) => level === 40)).toMatchObject([{ path: join(inbox, 'hung') }]);
  });
});

/** The longest time the event loop did not get its turn while `work` ran, ms. */
async function longestStall(work: () => Promise<void>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 5);
  await work();
  clearInterval(timer);
  return longest;
}
