import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readMounts } from '../../src/platform/files/mounts.ts';
import { chokidarEvents } from '../../src/inbox/change-events.ts';
import { pinOf } from '../../src/inbox/file-id.ts';
import { eventually } from '../support/eventually.ts';
import { drop, NO_EVENTS, pause, SETTLE_MS, tempDir, watching } from './support.ts';

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

describe.concurrent('files are found', () => {
  it('that were there before the start, in folders at any depth', async () => {
    const inbox = join(await tempDir(), 'inbox');
    const files = ['a.mp4', 'x/b.mp4', 'x/y/z/deep/er/c.mp4', 'name.mp4/inside.mp4'];
    for (const file of files) await drop(inbox, file);
    const { allSighted, sightings } = await watching({ inbox });
    await allSighted(files);
    const seen = sightings.find(({ relative }) => relative === 'x/y/z/deep/er/c.mp4');
    expect(seen).toEqual({
      inbox,
      path: join(inbox, 'x/y/z/deep/er/c.mp4'),
      relative: 'x/y/z/deep/er/c.mp4',
      pin: pinOf(await stat(join(inbox, 'x/y/z/deep/er/c.mp4'), { bigint: true })),
    });
    // A folder that is named like a film is a folder.
    expect(sightings.map(({ relative }) => relative).sort()).toEqual([...files].sort());
  });

  it('that are dropped while the first listing runs', async () => {
    const inbox = join(await tempDir(), 'inbox');
    for (const n of upTo(50)) await drop(inbox, `folder${n}/before.mp4`);
    const started = watching({ inbox });
    for (const n of upTo(50)) writeFileSync(join(inbox, `folder${n}/during.mp4`), 'some film');
    const { allSighted } = await started;
    await allSighted(upTo(50).flatMap(n => [`folder${n}/before.mp4`, `folder${n}/during.mp4`]));
  });

  it('that are written at once into 300 folders just made', async () => {
    const { inbox, allSighted } = await watching();
    const files = upTo(300).map(n => `a${n % 7}/b${n % 31}/c${n}/clip.mp4`);
    for (const file of files) {
      mkdirSync(join(inbox, file, '..'), { recursive: true });
      writeFileSync(join(inbox, file), 'some film');
    }
    await allSighted(files);
  });

  it('in a whole tree that is moved in', async () => {
    const root = await tempDir();
    const { inbox, allSighted } = await watching();
    const files = upTo(200).map(n => `day${n % 10}/camera${n % 3}/clip${n}.mp4`);
    for (const file of files) await drop(join(root, 'outside'), file);
    renameSync(join(root, 'outside'), join(inbox, 'moved'));
    await allSighted(files.map(file => `moved/${file}`));
  });

  it('that get their name by a rename in a folder just made, a hundred times', async () => {
    const { inbox, allSighted, sightings } = await watching();
    for (const n of upTo(100)) {
      const dir = join(inbox, `fresh${n}`);
      await mkdir(dir);
      await writeFile(join(dir, '.clip.mp4.Ab3dE9'), 'some film');
      if (n % 3 > 0) await pause(n % 6);
      await rename(join(dir, '.clip.mp4.Ab3dE9'), join(dir, 'clip.mp4'));
    }
    await allSighted(upTo(100).map(n => `fresh${n}/clip.mp4`));
    expect(sightings).toHaveLength(100);
  });

  it('2000 at once in one folder', async () => {
    const { inbox, allSighted, sightings } = await watching();
    for (const n of upTo(2000)) writeFileSync(join(inbox, `clip${n}.mp4`), 'some film');
    await allSighted(upTo(2000).map(n => `clip${n}.mp4`));
    expect(sightings).toHaveLength(2000);
  });

  it('in turns where there are more than are waited for at once', async () => {
    const inbox = join(await tempDir(), 'inbox');
    const files = upTo(400).map(n => `folder${n % 4}/sub${n % 3}/clip${n}.mp4`);
    for (const file of files) await drop(inbox, file);
    for (const n of upTo(300)) await drop(inbox, `flat/clip${n}.mp4`);
    const { watcher, sightings } = await watching({ inbox, maxWaiting: 50 });
    // Whole batches are taken up, so it may be some more.
    expect(watcher.pending().length).toBeLessThan(350);
    await watcher.settled();
    expect(new Set(sightings.map(({ relative }) => relative))).toEqual(
      new Set([...files, ...upTo(300).map(n => `flat/clip${n}.mp4`)]),
    );
    expect(sightings).toHaveLength(700);
  });

  it('though others, held back by vetoes, fill the room for waiting files', async () => {
    const inbox = join(await tempDir(), 'inbox');
    for (const n of upTo(20)) await drop(inbox, `empty/clip${n}.mp4`, '');
    for (const n of upTo(20)) await drop(inbox, `good/deeper/clip${n}.mp4`);
    const { allSighted } = await watching({ inbox, maxWaiting: 5, incompleteAfterMs: 600_000 });
    await allSighted(upTo(20).map(n => `good/deeper/clip${n}.mp4`));
  });

  it('soon: the watcher knows of a file tens of milliseconds after it appeared', async () => {
    const { inbox, watcher } = await watching();
    await drop(inbox, 'clip.mp4');
    await eventually(() => watcher.pending().length === 1, { what: 'the file to be pending' });
    expect(watcher.pending()[0]).toMatchObject({ inbox, path: join(inbox, 'clip.mp4'), held: false });
  });
});

describe.concurrent('with every event lost', () => {
  it('a rescan by itself finds what was dropped, in folders new and old', async () => {
    const { inbox, allSighted } = await watching({ changeEvents: NO_EVENTS, scan: 200 });
    await drop(inbox, 'a.mp4');
    await drop(inbox, 'new/folder/b.mp4');
    await allSighted(['a.mp4', 'new/folder/b.mp4']);
    await drop(inbox, 'new/folder/later.mp4');
    await allSighted(['new/folder/later.mp4']);
  });

  it('a rescan finds a file that was overwritten in place', async () => {
    const { inbox, watcher, sighted, count } = await watching({ changeEvents: NO_EVENTS });
    await drop(inbox, 'clip.mp4', 'first');
    await watcher.rescan();
    const first = await sighted('clip.mp4');
    await writeFile(join(inbox, 'clip.mp4'), 'second, longer');
    await watcher.rescan();
    await sighted('clip.mp4', seen => seen.pin.sizeBytes === 14 && seen.pin.ino === first.pin.ino);
    expect(count('clip.mp4')).toBe(2);
  });

  it('nothing is reported twice, however often it is listed', async () => {
    const { inbox, watcher, sighted, sightings } = await watching({ changeEvents: NO_EVENTS });
    await drop(inbox, 'clip.mp4');
    await watcher.rescan();
    await sighted('clip.mp4');
    for (let n = 0; n < 5; n += 1) await watcher.rescan();
    await watcher.settled();
    expect(sightings).toHaveLength(1);
  });
});

describe.concurrent('a file is reported again', () => {
  it('when it comes back after it was gone', async () => {
    const { inbox, sighted, count } = await watching();
    const path = await drop(inbox, 'clip.mp4', 'first');
    const first = await sighted('clip.mp4');
    await unlink(path);
    await drop(inbox, 'clip.mp4', 'again');
    const again = await sighted('clip.mp4', seen => seen.pin.ctimeNs !== first.pin.ctimeNs);
    expect(again.pin.sizeBytes).toBe(5);
    expect(count('clip.mp4')).toBe(2);
  });

  it('when it changes', async () => {
    const { inbox, sighted, count } = await watching();
    const path = await drop(inbox, 'clip.mp4', 'first');
    await sighted('clip.mp4');
    await appendFile(path, ' and more');
    await sighted('clip.mp4', seen => seen.pin.sizeBytes === 14);
    expect(count('clip.mp4')).toBe(2);
  });

  it('when it is asked for by forgetting it', async () => {
    let queue = new Set<string>();
    const { inbox, watcher, sighted, sightings, count } = await watching({
      hasJobFor: ({ relative }) => queue.has(relative),
      onSighting: seen => {
        sightings.push(seen);
        queue.add(seen.relative);
      },
    });
    await drop(inbox, 'sub/clip.mp4');
    await sighted('sub/clip.mp4');
    watcher.forget(inbox, 'sub/clip.mp4');
    await watcher.rescan();
    await watcher.settled();
    expect(count('sub/clip.mp4')).toBe(1);
    queue = new Set();
    watcher.forget(inbox, 'sub/clip.mp4');
    await eventually(() => count('sub/clip.mp4') === 2, { what: 'a second sighting' });
  });

  it('but not when the queue knows it from before', async () => {
    const inbox = join(await tempDir(), 'inbox');
    await drop(inbox, 'done.mp4');
    await drop(inbox, 'new.mp4');
    const { watcher, sightings } = await watching({ inbox, hasJobFor: ({ relative }) => relative === 'done.mp4' });
    expect(watcher.pending().map(({ path }) => path)).toEqual([join(inbox, 'new.mp4')]);
    await watcher.settled();
    expect(sightings.map(({ relative }) => relative)).toEqual(['new.mp4']);
  });
});

describe.concurrent('an inbox that is not there', () => {
  it('at the start is said to be missing, and used when it appears', async () => {
    const inbox = join(await tempDir(), 'later');
    const { watcher, states, logs, sighted } = await watching({ inbox, scan: 150 });
    expect(watcher.folders()).toMatchObject([
      { inbox, available: false, reason: { code: 'inbox.missing', text: 'it does not exist' } },
    ]);
    expect(states).toEqual([{ available: false, reason: 'it does not exist', polled: false }]);
    await watcher.settled();
    await drop(inbox, 'clip.mp4');
    await sighted('clip.mp4');
    expect(states.at(-1)).toMatchObject({ available: true });
    expect(logs.filter(({ level }) => level === 40)).toHaveLength(1);
    expect(logs.filter(({ msg }) => msg === 'inbox is available again')).toHaveLength(1);
  });

  it('any more is unavailable, and watched again when it is recreated', async () => {
    const { inbox, states, sighted } = await watching({ scan: 150 });
    await drop(inbox, 'sub/first.mp4');
    await sighted('sub/first.mp4');
    await rm(inbox, { recursive: true });
    await eventually(() => states.at(-1)?.available === false, { what: 'the inbox to be unavailable' });
    await drop(inbox, 'sub/second.mp4');
    await sighted('sub/second.mp4');
    expect(states.map(({ available }) => available)).toEqual([true, false, true]);
  });

  it('is noticed at once by an event, without waiting for the scan', async () => {
    const { inbox, states } = await watching();
    await rm(inbox, { recursive: true });
    await eventually(() => states.at(-1)?.available === false, {
      what: 'the inbox to be unavailable',
      // Well before the scan that comes every minute.
      withinMs: 40_000,
    });
  });

  it('but was renamed away with another one in its place is followed by name', async () => {
    const { inbox, sighted, sightings } = await watching({ scan: 150 });
    await drop(inbox, 'first.mp4');
    await sighted('first.mp4');
    await rename(inbox, `${inbox}-old`);
    await mkdir(inbox);
    await drop(inbox, 'second.mp4');
    await sighted('second.mp4');
    await drop(inbox, 'later/third.mp4');
    await sighted('later/third.mp4');
    await drop(`${inbox}-old`, 'elsewhere.mp4');
    await drop(inbox, 'fourth.mp4');
    await sighted('fourth.mp4');
    expect(sightings.map(({ relative }) => relative)).not.toContain('elsewhere.mp4');
  });

  it('reports changes again after it was recreated, not only by scans', async () => {
    const { inbox, watcher, sighted } = await watching();
    await rm(inbox, { recursive: true });
    await mkdir(inbox);
    await watcher.rescan();
    // The next scan is a minute away: only an event can tell of this one in time.
    await drop(inbox, 'clip.mp4');
    await sighted('clip.mp4');
  });

  it('in part: a folder deleted and recreated inside is watched again', async () => {
    const { inbox, watcher, sighted } = await watching();
    await drop(inbox, 'sub/first.mp4');
    await sighted('sub/first.mp4');
    await rm(join(inbox, 'sub'), { recursive: true });
    await drop(inbox, 'sub/second.mp4');
    await sighted('sub/second.mp4');
    await rename(join(inbox, 'sub'), join(inbox, 'other'));
    await sighted('other/second.mp4');
    await drop(inbox, 'other/third.mp4');
    await sighted('other/third.mp4');
    expect(watcher.pending()).toEqual([]);
  });

  it('emptied by hand stays available', async () => {
    const { inbox, watcher, sighted, states } = await watching();
    await drop(inbox, 'clip.mp4');
    await sighted('clip.mp4');
    await unlink(join(inbox, 'clip.mp4'));
    await watcher.rescan();
    expect(states).toEqual([{ available: true, polled: false }]);
  });
});

describe('the watcher itself', () => {
  it('holds one watch per directory, none per file, and none after it stopped', async () => {
    const inbox = join(await tempDir(), 'inbox');
    for (const n of upTo(200)) await drop(inbox, `folder${n % 10}/clip${n}.mp4`);
    const before = await inotifyWatches();
    const { watcher } = await watching({ inbox });
    if (process.platform === 'linux') expect((await inotifyWatches()) - before).toBe(11);
    await watcher.stop();
    expect(await inotifyWatches()).toBe(before);
  });

  it.each([true, false])('stops watching folders that are gone (with events: %s)', async heard => {
    const inbox = join(await tempDir(), 'inbox');
    for (const n of upTo(20)) await drop(inbox, `tree/folder${n}/clip.mp4`);
    const before = await inotifyWatches();
    const events = chokidarEvents(() => {});
    const source = heard ? events : { watch: (dir: string) => events.watch(dir, () => {}) };
    const { watcher } = await watching({ inbox, changeEvents: source });
    await watcher.settled();
    await rename(join(inbox, 'tree'), join(inbox, '../moved-out'));
    if (!heard) await watcher.rescan();
    const left = process.platform === 'linux' ? 1 : 0;
    await eventually(async () => (await inotifyWatches()) === before + left, { what: 'the watches to be given back' });
    expect(watcher.pending()).toEqual([]);
    await watcher.stop();
  });

  it('describes its folders', async () => {
    const { inbox, watcher, sighted } = await watching();
    await drop(inbox, 'clip.mp4');
    await sighted('clip.mp4');
    await watcher.rescan();
    const [view] = watcher.folders();
    expect(view).toMatchObject({ inbox, available: true, polled: false, pending: 0 });
    expect(view?.lastScanAgeMs).toBeLessThan(5_000);
  });

  it('resolves settled only when what it found was reported', async () => {
    const { inbox, watcher, sightings } = await watching();
    await drop(inbox, 'a.mp4');
    await drop(inbox, 'b.mp4');
    await watcher.rescan();
    expect(sightings).toEqual([]);
    await watcher.settled();
    expect(sightings).toHaveLength(2);
  });

  it('does not resolve settled while it looks for what is there', async () => {
    let inTheMiddle = () => {};
    const { inbox, watcher, sightings } = await watching({
      changeEvents: NO_EVENTS,
      mounts: () => {
        inTheMiddle();
        return readMounts();
      },
    });
    await drop(inbox, 'clip.mp4');
    const reportedBy = new Promise<number>(resolve => {
      inTheMiddle = () => void watcher.settled().then(() => resolve(sightings.length));
    });
    await watcher.rescan();
    expect(await reportedBy).toBe(1);
  });

  it('does not report before the quiet time is over', async () => {
    const settleMs = 4 * SETTLE_MS;
    const { inbox, sighted } = await watching({ settleMs });
    const before = performance.now();
    await drop(inbox, 'clip.mp4');
    await sighted('clip.mp4');
    expect(performance.now() - before).toBeGreaterThan(settleMs);
  });

  it('reports a bug in a callback instead of dying silently', async () => {
    const told: unknown[] = [];
    const mistake = new TypeError('a bug in the queue');
    const { inbox } = await watching({
      onSighting: () => {
        throw mistake;
      },
      onFatal: error => void told.push(error),
    });
    await drop(inbox, 'clip.mp4');
    await eventually(() => told.length > 0, { what: 'the mistake to be told' });
    expect(told).toEqual([mistake]);
  });

  it('reports nothing any more after it stopped', async () => {
    const { inbox, watcher, sightings } = await watching();
    await drop(inbox, 'clip.mp4');
    await watcher.rescan();
    await watcher.stop();
    await pause(3 * SETTLE_MS);
    expect(sightings).toEqual([]);
  });
});

/** Watches of this process, as the kernel counts them; 0 where there is no /proc. */
async function inotifyWatches(): Promise<number> {
  const names = await readdir('/proc/self/fdinfo').catch(() => []);
  const infos = await Promise.all(names.map(name => readFile(`/proc/self/fdinfo/${name}`, 'utf8').catch(() => '')));
  return infos.join('\n').match(/^inotify /gm)?.length ?? 0;
}
