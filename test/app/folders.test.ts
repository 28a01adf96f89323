import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Config } from '../../src/config/load.ts';
import { FolderMounts } from '../../src/app/folder-mounts.ts';
import { Folders } from '../../src/app/folders.ts';
import { nodeFiles } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'shrinkbox-folders-'));
});
afterEach(() => rm(dir, { recursive: true }));

const placesIn = (parent: string) =>
  ({ inbox: join(parent, 'in'), outbox: join(parent, 'out'), archive: join(parent, 'archive') }) as const;

it('a folder that could not be made on a full disk is made once there is room', async () => {
  let isFull = true;
  const mkdir: typeof nodeFiles.mkdir = async path => {
    if (isFull) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    await nodeFiles.mkdir(path);
  };
  const places = placesIn(dir);
  const config = { stateDir: join(dir, 'state'), folders: [places] } as unknown as Config;
  const folders = new Folders(config, { ...nodeFiles, mkdir });
  await folders.create(silentLogger);
  await folders.createMissing(silentLogger);
  expect(existsSync(places.archive)).toBe(false);
  isFull = false;
  await folders.createMissing(silentLogger);
  expect([places.inbox, places.outbox, places.archive].map(existsSync)).toEqual([true, true, true]);
});

// Was: only an inbox that was away, or a disk that was not mounted, was said to be.
it.each(['outbox', 'archive'] as const)('says that the %s is missing, for as long as it is', async which => {
  const places = placesIn(dir);
  const config = { stateDir: join(dir, 'state'), folders: [places] } as unknown as Config;
  const folders = new Folders(config, nodeFiles);
  await folders.create(silentLogger);
  await folders.createMissing(silentLogger);
  const whyAway = () => folders.whyAway(places as never)?.message;
  expect(whyAway()).toBeUndefined();
  await rm(places[which], { recursive: true });
  await folders.createMissing(silentLogger);
  expect(whyAway()).toContain(places[which]);
  await mkdir(places[which]);
  await folders.createMissing(silentLogger);
  expect(whyAway()).toBeUndefined();
});

it('a folder whose disk was not there at the start is not made on the disk below it', async () => {
  const away = join(dir, 'disk');
  const config = { stateDir: join(dir, 'state'), folders: [placesIn(away)] } as unknown as Config;
  const folders = new Folders(config, nodeFiles);
  await folders.create(silentLogger);
  // As a mount point that appears a moment before its disk.
  await nodeFiles.mkdir(away);
  await folders.createMissing(silentLogger);
  expect(existsSync(join(away, 'in'))).toBe(false);
});

// Was: five shares of a server that is off, 20 s each, one after the other, while systemd waits for the start.
it('folders that do not answer are waited for together at the start, and what is named twice is made once', async () => {
  const folders = ['a', 'b', 'c'].map(name => ({ ...placesIn(join(dir, name)), archive: join(dir, 'archive') }));
  const config = { stateDir: join(dir, 'state'), folders } as unknown as Config;
  const asked = new Set<string>();
  let answer: () => void = () => {};
  const all = new Promise<void>(resolve => (answer = resolve));
  const stat: typeof nodeFiles.stat = async path => {
    asked.add(path);
    if (asked.size === 7) answer();
    await all;
    return nodeFiles.stat(path);
  };
  for (const name of ['a', 'b', 'c']) await mkdir(join(dir, name));
  const warned: unknown[] = [];
  const log = pino({ level: 'warn' }, { write: line => void warned.push(line) });
  await new Folders(config, { ...nodeFiles, stat }).create(log);
  expect(warned).toEqual([]);
  expect(folders.flatMap(({ inbox, outbox, archive }) => [inbox, outbox, archive]).every(existsSync)).toBe(true);
});

it('an outbox that is a link to a disk is away once the disk is unmounted, empty folder or not', async () => {
  const disk = join(dir, 'disk');
  await mkdir(disk);
  await symlink(disk, join(dir, 'out'));
  const root = { point: '/', type: 'ext4', source: 'sda', device: '8:1' };
  let mounts = [root, { point: disk, type: 'ext4', source: 'sdb', device: '8:17' }];
  const config = { stateDir: join(dir, 'state'), folders: [placesIn(dir)] } as unknown as Config;
  const folders = new Folders(config, nodeFiles, new FolderMounts({ mounts: () => mounts }));
  await folders.outboxIdentity(join(dir, 'out'), 'one.mp4');
  mounts = [root];
  await expect(folders.outboxIdentity(join(dir, 'out'), 'one.mp4')).rejects.toMatchObject({ code: 'unavailable' });
});

it('an inbox that is a file is said to be no folder, not to be missing', async () => {
  const places = placesIn(dir);
  await writeFile(places.inbox, '');
  const config = { stateDir: join(dir, 'state'), folders: [places] } as unknown as Config;
  const folders = new Folders(config, nodeFiles);
  await expect(folders.mustBeMounted(places.inbox)).rejects.toMatchObject({
    code: 'unavailable',
    message: `${places.inbox} is not a folder`,
  });
});
