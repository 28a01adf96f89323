import { lstatSync } from 'node:fs';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Listing, type ListingOptions } from '../../src/inbox/listing.ts';
import { Sidecars } from '../../src/inbox/sidecars.ts';
import type { Directory } from '../../src/inbox/tracked-file.ts';
import { eventually } from '../support/eventually.ts';
import { drop, shell, tempDir, watching } from './support.ts';

const extensions = ['mp4', 'url'];

// Was: one skipped job each, with 1,400 bytes of journal.
it('files that no rule can take are counted by kind, and never reported', async () => {
  const inbox = join(await tempDir(), 'inbox');
  for (const name of ['a.nfo', 'b.NFO', 'c.srt', 'README', 'x.some words', 'film.mp4', 'link.url.txt'])
    await drop(inbox, name);
  const { allSighted, sightings, watcher, logs } = await watching({ inbox, extensions });
  await allSighted(['film.mp4', 'link.url.txt']);
  await watcher.settled();
  expect(sightings).toHaveLength(2);
  expect(watcher.folders()[0]?.leftAlone).toEqual([
    { kind: '', files: 2 },
    { kind: 'nfo', files: 2 },
    { kind: 'srt', files: 1 },
  ]);
  const said = () => logs.filter(({ msg }) => msg.includes('left alone'));
  expect(said()).toMatchObject([{ level: 30, files: { nfo: 2, srt: 1, other: 2 } }]);
  await watcher.rescan();
  expect(said()).toHaveLength(1);
});

// Was: 3,000 links named *.nfo made 3,000 skipped jobs.
it('links and pipes make no job each: they are counted by kind, with few notes', async () => {
  const inbox = join(await tempDir(), 'inbox');
  await mkdir(inbox);
  for (let n = 0; n < 300; n += 1) await symlink('/etc/passwd', join(inbox, `film${n}.nfo`));
  await shell('mkfifo "$1/pipe.mp4"; echo ready', inbox);
  const { watcher, sightings, logs } = await watching({ inbox, extensions });
  await watcher.settled();
  expect(sightings).toEqual([]);
  expect(watcher.folders()[0]?.leftAlone).toEqual([
    { kind: 'symbolic link', files: 300 },
    { kind: 'named pipe', files: 1 },
  ]);
  expect(logs.filter(({ msg }) => msg.includes('left alone')).length).toBeLessThanOrEqual(101);
});

// Was: 624 skipped jobs of one path within 35 seconds.
it('a folder exchanged with a link again and again leaves one note, and no job of the link', async () => {
  const { inbox, sightings, watcher, logs } = await watching({ extensions });
  const path = join(inbox, 'd');
  for (let n = 0; n < 20; n += 1) {
    await mkdir(path);
    await watcher.rescan();
    await rm(path, { recursive: true });
    await symlink('/etc', path);
    await watcher.rescan();
    await rm(path);
  }
  await symlink('/etc', path);
  await watcher.rescan();
  expect(sightings).toEqual([]);
  expect(logs.filter(each => each.path === path && each.why)).toHaveLength(1);
  await rm(path);
  await mkdir(path);
  await watcher.rescan();
  expect(watcher.folders()[0]?.leftAlone).toEqual([]);
});

// Was: never said of that path again.
it('a link that goes while it is read is said when it is back', async () => {
  const inbox = await tempDir();
  await symlink('/etc', join(inbox, 'd'));
  const said: unknown[] = [];
  let readings = 0;
  const fs = {
    lstat: (paths: string[]) =>
      Promise.resolve(paths.map(path => lstatSync(path, { bigint: true, throwIfNoEntry: false }))),
    readlink: () => ((readings += 1) === 1 ? Promise.reject(new Error('ENOENT')) : Promise.resolve('/etc')),
  };
  const listing = new Listing({
    context: { inbox, log: { info: (fields: unknown) => said.push(fields) } },
    mountMap: { isMountPoint: () => false },
    waiting: { isFull: false },
    onFull: () => {},
    onGone: () => {},
  } as unknown as ListingOptions);
  const [files, children, leftAlone] = [new Map(), new Set(), new Map()];
  const dir = {
    rel: '',
    path: inbox,
    fs,
    files,
    children,
    leftAlone,
    sidecars: new Sidecars(),
  } as unknown as Directory;
  await listing.reconcile(dir, ['d'], true);
  expect(said).toEqual([]);
  await rm(join(inbox, 'd'));
  await listing.reconcile(dir, [], true);
  await symlink('/etc', join(inbox, 'd'));
  await listing.reconcile(dir, ['d'], true);
  expect(said).toHaveLength(1);
});

it('the count follows what is dropped, removed and renamed', async () => {
  const { inbox, allSighted, watcher } = await watching({ extensions });
  const counted = (files: number) => eventually(() => (watcher.folders()[0]?.leftAlone[0]?.files ?? 0) === files);
  await writeFile(join(inbox, 'a.nfo'), 'x');
  await writeFile(join(inbox, 'b.nfo'), 'x');
  await counted(2);
  await writeFile(join(inbox, 'b.nfo'), 'changed');
  await rm(join(inbox, 'a.nfo'));
  await counted(1);
  await rename(join(inbox, 'b.nfo'), join(inbox, 'b.mp4'));
  await allSighted(['b.mp4']);
  await counted(0);
});

it('a configuration that takes more kinds has the files reported that were left alone', async () => {
  const { inbox, allSighted, watcher } = await watching({ extensions });
  await writeFile(join(inbox, 'song.mp3'), 'x');
  await eventually(() => watcher.folders()[0]?.leftAlone.length === 1);
  await watcher.setFolders([{ inbox, settleMs: 200, scan: 'auto', extensions: [...extensions, 'mp3'] }]);
  await allSighted(['song.mp3']);
  expect(watcher.folders()[0]?.leftAlone).toEqual([]);
});

// Was: ignored without a word.
it('a text that may be meant as an instruction but has another name is logged once', async () => {
  const inbox = join(await tempDir(), 'inbox');
  for (const name of ['clip.mp4', 'clip.txt', 'B.MP4.TXT', 'b.mp4', 'b.mp4.txt', 'c.mp4', 'C.mp4.TXT', 'notes.txt'])
    await drop(inbox, name);
  const { allSighted, watcher, logs } = await watching({ inbox, extensions });
  await allSighted(['clip.mp4', 'b.mp4', 'c.mp4']);
  await watcher.rescan();
  const said = logs.filter(({ msg }) => msg.includes('not read as an instruction')).map(({ msg }) => msg);
  expect(said.sort()).toEqual([
    'B.MP4.TXT is not read as an instruction; if it is meant for b.mp4, name it b.mp4.txt',
    'clip.txt is not read as an instruction; if it is meant for clip.mp4, name it clip.mp4.txt',
  ]);
});
