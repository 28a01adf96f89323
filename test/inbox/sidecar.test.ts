import { chown, rename, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileSystems } from '../../src/inbox/guarded-fs.ts';
import { decodeInstruction, readInstruction } from '../../src/inbox/sidecar.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { drop, isRoot, tempDir, watching } from './support.ts';

describe.concurrent('words beside a file', () => {
  it('come with its sighting, and are none themselves', async () => {
    const { inbox, watcher, sighted, sightings } = await watching();
    await drop(inbox, 'sub/clip.mp4.txt', '\ufeff  under 50MB\n');
    await drop(inbox, 'sub/clip.mp4');
    const seen = await sighted('sub/clip.mp4');
    expect(seen.sidecar).toEqual({ path: join(inbox, 'sub/clip.mp4.txt'), text: 'under 50MB' });
    await watcher.rescan();
    await watcher.settled();
    expect(sightings).toHaveLength(1);
  });

  it('make the file be reported again: when they come, change and go', async () => {
    const { inbox, watcher, sighted, sightings } = await watching();
    await drop(inbox, 'clip.mp4');
    await sighted('clip.mp4', seen => seen.sidecar === undefined);
    const words = await drop(inbox, 'clip.mp4.txt', '720p');
    await sighted('clip.mp4', seen => seen.sidecar?.text === '720p');
    await writeFile(words, '480p');
    await sighted('clip.mp4', seen => seen.sidecar?.text === '480p');
    await unlink(words);
    await watcher.rescan();
    await watcher.settled();
    // The queue of this test knows the file without words, so nothing new is said of it.
    expect(sightings.map(({ sidecar }) => sidecar?.text)).toEqual([undefined, '720p', '480p']);
  });

  it('that go are told to a queue that only knows the file with them', async () => {
    const { inbox, sighted, sightings } = await watching({ hasJobFor: () => false });
    const words = await drop(inbox, 'clip.mp4.txt', '720p');
    await drop(inbox, 'clip.mp4');
    await sighted('clip.mp4', seen => seen.sidecar?.text === '720p');
    await unlink(words);
    await sighted('clip.mp4', seen => seen.sidecar === undefined);
    expect(sightings).toHaveLength(2);
  });

  it.skipIf(!isRoot)('by another user than the file are known as that, by root they are not', async () => {
    const { inbox, sighted } = await watching();
    const owned = async (name: string, uid: number, text?: string) => chown(await drop(inbox, name, text), uid, uid);
    await owned('own.mp4', 4711);
    await owned('own.mp4.txt', 4711, '720p');
    await owned('others.mp4', 4711);
    await owned('others.mp4.txt', 4712, '720p');
    await owned('roots.mp4', 4711);
    await owned('roots.mp4.txt', 0, '720p');
    const bys = async (name: string) => (await sighted(name, seen => seen.sidecar !== undefined)).sidecar?.byStranger;
    expect([await bys('own.mp4'), await bys('others.mp4'), await bys('roots.mp4')]).toEqual([
      undefined,
      true,
      undefined,
    ]);
  });

  it('that say the same again do not', async () => {
    const { inbox, watcher, sighted, sightings } = await watching({ hasJobFor: () => false });
    const words = await drop(inbox, 'clip.mp4.txt', '720p');
    await drop(inbox, 'clip.mp4');
    await sighted('clip.mp4');
    await writeFile(words, '720p\n');
    await watcher.rescan();
    await watcher.settled();
    expect(sightings).toHaveLength(1);
  });

  it('still empty do not count, until something is written', async () => {
    const { inbox, sighted, sightings } = await watching();
    const words = await drop(inbox, 'clip.mp4.txt', ' \n');
    await drop(inbox, 'clip.mp4');
    expect((await sighted('clip.mp4')).sidecar).toBeUndefined();
    await writeFile(words, 'half the size');
    await sighted('clip.mp4', seen => seen.sidecar?.text === 'half the size');
    expect(sightings).toHaveLength(2);
  });

  it('are known from before a restart, with the file', async () => {
    const inbox = join(await tempDir(), 'inbox');
    await drop(inbox, 'clip.mp4.txt', '720p');
    await drop(inbox, 'clip.mp4');
    await drop(inbox, 'other.mp4');
    await drop(inbox, 'other.mp4.txt', 'changed while down');
    const { watcher, sightings } = await watching({
      inbox,
      hasJobFor: ({ relative, sidecar }) => sidecar?.text === (relative === 'clip.mp4' ? '720p' : 'before'),
    });
    await watcher.settled();
    expect(sightings).toMatchObject([{ relative: 'other.mp4', sidecar: { text: 'changed while down' } }]);
  });

  it('that cannot be understood refuse the file, until they can', async () => {
    const { inbox, sighted } = await watching();
    const words = await drop(inbox, 'clip.mp4.txt', Buffer.from([0x80, 0x81, 0xff]));
    await drop(inbox, 'clip.mp4');
    expect((await sighted('clip.mp4')).refused?.text).toBe(
      'cannot use the instruction file clip.mp4.txt: it is not UTF-8 text',
    );
    await writeFile(words, '720p');
    expect((await sighted('clip.mp4', seen => !seen.refused)).sidecar?.text).toBe('720p');
  });

  it('of another sort are left alone: notes, reports, links to elsewhere', async () => {
    const outside = await tempDir();
    await drop(outside, 'secret.txt', 'secret');
    const { inbox, watcher, sighted, sightings } = await watching();
    await drop(inbox, 'notes.txt', 'buy milk');
    await drop(inbox, 'clip.failed.txt', 'report');
    await drop(inbox, 'clip.mp4');
    await symlink(join(outside, 'secret.txt'), join(inbox, 'clip.mp4.txt'));
    await watcher.rescan();
    expect((await sighted('clip.mp4')).sidecar).toBeUndefined();
    await watcher.settled();
    expect(sightings.map(({ relative }) => relative)).toEqual(['clip.mp4']);
  });

  it('stay with the name: a renamed file has none', async () => {
    const { inbox, sighted } = await watching();
    await drop(inbox, 'clip.mp4.txt', '720p');
    await drop(inbox, 'clip.mp4');
    await sighted('clip.mp4', seen => seen.sidecar?.text === '720p');
    await rename(join(inbox, 'clip.mp4'), join(inbox, 'film.mp4'));
    expect((await sighted('film.mp4')).sidecar).toBeUndefined();
  });
});

describe.concurrent('links to be fetched', () => {
  it('are files like any other, and may have words beside them', async () => {
    // Begun when all is there: on a busy machine a file may be ripe before its words are written.
    const { inbox, watcher, sighted, sightings } = await watching({ start: false });
    await drop(inbox, 'a.url', '[InternetShortcut]\nURL=https://example.org/a.mp4');
    await drop(inbox, 'b.webloc', '<plist/>');
    await drop(inbox, 'c.url.txt', 'https://example.org/c.mp4');
    await drop(inbox, 'd.url', '[InternetShortcut]');
    await drop(inbox, 'd.url.txt', '720p');
    await watcher.start();
    await sighted('d.url');
    await watcher.settled();
    const found = sightings.map(({ relative, sidecar }) => [relative, sidecar?.text]);
    expect(found).toEqual([
      ['a.url', undefined],
      ['b.webloc', undefined],
      ['c.url.txt', undefined],
      ['d.url', '720p'],
    ]);
  });
});

it.each([
  [2_000, 'text'],
  [2_001, 'unusable'],
  [65_537, 'unusable'],
])(
  'an instruction of %d characters is %s, as everywhere (was: 64 KiB were read, and held as not understood)',
  async (length, kind) => {
    const dir = await tempDir();
    await drop(dir, 'clip.mp4.txt', 'x'.repeat(length));
    const { local } = new FileSystems(systemClock, 1_000);
    expect(await readInstruction(() => local.open(dir, ['clip.mp4.txt']))).toMatchObject({ kind });
  },
);

describe('words are decoded', () => {
  it.each<[string, Buffer, object]>([
    ['from UTF-8', Buffer.from(' 压缩到50MB以内\n'), { kind: 'text', text: '压缩到50MB以内' }],
    [
      'from UTF-16 with a mark, as Notepad wrote it',
      Buffer.from('\ufeff720p', 'utf16le'),
      { kind: 'text', text: '720p' },
    ],
    ['to nothing where nothing is written', Buffer.from('\n \t'), { kind: 'none' }],
    [
      'not from another encoding',
      Buffer.from([0xe9, 0x20]),
      { kind: 'unusable', why: { code: 'inbox.instruction-not-text', text: 'it is not UTF-8 text' } },
    ],
    [
      'not from binary data',
      Buffer.from('a\0b'),
      {
        kind: 'unusable',
        why: { code: 'inbox.instruction-has-nul', text: 'there are NUL bytes in it, so it is no text' },
      },
    ],
  ])('%s', (_, bytes, expected) => {
    expect(decodeInstruction(bytes)).toEqual(expected);
  });
});
