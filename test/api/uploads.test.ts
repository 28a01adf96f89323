import {
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sweepUploads } from '../../src/api/upload-file.ts';
import { nameFor, type UploadRequest, Uploads, type UploadsOptions } from '../../src/api/uploads.ts';
import { ShrinkError } from '../../src/core/errors.ts';
import { type Files, nodeFiles } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { eventually } from '../support/eventually.ts';
import { FailingFiles } from '../support/failing-files.ts';
import { ask, serving, tempDir } from '../support/serving.ts';

const GENEROUS = { bytes: 0, share: 0 };

async function uploadsTo(options: Partial<UploadsOptions> = {}) {
  const inbox = join(await tempDir(), 'inbox');
  mkdirSync(inbox);
  const uploads = new Uploads({ inboxes: () => [inbox], minFree: () => GENEROUS, log: silentLogger, ...options });
  const put = (request: Partial<UploadRequest>) =>
    uploads.put({ inbox, name: 'clip.mp4', body: chunks('video'), ...request });
  return { inbox, uploads, put };
}

async function* chunks(...parts: string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

it('brings a file into the inbox under its own name, and nothing else', async () => {
  const { inbox, put } = await uploadsTo();
  const added = await put({ body: chunks('one ', 'two'), bytes: 7 });
  expect(added).toEqual({ path: join(inbox, 'clip.mp4'), name: 'clip.mp4', bytes: 7 });
  expect(readdirSync(inbox)).toEqual(['clip.mp4']);
  expect(readFileSync(join(inbox, 'clip.mp4'), 'utf8')).toBe('one two');
});

// Was: what somebody had asked of the last phone.mp4, long done and gone, was done to the next one.
it('takes no name that words of another upload lie beside', async () => {
  const { inbox, put } = await uploadsTo();
  writeFileSync(join(inbox, 'clip.mp4.txt'), '1 fps, 25 kB');
  writeFileSync(join(inbox, 'clip (2).MP4.TXT'), '1 fps, 25 kB');
  expect((await put({})).name).toBe('clip (3).mp4');
  expect((await put({ words: 'mute' })).name).toBe('clip (2).mp4');
  expect(readFileSync(join(inbox, 'clip (2).mp4.txt'), 'utf8')).toBe('mute\n');
});

it('puts nothing into the empty mount point of an inbox whose disk is away', async () => {
  const mustBeMounted = async (path: string) => {
    throw new ShrinkError('unavailable', `${path} is not mounted`);
  };
  const { inbox, put } = await uploadsTo({ mustBeMounted });
  await expect(put({})).rejects.toMatchObject({ code: 'unavailable', message: `${inbox} is not mounted` });
  expect(readdirSync(inbox)).toEqual([]);
});

it('keeps to a hidden name in progress until the file is whole', async () => {
  const { inbox, put } = await uploadsTo();
  const seen: string[][] = [];
  async function* slow() {
    yield Buffer.from('a');
    seen.push(readdirSync(inbox));
    yield Buffer.from('b');
  }
  await put({ body: slow() });
  expect(seen).toEqual([[expect.stringMatching(/^\.shrinkbox-drop-[0-9a-f]{16}\.part$/)]]);
});

it('says that a file is there once a power cut cannot take it back', async () => {
  const files = new FailingFiles();
  const { inbox, put } = await uploadsTo({ files });
  await put({ words: 'mute' });
  const steps = files.changes.map(
    ({ operation, path }) => `${operation} ${path.slice(inbox.length).replace(/[0-9a-f]{16}/, 'X')}`,
  );
  const told = /^(sync|sync folder|link|unlink) /;
  expect(steps.filter(step => told.test(step))).toEqual([
    'sync /.shrinkbox-drop-X.part',
    'sync /clip.mp4.txt',
    'link /clip.mp4',
    'unlink /.shrinkbox-drop-X.part',
    'sync folder ',
  ]);
});

it('takes no name that is taken, neither for the file nor for its words', async () => {
  const { inbox, put } = await uploadsTo();
  writeFileSync(join(inbox, 'clip.mp4'), 'mine');
  writeFileSync(join(inbox, 'clip (2).mp4.txt'), 'for another');
  const { name } = await put({ words: '  half the size ' });
  expect(name).toBe('clip (3).mp4');
  expect(readdirSync(inbox).sort()).toEqual(['clip (2).mp4.txt', 'clip (3).mp4', 'clip (3).mp4.txt', 'clip.mp4']);
  expect(readFileSync(join(inbox, 'clip.mp4'), 'utf8')).toBe('mine');
  expect(readFileSync(join(inbox, 'clip (3).mp4.txt'), 'utf8')).toBe('half the size\n');
});

it('gives many of the same name at once a name each', async () => {
  const { inbox, put } = await uploadsTo();
  const added = await Promise.all([1, 2, 3, 4, 5].map(n => put({ body: chunks(`${n}`), words: `${n}` })));
  expect(new Set(added.map(({ name }) => name)).size).toBe(5);
  for (const { path } of added) expect(readFileSync(`${path}.txt`, 'utf8')).toBe(`${readFileSync(path, 'utf8')}\n`);
  expect(readdirSync(inbox)).toHaveLength(10);
});

it('has the words there before the file', async () => {
  const order: string[] = [];
  const files: Files = {
    ...nodeFiles,
    link: async (from, to) => {
      order.push(...readdirSync(join(to, '..')).filter(name => name.endsWith('.txt')));
      await nodeFiles.link(from, to);
    },
  };
  const { put } = await uploadsTo({ files });
  await put({ words: 'mute' });
  expect(order).toEqual(['clip.mp4.txt']);
});

it.each<[string, string, string]>([
  ['a path', '../../etc/passwd.mp4', 'passwd.mp4'],
  ['a path of Windows', 'C:\\Users\\me\\clip.mp4', 'clip.mp4'],
  ['what SMB cannot take', 'a:b*c?.mp4', 'a_b_c_.mp4'],
  ['a hidden name', '.clip.mp4', '_.clip.mp4'],
  ['an option', '-rf.mp4', '_-rf.mp4'],
  ['a line break', 'a\nb.mp4', 'a_b.mp4'],
  ['a link in a text file', 'link.url.txt', 'link.url.txt'],
  ['a device of Windows', 'CON.mp4', '_CON.mp4'],
  ['nothing but an extension', '.mp4', '_.mp4'],
  ['control characters', '\u0001\u001b[2J\u009b.mp4', '__[2J_.mp4'],
  ['300 bytes', `${'é'.repeat(150)}.mp4`, `${'é'.repeat(118)}.mp4`],
])('makes a safe name of %s', (_, given, expected) => {
  expect(nameFor(given)).toBe(expected);
});

// Was: they were taken as `_`, `_NUL` and so on, which nobody can open.
it.each(['.', '..', 'a/..', 'NUL', 'con', 'clip', 'clip.', '\u0007', ' ', 'x'.repeat(300)])(
  'says that %j is not the name of a video',
  name => {
    const because = { code: 'bad-name', message: expect.stringContaining('is not the name of a video') };
    expect(() => nameFor(name)).toThrow(expect.objectContaining(because));
  },
);

it.each(['clip.mp4.part', '~clip.mp4', 'Thumbs.db', 'clip.mp4.txt', 'clip.tmp'])('says why %s is not taken', name => {
  expect(() => nameFor(name)).toThrow(expect.objectContaining({ code: 'bad-name', hint: expect.any(String) }));
});

it.each<[string, Partial<UploadRequest>, string]>([
  ['another folder', { inbox: '/etc' }, 'bad-request'],
  ['an empty file', { body: chunks() }, 'bad-request'],
  ['half a file', { body: chunks('half'), bytes: 8 }, 'bad-request'],
  ['more than announced', { body: chunks('too much'), bytes: 3 }, 'bad-request'],
  ['words with a NUL', { words: 'a\0b' }, 'bad-request'],
  ['endless words', { words: 'x'.repeat(5000) }, 'bad-request'],
])('refuses %s and leaves nothing behind', async (_, request, code) => {
  const { inbox, put } = await uploadsTo();
  await expect(put(request)).rejects.toMatchObject({ code });
  expect(readdirSync(inbox)).toEqual([]);
});

it('refuses what does not fit before it is written, and counts what others announced', async () => {
  const { inbox, uploads, put } = await uploadsTo({ minFree: () => ({ bytes: 1e18, share: 0 }) });
  await expect(put({ bytes: 5 })).rejects.toMatchObject({ code: 'no-space' });
  expect(readdirSync(inbox)).toEqual([]);
  expect(await uploads.inboxes()).toEqual([{ inbox, free_bytes: 0 }]);
  const roomy = await uploadsTo();
  const before = (await roomy.uploads.inboxes())[0]?.free_bytes ?? 0;
  let proceed = () => {};
  const held = new Promise<void>(resolve => {
    proceed = resolve;
  });
  async function* waiting() {
    await held;
    yield Buffer.alloc(1000);
  }
  const announced = 2 ** 40;
  const coming = roomy.put({ body: waiting(), bytes: Math.min(announced, Math.floor(before * 0.75)) });
  await eventually(async () => expect((await roomy.uploads.inboxes())[0]?.free_bytes).toBeLessThan(before / 2), {
    what: 'the announced bytes to count',
  });
  proceed();
  await expect(coming).rejects.toMatchObject({ code: 'bad-request' });
});

it('gives up a sender that goes silent', async () => {
  const { inbox, put } = await uploadsTo({ silenceMs: 50 });
  async function* silent() {
    yield Buffer.from('a');
    await new Promise(() => {});
  }
  await expect(put({ body: silent() })).rejects.toMatchObject({ code: 'timed-out' });
  expect(readdirSync(inbox)).toEqual([]);
});

it('says in words what the disk said, and removes what it wrote', async () => {
  const fail = () => Promise.reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }));
  // A file system that only refuses links is another matter: it is published to by renaming.
  const files: Files = { ...nodeFiles, link: fail, rename: fail };
  const { inbox, put } = await uploadsTo({ files });
  await expect(put({ words: 'mute' })).rejects.toMatchObject({ code: 'io' });
  expect(readdirSync(inbox)).toEqual([]);
});

// Was: 200 and the number of bytes sent, while the inbox held the other user's file.
it.each<[string, (temp: string, his: string) => void]>([
  ['a file', (temp, his) => renameSync(his, temp)],
  ['a link', (temp, his) => symlinkSync(his, temp)],
])('confirms no upload whose hidden file another user exchanged for %s of his own', async (_, putHis) => {
  const { inbox, put } = await uploadsTo();
  const [his, ours] = [join(inbox, '..', 'his.mp4'), join(inbox, '..', 'ours')];
  writeFileSync(his, 'other');
  let temp = '';
  async function* exchanging() {
    yield Buffer.from('video');
    temp = readdirSync(inbox)[0] ?? '';
    renameSync(join(inbox, temp), ours);
    putHis(join(inbox, temp), his);
  }
  await expect(put({ body: exchanging(), bytes: 5, words: 'mute' })).rejects.toMatchObject({
    code: 'io',
    message: 'clip.mp4 was not added: its hidden file in the inbox was exchanged for another one meanwhile',
  });
  // What stands there is his: it got no other name and lost none.
  expect(readdirSync(inbox)).toEqual([temp]);
  expect(readFileSync(join(inbox, temp), 'utf8')).toBe('other');
});

// Was: without links, a file of the same size passed for ours. Only root can give a file to another user.
it.skipIf(process.getuid?.() !== 0).each(['with links', 'without links'])(
  "leaves another user's file where it is when it took the hidden name at the last moment, %s",
  async how => {
    const inbox = join(await tempDir(), 'inbox');
    mkdirSync(inbox);
    let exchanged = false;
    const exchange = () => {
      if (exchanged) return;
      exchanged = true;
      const temp = join(inbox, readdirSync(inbox).find(name => name.endsWith('.part')) ?? '');
      renameSync(temp, join(inbox, '..', 'ours'));
      writeFileSync(temp, 'other');
      const { atime, mtime } = statSync(join(inbox, '..', 'ours'));
      utimesSync(temp, atime, mtime);
      chownSync(temp, 4055, 4055);
    };
    const files: Files = {
      ...nodeFiles,
      async link(from, to) {
        if (how !== 'with links') throw Object.assign(new Error('EPERM'), { code: 'EPERM' });
        exchange();
        await nodeFiles.link(from, to);
      },
      async rename(from, to) {
        exchange();
        await nodeFiles.rename(from, to);
      },
    };
    const uploads = new Uploads({ inboxes: () => [inbox], minFree: () => GENEROUS, log: silentLogger, files });
    await expect(uploads.put({ inbox, name: 'clip.mp4', body: chunks('video') })).rejects.toMatchObject({ code: 'io' });
    const [left = ''] = readdirSync(inbox);
    expect(readFileSync(join(inbox, left), 'utf8')).toBe('other');
  },
);

it("does not remove another user's file that took the hidden name of an upload cut short", async () => {
  const { inbox, put } = await uploadsTo();
  async function* cut() {
    yield Buffer.from('vid');
    const temp = join(inbox, readdirSync(inbox)[0] ?? '');
    renameSync(temp, join(inbox, '..', 'ours'));
    writeFileSync(temp, 'of another user');
  }
  await expect(put({ body: cut(), bytes: 5 })).rejects.toMatchObject({ code: 'bad-request' });
  expect(readFileSync(join(inbox, readdirSync(inbox)[0] ?? ''), 'utf8')).toBe('of another user');
});

it('sweeps what a killed daemon left, and nothing that may still be written', async () => {
  const { inbox } = await uploadsTo();
  const [old, fresh] = ['.shrinkbox-drop-00112233aabbccdd.part', '.shrinkbox-drop-aaaaaaaaaaaaaaaa.part'];
  for (const name of [old, fresh, '.shrinkbox-drop-notes.part']) writeFileSync(join(inbox, name), 'x');
  utimesSync(join(inbox, old), 1, 1);
  utimesSync(join(inbox, '.shrinkbox-drop-notes.part'), 1, 1);
  await sweepUploads([inbox, join(inbox, 'missing')], Date.now());
  expect(readdirSync(inbox).sort()).toEqual([fresh, '.shrinkbox-drop-notes.part'].sort());
});

const url = (inbox: string, name: string) =>
  `/api/drop?inbox=${encodeURIComponent(inbox)}&name=${encodeURIComponent(name)}`;

it('is open to the page and to programs, not to other sites', async () => {
  const { inbox, uploads } = await uploadsTo();
  const { server } = await serving({ uploads, listen: { host: '127.0.0.1', port: 0 } });
  const host = `127.0.0.1:${server.address?.port}`;
  const send = (headers: Record<string, string>) =>
    ask(
      server,
      url(inbox, 'a.mp4'),
      { method: 'POST', headers: { host, ...headers }, body: 'x'.repeat(300_000) },
      true,
    );
  expect((await send({ origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' })).status).toBe(403);
  expect(readdirSync(inbox)).toEqual([]);
  expect(await send({ origin: `http://${host}`, 'sec-fetch-site': 'same-origin' })).toMatchObject({
    status: 200,
    json: { name: 'a.mp4', bytes: 300_000 },
  });
  expect(readdirSync(inbox)).toEqual(['a.mp4']);
});

it('answers with the reason where a file is not taken', async () => {
  const { inbox, uploads } = await uploadsTo({ minFree: () => ({ bytes: 1e18, share: 0 }) });
  const { server } = await serving({ uploads });
  const post = { method: 'POST', body: 'x' };
  expect(await ask(server, url(inbox, 'a.mp4'), post)).toMatchObject({
    status: 507,
    json: { error: { code: 'no-space', hint: expect.any(String) } },
  });
  expect(await ask(server, url(inbox, 'a.part'), post)).toMatchObject({
    status: 400,
    json: { error: { code: 'bad-name' } },
  });
  expect(await ask(server, '/api/drop', post)).toMatchObject({ status: 400 });
  expect((await ask(server, '/api/inboxes')).json).toEqual([{ inbox, free_bytes: 0 }]);
});

it('gives up on a sender of a byte now and then, and waits for a slow one', async () => {
  const { inbox, put } = await uploadsTo({ silenceMs: 1000, least: { bytes: 1000, inMs: 60 } });
  async function* slowly(chunk: string, count: number) {
    for (let i = 0; i < count; i += 1) {
      await new Promise(resolve => setTimeout(resolve, 20));
      yield Buffer.from(chunk);
    }
  }
  await expect(put({ body: slowly('x', 1000) })).rejects.toMatchObject({ code: 'timed-out' });
  expect(readdirSync(inbox)).toEqual([]);
  expect(await put({ body: slowly('x'.repeat(1000), 10) })).toMatchObject({ bytes: 10_000 });
});
