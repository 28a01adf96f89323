import { closeSync, openSync, writeSync } from 'node:fs';
import {
  appendFile,
  copyFile,
  open,
  readFile,
  rename,
  stat,
  truncate,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../../src/platform/clock.ts';
import { footage } from '../../support/footage.ts';
import {
  cleanUp,
  drop,
  keepWriting,
  NO_EVENTS,
  pause,
  SETTLE_MS,
  shell,
  tempDir,
  watching,
} from '../../inbox/support.ts';

let plain = '';
let faststart = '';
let matroska = '';

beforeAll(async () => {
  [plain, faststart, matroska] = await Promise.all([footage('plain'), footage('faststart'), footage('odd')]);
});

const share = async (path: string, percent: number): Promise<Buffer> => {
  const bytes = await readFile(path);
  return bytes.subarray(0, Math.floor((bytes.length * percent) / 100));
};

const INCOMPLETE = /^the file is incomplete: .*; it will be picked up when it grows$/;

describe.concurrent('a file that is still being written is not reported', () => {
  it('while it grows, with pauses shorter than the quiet time', async () => {
    const { inbox, sighted, sightings } = await watching();
    const stop = keepWriting(join(inbox, 'clip.ts'), SETTLE_MS / 3);
    await pause(6 * SETTLE_MS);
    expect(sightings).toEqual([]);
    const bytes = await stop();
    const seen = await sighted('clip.ts');
    expect(seen.pin.sizeBytes).toBe(bytes);
    expect(sightings).toHaveLength(1);
  });

  it('when the upload stalls at 55 % for far longer than the quiet time, and resumes', async () => {
    const { inbox, pendingFor, sighted, sightings } = await watching({ incompleteAfterMs: 60_000 });
    const bytes = await readFile(matroska);
    const at = Math.floor(bytes.length * 0.55);
    const path = await drop(inbox, 'clip.mkv', bytes.subarray(0, at));
    await pendingFor('clip.mkv', /^only 5[45] % of the size in its header is there$/);
    await pause(2.5 * SETTLE_MS);
    expect(sightings).toEqual([]);
    await appendFile(path, bytes.subarray(at));
    const seen = await sighted('clip.mkv');
    expect(seen).toMatchObject({ pin: { sizeBytes: bytes.length } });
    expect(sightings).toHaveLength(1);
  });

  it('while a copy runs that began before the watcher did', async () => {
    const inbox = join(await tempDir(), 'inbox');
    await drop(inbox, 'clip.ts', 'x'.repeat(5000));
    const stop = keepWriting(join(inbox, 'clip.ts'), SETTLE_MS / 3);
    const { sighted, sightings } = await watching({ inbox });
    await pause(2.5 * SETTLE_MS);
    expect(sightings).toEqual([]);
    const bytes = await stop();
    expect((await sighted('clip.ts')).pin.sizeBytes).toBe(bytes + 5000);
    expect(sightings).toHaveLength(1);
  });

  it('across a restart in the middle of the copy', async () => {
    const first = await watching();
    const stop = keepWriting(join(first.inbox, 'clip.ts'), SETTLE_MS / 3);
    await pause(2 * SETTLE_MS);
    await first.watcher.stop();
    const second = await watching({ inbox: first.inbox });
    await pause(3 * SETTLE_MS);
    expect([...first.sightings, ...second.sightings]).toEqual([]);
    const bytes = await stop();
    expect((await second.sighted('clip.ts')).pin.sizeBytes).toBe(bytes);
  });

  it('with a time of last year, as cp -p and file managers set it while they copy', async () => {
    const { inbox, sighted, sightings } = await watching();
    const path = join(inbox, 'clip.ts');
    const lastYear = new Date('2025-03-04T05:06:07Z');
    const file = await open(path, 'w');
    cleanUp(() => file.close().catch(() => {}));
    for (let n = 0; n < 10; n += 1) {
      await file.write('x'.repeat(1000));
      await utimes(path, lastYear, lastYear);
      await pause(SETTLE_MS / 3);
    }
    expect(sightings).toEqual([]);
    await file.close();
    await utimes(path, lastYear, lastYear);
    const seen = await sighted('clip.ts');
    expect(seen.pin).toMatchObject({ sizeBytes: 10_000, mtimeNs: `${lastYear.getTime()}000000` });
    expect(sightings).toHaveLength(1);
  });

  it('with its full size from the start, filled bit by bit (Explorer over SMB)', async () => {
    const { inbox, sighted, sightings } = await watching({ incompleteAfterMs: 60_000 });
    const bytes = await readFile(plain);
    const path = join(inbox, 'clip.mp4');
    const file = openSync(path, 'w');
    await truncate(path, bytes.length);
    await pause(2.5 * SETTLE_MS);
    expect(sightings).toEqual([]);
    for (let n = 0; n < 8; n += 1) {
      const [from, to] = [Math.floor((bytes.length * n) / 8), Math.floor((bytes.length * (n + 1)) / 8)];
      writeSync(file, bytes, from, to - from, from);
      await pause(SETTLE_MS / 2);
      expect(sightings).toEqual([]);
    }
    closeSync(file);
    const seen = await sighted('clip.mp4');
    expect(bytes.equals(await readFile(seen.path))).toBe(true);
    expect(sightings).toHaveLength(1);
  });

  it('sooner than four windows when parts of it were never written', async () => {
    const { inbox, pendingFor, sighted } = await watching();
    const path = join(inbox, 'clip.bin');
    await writeFile(path, 'begins with something');
    await truncate(path, 999_997);
    await appendFile(path, 'end');
    const before = performance.now();
    const sparse = (await stat(path, { bigint: true })).blocks * 512n < 1_000_000n;
    if (!sparse) return expect((await sighted('clip.bin')).pin.sizeBytes).toBe(1_000_000);
    await pendingFor('clip.bin', /^parts of it were never written/);
    await sighted('clip.bin');
    expect(performance.now() - before).toBeGreaterThan(4 * SETTLE_MS);
  });

  it('while a downloader keeps its own file beside it, though it has its full size', async () => {
    const { inbox, pendingFor, sighted, sightings } = await watching();
    const notes = await drop(inbox, 'clip.mp4.aria2');
    await copyFile(plain, join(inbox, 'clip.mp4'));
    await pendingFor('clip.mp4', /still being downloaded: clip.mp4.aria2 is beside it/);
    await pause(3 * SETTLE_MS);
    expect(sightings).toEqual([]);
    await unlink(notes);
    await sighted('clip.mp4');
  });

  it('under a name that says so, and once under its final name', async () => {
    const { inbox, watcher, sighted, sightings } = await watching();
    const names = ['clip.mp4.part', '.clip.mp4.Ab3dE9', '~clip.mp4', 'clip.mp4.crdownload', '.syncthing.clip.mp4.tmp'];
    for (const name of names) await copyFile(plain, join(inbox, name));
    await drop(inbox, '.~tmp~/clip.mp4');
    await drop(inbox, '@eaDir/clip.mp4/SYNOVIDEO.jpg');
    await watcher.rescan();
    expect(watcher.pending()).toEqual([]);
    await rename(join(inbox, 'clip.mp4.part'), join(inbox, 'clip.mp4'));
    await unlink(join(inbox, 'clip.mp4.crdownload'));
    await sighted('clip.mp4');
    expect(sightings).toHaveLength(1);
  });

  it('when another file takes its place while it is waited for', async () => {
    const { inbox, pendingFor, sighted, sightings } = await watching();
    // A veto keeps the first version waiting, however slow this test is.
    await drop(inbox, 'clip.mp4.part', 'notes of a downloader');
    await drop(inbox, 'clip.mp4', 'first version');
    await pendingFor('clip.mp4', /still being downloaded/);
    await drop(inbox, '.next', 'second');
    const replaced = performance.now();
    await rename(join(inbox, '.next'), join(inbox, 'clip.mp4'));
    await unlink(join(inbox, 'clip.mp4.part'));
    const seen = await sighted('clip.mp4');
    expect(performance.now() - replaced).toBeGreaterThan(SETTLE_MS);
    expect(seen.pin.sizeBytes).toBe(6);
    expect(sightings).toHaveLength(1);
  });
});

describe.concurrent('a writer', () => {
  it('that pauses is waited for longer than its longest pause', async () => {
    const { inbox, sighted, sightings } = await watching({ settleMs: 2 * SETTLE_MS });
    const path = await drop(inbox, 'clip.ts', 'one');
    const pauseMs = 1.2 * SETTLE_MS;
    await pause(pauseMs);
    await appendFile(path, ' two');
    const changed = performance.now();
    const seen = await sighted('clip.ts');
    expect(seen.pin.sizeBytes).toBe(7);
    // Sampled: a pause may be seen one sample shorter than it was.
    expect(performance.now() - changed).toBeGreaterThan(3 * pauseMs);
    expect(sightings).toHaveLength(1);
  });

  it('that continues soon after the file was reported makes the next window longer', async () => {
    const { inbox, sighted, count } = await watching();
    const path = await drop(inbox, 'clip.ts', 'one');
    await sighted('clip.ts');
    await pause(2 * SETTLE_MS);
    await appendFile(path, ' two');
    const changed = performance.now();
    await sighted('clip.ts', seen => seen.pin.sizeBytes === 7);
    expect(performance.now() - changed).toBeGreaterThan(4 * SETTLE_MS);
    expect(count('clip.ts')).toBe(2);
  });

  it.runIf(process.platform === 'linux')('seen holding the file open is waited for, as long as it takes', async () => {
    const { inbox, pendingFor, sighted, sightings } = await watching();
    const writer = await shell(
      'exec 3>"$1"; printf stalled >&3; echo ready; read line; printf " done" >&3',
      join(inbox, 'clip.ts'),
    );
    await pendingFor('clip.ts', /^(sh|dash|bash|busybox) \(pid \d+\) has it open for writing$/);
    await pause(2.5 * SETTLE_MS);
    expect(sightings).toEqual([]);
    writer.stdin?.end('go on\n');
    expect((await sighted('clip.ts')).pin.sizeBytes).toBe('stalled done'.length);
    expect(sightings).toHaveLength(1);
  });

  it('that closes the file and opens it again (virus scanner, two-step copy) is waited for', async () => {
    const { inbox, sighted, sightings } = await watching({ settleMs: 8 * SETTLE_MS });
    const path = join(inbox, 'clip.ts');
    const writer = await shell(
      `printf one >"$1"; echo ready; sleep 0.3; printf " two" >>"$1"; sleep 0.3; printf " three" >>"$1"`,
      path,
    );
    await sighted('clip.ts', seen => seen.pin.sizeBytes === 13);
    expect(writer.exitCode).toBe(0);
    expect(sightings).toHaveLength(1);
  });
});

describe.concurrent('a file that ends too early', () => {
  it('is held back, then refused with a reason, then picked up when it is whole', async () => {
    const { inbox, watcher, sighted, sightings } = await watching();
    const whole = await readFile(faststart);
    const path = await drop(inbox, 'clip.mp4', await share(faststart, 50));
    const refused = await sighted('clip.mp4');
    expect(refused.refused?.text).toMatch(INCOMPLETE);
    expect(refused.pin.sizeBytes).toBeLessThan(whole.length);
    expect(watcher.pending()).toEqual([]);
    await appendFile(path, whole.subarray(refused.pin.sizeBytes));
    const seen = await sighted('clip.mp4', each => !each.refused);
    expect(seen.pin.sizeBytes).toBe(whole.length);
    expect(sightings).toHaveLength(2);
  });

  it('is not refused before its time, and does not keep settled waiting', async () => {
    const { inbox, watcher, pendingFor, sightings } = await watching({ incompleteAfterMs: 60_000 });
    await drop(inbox, 'clip.mp4', await share(plain, 50));
    await watcher.rescan();
    await pendingFor('clip.mp4', /its media data|moov/);
    await watcher.settled();
    expect(sightings).toEqual([]);
    expect(watcher.pending()).toMatchObject([{ held: true }]);
  });

  it('starts over when it grows while it is held', async () => {
    const { inbox, pendingFor, sighted, sightings } = await watching({ incompleteAfterMs: 60_000 });
    const path = await drop(inbox, 'clip.mp4', await share(plain, 30));
    await pendingFor('clip.mp4', /only \d+ % of its media data/);
    const bytes = await readFile(plain);
    await appendFile(path, bytes.subarray(Math.floor(bytes.length * 0.3), Math.floor(bytes.length * 0.6)));
    await pendingFor('clip.mp4', /waiting until it has not changed/);
    // Not after another look that finds it incomplete: that comes after four times the pause just made, and so on.
    await appendFile(path, bytes.subarray(Math.floor(bytes.length * 0.6)));
    expect((await sighted('clip.mp4')).refused).toBeUndefined();
    expect(sightings).toHaveLength(1);
  });

  it('is picked up by a rescan when no event said that it grew', async () => {
    const { inbox, watcher, sighted } = await watching({ changeEvents: NO_EVENTS });
    const path = await drop(inbox, 'clip.mp4', await share(plain, 50));
    await watcher.rescan();
    await sighted('clip.mp4', seen => seen.refused !== undefined);
    await copyFile(plain, path);
    await watcher.rescan();
    await sighted('clip.mp4', seen => !seen.refused);
  });

  it('is refused when it is empty, and picked up when something is in it', async () => {
    const { inbox, sighted } = await watching();
    const path = await drop(inbox, 'clip.mp4', '');
    const refused = await sighted('clip.mp4');
    expect(refused.refused?.text).toBe('the file is empty; it will be picked up when it grows');
    await copyFile(plain, path);
    await sighted('clip.mp4', seen => !seen.refused);
  });
});

describe.concurrent('files that are whole', () => {
  it.each(['plain', 'odd', 'webm', 'avi', 'transport', 'fragmented'] as const)(
    'are taken as they are: %s',
    async name => {
      const { inbox, sighted } = await watching();
      const source = await footage(name);
      const as = `clip.${source.split('.').at(-1)}`;
      await copyFile(source, join(inbox, as));
      expect((await sighted(as)).refused).toBeUndefined();
    },
  );

  it('and hard linked in are found', async () => {
    const { inbox, sighted } = await watching();
    const outside = join(await tempDir(), 'torrent.mp4');
    await copyFile(plain, outside);
    await shell('ln "$1" "$2"; echo ready', outside, join(inbox, 'clip.mp4'));
    await sighted('clip.mp4');
  });

  it('may be dropped while no watcher runs, with an old time', async () => {
    const inbox = join(await tempDir(), 'inbox');
    const path = await drop(inbox, 'clip.mp4', await readFile(plain));
    const old = new Date('2019-05-01T12:00:00Z');
    await utimes(path, old, old);
    const { watcher, sightings, sighted } = await watching({ inbox });
    expect(watcher.pending()).toHaveLength(1);
    expect(sightings).toEqual([]);
    await sighted('clip.mp4');
  });
});

describe.concurrent('the wall clock', () => {
  it.each([3_600_000, -3_600_000, 2 * 86_400_000])('may jump by %d ms: neither sooner nor never', async jump => {
    let offset = 0;
    const clock = { ...systemClock, now: () => Date.now() + offset };
    const settleMs = 4 * SETTLE_MS;
    const { inbox, watcher, sighted, sightings } = await watching({ clock, settleMs });
    const before = performance.now();
    await drop(inbox, 'clip.ts');
    await watcher.rescan();
    offset = jump;
    await pause(SETTLE_MS);
    expect(sightings).toEqual([]);
    await sighted('clip.ts');
    expect(performance.now() - before).toBeGreaterThan(settleMs);
  });
});

describe.concurrent('a watcher that was suspended', () => {
  it('starts every window again: what happened meanwhile was not seen', async () => {
    let stolen = 0;
    let woken = Number.NaN;
    // As after SIGSTOP: the first timer that runs out while the file is waited for comes a minute late.
    const clock: Clock = {
      ...systemClock,
      monotonic: () => performance.now() + stolen,
      after: (ms, callback) =>
        systemClock.after(ms, () => {
          if (stolen === 0 && watcher.pending().length > 0) {
            stolen = 60_000;
            woken = performance.now();
          }
          callback();
        }),
    };
    const settleMs = 4 * SETTLE_MS;
    const { inbox, watcher, sighted, logs } = await watching({ clock, settleMs, start: false });
    await watcher.start();
    await drop(inbox, 'clip.ts');
    await sighted('clip.ts');
    expect(performance.now() - woken).toBeGreaterThan(settleMs * 0.9);
    expect(logs.filter(({ msg }) => msg.includes('was suspended'))).not.toEqual([]);
  });
});
