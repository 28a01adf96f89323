import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openBelow, openFolder } from '../../../src/platform/files/door.ts';
import { type Files, nodeFiles, pinOf } from '../../../src/platform/files/files.ts';
import { guardedFiles, ThreadBudget } from '../../../src/platform/files/hang-guard.ts';
import { silentLogger } from '../../../src/platform/log.ts';
import { runChild } from '../../../src/platform/process/run-child.ts';
import { eventually } from '../../support/eventually.ts';
import { exchanging } from '../../support/exchanger.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** As on systems where a descriptor is no path. */
const withoutDescriptors: Files = {
  ...nodeFiles,
  async open(path, how, mode) {
    const { fd: _, ...file } = await nodeFiles.open(path, how, mode);
    return file;
  },
};
const isLinux = process.platform === 'linux';
const WAYS: [string, Files][] = [
  ['through descriptors', nodeFiles],
  ['by path, as elsewhere than on Linux', withoutDescriptors],
];

let root: string;
let inbox: string;
const at = (name: string) => join(inbox, name);
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'shrinkbox-door-'));
  inbox = join(root, 'inbox');
  mkdirSync(join(inbox, 'trip/day'), { recursive: true });
  mkdirSync(join(root, 'private'));
  writeFileSync(at('trip/day/clip.mp4'), 'mine');
  writeFileSync(at('trip/clip.mp4'), 'mine');
  writeFileSync(join(root, 'private/clip.mp4'), 'theirs');
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function contentOf(file: {
  read: (b: Buffer, o: number, l: number, p: number) => Promise<{ bytesRead: number }>;
}) {
  const buffer = Buffer.alloc(100);
  return buffer.toString('utf8', 0, (await file.read(buffer, 0, 100, 0)).bytesRead);
}

describe.each(WAYS)('%s', (_, files) => {
  it('a file is opened below its folders', async () => {
    const pin = await pinOf(at('trip/day/clip.mp4'));
    const file = await openBelow(inbox, ['trip', 'day', 'clip.mp4'], files, pin);
    expect(await contentOf(file)).toBe('mine');
    expect(file).toMatchObject({ path: at('trip/day/clip.mp4'), pin });
    await file.close();
  });

  it('a link in the configured path is followed: it is the word of whoever configured it', async () => {
    symlinkSync('inbox', join(root, 'configured'));
    const file = await openBelow(join(root, 'configured'), ['trip', 'clip.mp4'], files);
    expect(await contentOf(file)).toBe('mine');
    await file.close();
  });

  it.each([
    ['a link', 'link.mp4', 'is a link'],
    ['a link to nothing', 'nowhere.mp4', 'is a link'],
    ['a folder', 'trip', 'is a folder'],
    ['a named pipe', 'pipe.mp4', 'named pipe'],
    ['a socket', 'socket.mp4', 'socket'],
    ['a file below a link', 'linked/clip.mp4', 'linked is a link'],
    ['a file below a file', 'trip/clip.mp4/clip.mp4', 'is not a folder'],
  ])('%s is refused, and why is said', async (_what, name, why) => {
    symlinkSync(join(root, 'private/clip.mp4'), at('link.mp4'));
    symlinkSync('nothing', at('nowhere.mp4'));
    symlinkSync(join(root, 'private'), at('linked'));
    execFileSync('mkfifo', [at('pipe.mp4')]);
    const server = createServer().listen(at('socket.mp4'));
    onTestFinished(() => void server.close());
    await eventually(() => lstatSync(at('socket.mp4'), { throwIfNoEntry: false }), { what: 'the socket' });
    const opened = openBelow(inbox, name.split('/'), files);
    await expect(opened).rejects.toMatchObject({ code: 'changed-underneath', message: expect.stringContaining(why) });
  });

  it.runIf(process.getuid?.() === 0)('a device is refused, and why is said', async () => {
    execFileSync('mknod', [at('null.mp4'), 'c', '1', '3']);
    await expect(openBelow(inbox, ['null.mp4'], files)).rejects.toThrow('is a device');
  });

  it('a file that is not the one of the pin is refused', async () => {
    const pin = await pinOf(at('trip/clip.mp4'));
    writeFileSync(at('trip/new.mp4'), 'mine');
    renameSync(at('trip/new.mp4'), at('trip/clip.mp4'));
    const opened = openBelow(inbox, ['trip', 'clip.mp4'], files, pin);
    await expect(opened).rejects.toThrow('is no longer the file it was');
  });

  it.each(['', '.', '..', '../private/clip.mp4', 'trip/clip.mp4', 'a\0b'])('%j is no name', async name => {
    const folder = await openFolder(inbox, [], files);
    onTestFinished(() => folder.close());
    await expect(async () => folder.lstat(name)).rejects.toMatchObject({ code: 'bad-name' });
    await expect(async () => folder.rename('trip', folder, name)).rejects.toMatchObject({ code: 'bad-name' });
    expect(lstatSync(at('trip')).isDirectory()).toBe(true);
  });

  it('what is missing is an error of the path people know', async () => {
    const path = at('trip/none.mp4');
    const opened = openBelow(inbox, ['trip', 'none.mp4'], files);
    await expect(opened).rejects.toMatchObject({ code: 'ENOENT', message: expect.stringContaining(path) });
    await expect(openBelow(join(root, 'none'), ['a'], files)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('names are made, linked, renamed, listed and removed', async () => {
    const trip = await openFolder(inbox, ['trip'], files);
    const day = await trip.folder('day');
    onTestFinished(() => Promise.all([trip, day].map(each => each.close())).then(() => {}));
    await day.make('raw');
    const made = await day.create('note.txt', 0o600);
    await made.write(Buffer.from('hello'), 0, 5, 0);
    await made.close();
    await expect(day.create('note.txt')).rejects.toMatchObject({ code: 'EEXIST' });
    await trip.link('clip.mp4', day, 'linked.mp4');
    await expect(trip.link('clip.mp4', day, 'linked.mp4')).rejects.toMatchObject({ code: 'EEXIST' });
    await trip.rename('clip.mp4', day, 'renamed.mp4');
    await day.unlink('linked.mp4');
    await day.sync(silentLogger);
    expect((await day.list()).map(entry => entry.name).sort()).toEqual(['clip.mp4', 'note.txt', 'raw', 'renamed.mp4']);
    expect((await day.lstat('note.txt')).size).toBe(5n);
    expect((await day.stat()).ino).toBe((await trip.lstat('day')).ino);
    expect(day.path).toBe(at('trip/day'));
  });
});

/** `trip` becomes a link to somebody else's folder. */
function exchangeTrip(): void {
  renameSync(at('trip'), at('trip.was'));
  symlinkSync(join(root, 'private'), at('trip'));
}

describe.runIf(isLinux)('a folder that is exchanged for a link after it was opened', () => {
  it('is still the one that was opened', async () => {
    const trip = await openFolder(inbox, ['trip'], nodeFiles);
    onTestFinished(() => trip.close());
    exchangeTrip();
    const file = await trip.file('clip.mp4');
    expect(await contentOf(file)).toBe('mine');
    await file.close();
    await trip.unlink('clip.mp4');
    expect(readFileSync(join(root, 'private/clip.mp4'), 'utf8')).toBe('theirs');
  });

  it('does not change what a child reads, and each child has a place of its own in it', async () => {
    const file = await openBelow(inbox, ['trip', 'clip.mp4'], nodeFiles);
    onTestFinished(() => file.close());
    exchangeTrip();
    const read = async (command: string, ...args: string[]) =>
      (await runChild({ command, args: [...args, { file }], doing: 'reading' })).stdout;
    expect([await read('head', '-c', '2'), await read('head', '-c', '2'), await read('cat')]).toEqual([
      'mi',
      'mi',
      'mine',
    ]);
  });
});

describe('where a descriptor is no path, a folder exchanged for a link', () => {
  it('is noticed before the act', async () => {
    const trip = await openFolder(inbox, ['trip'], withoutDescriptors);
    onTestFinished(() => trip.close());
    exchangeTrip();
    await expect(trip.unlink('clip.mp4')).rejects.toThrow(`${at('trip')} is no longer the folder that was opened`);
    expect(readFileSync(join(root, 'private/clip.mp4'), 'utf8')).toBe('theirs');
  });

  it('is noticed after the act, and what was opened is closed', async () => {
    let closed = 0;
    const exchangingAtOpen: Files = {
      ...withoutDescriptors,
      async open(path, how, mode) {
        if (how === 'source') exchangeTrip();
        const file = await withoutDescriptors.open(path, how, mode);
        return { ...file, close: () => ((closed += how === 'source' ? 1 : 0), file.close()) };
      },
    };
    await expect(openBelow(inbox, ['trip', 'clip.mp4'], exchangingAtOpen)).rejects.toThrow('is no longer the folder');
    expect(closed).toBe(1);
  });
});

it.runIf(isLinux)('an inbox folder exchanged for a link all the time never leads anywhere else', async () => {
  symlinkSync(join(root, 'private'), at('other'));
  const exchanger = await exchanging(at('trip'), at('other'));
  const seen = new Map<string, number>();
  for (const end = performance.now() + 1000; performance.now() < end; ) {
    const found = await openBelow(inbox, ['trip', 'clip.mp4'], nodeFiles).then(
      async file => contentOf(file).finally(() => file.close()),
      (error: Error) => (/is a link|is no longer/.test(error.message) ? 'refused' : (error.stack ?? '')),
    );
    seen.set(found, (seen.get(found) ?? 0) + 1);
  }
  expect(await exchanger.stop()).toBeGreaterThan(100);
  expect([...seen.keys()].filter(each => each !== 'mine' && each !== 'refused' && !each.includes('ENOTDIR'))).toEqual(
    [],
  );
  expect(seen.get('mine')).toBeGreaterThan(0);
});

it.runIf(isLinux)('a share that hangs is waited for at most its time through a descriptor as well', async () => {
  const clock = new FakeClock();
  let hangs = false;
  const stuck: Files = {
    ...nodeFiles,
    lstat: path => (hangs ? new Promise(() => {}) : nodeFiles.lstat(path)),
  };
  const mounts = () => [
    { point: '/', type: 'ext4', source: 'disk', device: '8:1' },
    { point: at('trip'), type: 'nfs4', source: 'nas:/films', device: '0:60' },
  ];
  const files = guardedFiles(stuck, { clock, mounts, answerMs: 5_000, budget: new ThreadBudget(2) });
  const [share, below] = [await openFolder(inbox, [], files), await openFolder(inbox, ['trip', 'day'], files)];
  hangs = true;
  const looks = Promise.allSettled([share.lstat('trip'), below.lstat('clip.mp4'), share.lstat('trip')]);
  await eventually(() => clock.timers > 0, { what: 'somebody to wait for the share' });
  await clock.advance(5_000);
  const codes = (await looks).map(each => each.status === 'rejected' && (each.reason as { code: string }).code);
  expect(codes).toEqual(['unavailable', 'unavailable', 'unavailable']);
});
