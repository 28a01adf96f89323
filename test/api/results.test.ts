/** Results over HTTP, from real files: ranges, conditions, links for players, and what is said when the file is another one. */
import { renameSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { dispositionOf } from '../../src/api/file-headers.ts';
import { type Delivered, Results } from '../../src/api/results.ts';
import type { ServeOptions, Serving } from '../../src/api/serve.ts';
import { Secret } from '../../src/config/secrets.ts';
import { inChinese } from '../../src/messages/zh/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { HeldFile } from '../../src/platform/files/door.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { ask, serving, tempDir } from '../support/serving.ts';
import { openSource } from '../support/with-source.ts';

const LISTEN = { host: '127.0.0.1', port: 0 };
const TEXT = '0123456789abcdef';

/** A server with one done job whose result is a real file, and how many descriptors of it are open. */
async function withResult(options: Partial<ServeOptions> & { text?: string; name?: string } = {}) {
  const { text = TEXT, name = 'clip.mp4' } = options;
  const path = join(await tempDir(), name);
  writeFileSync(path, text);
  utimesSync(path, 1_700_000_000, 1_700_000_000);
  const { size, ino } = statSync(path);
  const delivered: Delivered = { path, bytes: size, ino: String(ino), mtimeMs: 1_700_000_000_000 };
  const open = { files: 0 };
  const results = new Results({
    find: id => (id === 'abc' ? delivered : undefined),
    open: async wanted => counted(await openSource(wanted), open),
    clock: systemClock,
  });
  const { server, control } = await serving({ results, ...options });
  control.add({ id: 'abc', state: 'done', output: path, output_bytes: size });
  control.add({ id: 'def', state: 'queued' });
  return { server, path, open };
}

function counted(file: HeldFile, open: { files: number }): HeldFile {
  open.files += 1;
  const close = async () => {
    open.files -= 1;
    await file.close();
  };
  return { ...file, close };
}

const RESULT = '/api/jobs/abc/result';

it('of an answer that nobody ever begins to read, the file is closed', async () => {
  const path = join(await tempDir(), 'clip.mp4');
  writeFileSync(path, TEXT);
  const { mtimeMs } = statSync(path);
  const open = { files: 0 };
  const clock = new FakeClock();
  const results = new Results({
    find: () => ({ path, bytes: TEXT.length, mtimeMs }),
    open: async wanted => counted(await openSource(wanted), open),
    clock,
  });
  const nothing = { range: undefined, ifRange: undefined, ifNoneMatch: undefined, ifModifiedSince: undefined };
  await results.answer({ ...nothing, id: 'abc', head: false, download: false, address: '', cut: () => {} });
  expect(open.files).toBe(1);
  await clock.advance(10 * 60_000);
  expect(open.files).toBe(0);
});

it('a result is the delivered file', async () => {
  const { server, open } = await withResult();
  const answer = await ask(server, RESULT);
  expect(answer).toMatchObject({ status: 200, text: TEXT });
  expect(answer.headers).toMatchObject({
    'content-type': 'video/mp4',
    'content-length': '16',
    'accept-ranges': 'bytes',
    'last-modified': 'Tue, 14 Nov 2023 22:13:20 GMT',
    'content-disposition': `inline; filename="clip.mp4"; filename*=UTF-8''clip.mp4`,
    'x-content-type-options': 'nosniff',
    'content-security-policy': expect.stringMatching(/^default-src 'none'.*; sandbox$/),
  });
  expect(answer.headers.etag).toMatch(/^"[\w-]+"$/);
  const head = await ask(server, RESULT, { method: 'HEAD' });
  expect(head).toMatchObject({ status: 200, text: '', headers: { 'content-length': '16', etag: answer.headers.etag } });
  const saved = await ask(server, `${RESULT}?download`);
  expect(saved.headers['content-disposition']).toMatch(/^attachment; /);
  await eventually(() => open.files === 0, { what: 'every file to be closed' });
});

it.each<[range: string, status: number, text: string, contentRange: string | undefined]>([
  ['bytes=0-3', 206, '0123', 'bytes 0-3/16'],
  ['bytes=10-', 206, 'abcdef', 'bytes 10-15/16'],
  ['bytes=-2', 206, 'ef', 'bytes 14-15/16'],
  ['bytes=-99', 206, TEXT, 'bytes 0-15/16'],
  ['bytes=15-99', 206, 'f', 'bytes 15-15/16'],
  ['bytes=16-', 416, '', 'bytes */16'],
  ['bytes=-0', 416, '', 'bytes */16'],
  // No range a server has to know: the whole file.
  ['bytes=5-2', 200, TEXT, undefined],
  ['bytes=0-1,4-5', 200, TEXT, undefined],
  ['bytes=-', 200, TEXT, undefined],
  ['bytes=99999999999999999999-', 200, TEXT, undefined],
  ['lines=0-3', 200, TEXT, undefined],
])('answers the range %s with %i', async (range, status, text, contentRange) => {
  const { server, open } = await withResult();
  const answer = await ask(server, RESULT, { headers: { range } });
  expect(answer).toMatchObject({ status, text });
  expect(answer.headers['content-range']).toBe(contentRange);
  expect(open.files).toBe(0);
});

it('a download continues only while the file is the same', async () => {
  const { server, path } = await withResult();
  const { etag = '', 'last-modified': date = '' } = (await ask(server, RESULT)).headers as Record<string, string>;
  const status = async (headers: Record<string, string>) => (await ask(server, RESULT, { headers })).status;
  const range = 'bytes=0-3';
  expect(await status({ range, 'if-range': etag })).toBe(206);
  expect(await status({ range, 'if-range': date })).toBe(206);
  expect(await status({ range, 'if-range': '"another"' })).toBe(200);
  expect(await status({ 'if-none-match': `"x", W/${etag}` })).toBe(304);
  expect(await status({ 'if-modified-since': date })).toBe(304);
  expect(await status({ 'if-modified-since': 'Tue, 14 Nov 2023 22:13:19 GMT' })).toBe(200);
  utimesSync(path, 1_700_000_001, 1_700_000_001);
  expect(await status({ range, 'if-range': etag })).toBe(200);
  expect(await status({ range, 'if-range': date })).toBe(200);
});

it.each<[string, (path: string) => void, string]>([
  ['gone', path => rmSync(path), 'api.result-gone'],
  ['of another length', path => truncateSync(path, 3), 'api.result-exchanged'],
  [
    'another one of the same length',
    path => {
      writeFileSync(`${path}.new`, 'x'.repeat(16));
      renameSync(`${path}.new`, path);
    },
    'api.result-exchanged',
  ],
  [
    'a link',
    path => {
      renameSync(path, `${path}.moved`);
      symlinkSync('/etc/hostname', path);
    },
    'api.result-exchanged',
  ],
])('says so when the file is %s', async (_, change, code) => {
  const { server, path, open } = await withResult();
  change(path);
  const answer = await ask(server, RESULT);
  expect(answer).toMatchObject({ status: 410, json: { error: { code: 'gone', messages: { message: { code } } } } });
  expect(inChinese(answer.json.error.messages.message)).toMatch(/\p{Script=Han}/u);
  expect(open.files).toBe(0);
});

it('the answer says that a job has no result, or that there is no such job', async () => {
  const { server } = await withResult();
  expect(await ask(server, '/api/jobs/def/result')).toMatchObject({
    status: 404,
    json: { error: { code: 'not-found' } },
  });
  expect(await ask(server, '/api/jobs/def/link', { method: 'POST' })).toMatchObject({ status: 404 });
  expect(await ask(server, '/api/jobs/zzz/result')).toMatchObject({
    status: 404,
    json: { error: { code: 'unknown' } },
  });
});

it.each<[string, string]>([
  ['clip.mp4', `inline; filename="clip.mp4"; filename*=UTF-8''clip.mp4`],
  [
    'Omas Geburtstag ü.mp4',
    `inline; filename="Omas Geburtstag _.mp4"; filename*=UTF-8''Omas%20Geburtstag%20%C3%BC.mp4`,
  ],
  ['a";x="b.mp4', `inline; filename="a_;x=_b.mp4"; filename*=UTF-8''a%22%3Bx%3D%22b.mp4`],
  ["it's (1)*.mp4", `inline; filename="it's (1)*.mp4"; filename*=UTF-8''it%27s%20%281%29%2A.mp4`],
  [
    'a\r\nSet-Cookie: b\u202egpj.mp4',
    `inline; filename="a__Set-Cookie: b_gpj.mp4"; filename*=UTF-8''a__Set-Cookie%3A%20b_gpj.mp4`,
  ],
])('names %j so that no header is opened and nobody deceived', (name, header) => {
  expect(dispositionOf(name, 'inline')).toBe(header);
});

it('a player without the token gets in by a link, for that file alone', async () => {
  const token = new Secret('planted-token');
  const { server } = await withResult({ listen: LISTEN, token });
  const headers = { authorization: 'Bearer planted-token' };
  expect((await ask(server, RESULT, {}, true)).status).toBe(401);
  expect((await ask(server, '/api/jobs/abc/link', { method: 'POST' }, true)).status).toBe(401);
  const { json } = await ask(server, '/api/jobs/abc/link', { method: 'POST', headers }, true);
  expect(json.path).not.toContain('planted-token');
  expect(json.until).toBeGreaterThan(Date.now());
  const ticket = String(json.path).split('?')[1] ?? '';
  const status = async (path: string, how = {}) => (await ask(server, path, how, true)).status;
  expect(await status(`/${json.path}`)).toBe(200);
  expect(await status(`/${json.path}&download`, { headers: { range: 'bytes=3-' } })).toBe(206);
  expect(await status(`/${json.path}`, { headers: { 'sec-fetch-site': 'cross-site' } })).toBe(403);
  expect(await status(`/${json.path}`, { headers: { origin: 'http://evil.example' } })).toBe(403);
  for (const path of ['/api/status', '/api/jobs/abc', '/api/jobs/def/result', '/api/jobs/ab/result']) {
    expect([path, await status(`${path}?${ticket}`)]).toEqual([path, 401]);
  }
  expect(await status(`/api/jobs/abc/retry?${ticket}`, { method: 'POST' })).toBe(401);
  // Not the last character, some bits of which mean nothing.
  const forged = ticket.replace(/(?<=\.)./, first => (first === 'A' ? 'B' : 'A'));
  expect(forged).not.toBe(ticket);
  expect(await status(`${RESULT}?${forged}`)).toBe(401);
  expect(await status(`${RESULT}?ticket=zzzzzzzzzzz.${'A'.repeat(43)}`)).toBe(401);
});

it('a link ends after twelve hours', async () => {
  const token = new Secret('planted-token');
  const clock = { ...systemClock, now: () => now };
  let now = Date.now();
  const { server } = await withResult({ listen: LISTEN, token, clock });
  const { json } = await ask(server, '/api/jobs/abc/link', { method: 'POST' });
  expect((await ask(server, `/${json.path}`, {}, true)).status).toBe(200);
  now += 12 * 3_600_000;
  expect((await ask(server, `/${json.path}`, {}, true)).status).toBe(401);
});

/** A request that stops reading after the headers, as a paused player does. */
async function paused(server: Serving): Promise<IncomingMessage> {
  const request = get({ host: '127.0.0.1', port: server.address?.port, path: RESULT, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  onTestFinished(() => void response.destroy());
  return response;
}

it('the file is closed when the player goes, and health checks have room', async () => {
  const { server, open } = await withResult({ listen: LISTEN, text: 'x'.repeat(20_000_000) });
  const players = await Promise.all(Array.from({ length: 20 }, () => paused(server)));
  expect(players.filter(({ statusCode }) => statusCode === 200)).toHaveLength(16);
  expect(players.filter(({ statusCode }) => statusCode === 503)).toHaveLength(4);
  expect((await ask(server, '/healthz', {}, true)).status).toBe(200);
  expect(open.files).toBe(16);
  for (const player of players) player.destroy();
  await eventually(() => open.files === 0, { what: 'every file to be closed' });
  expect((await ask(server, RESULT, { headers: { range: 'bytes=0-0' } }, true)).text).toBe('x');
});

it('the connection ends, without a word too much, where the file ends too early', async () => {
  const { server, open, path } = await withResult({ listen: LISTEN, text: 'x'.repeat(20_000_000) });
  const player = await paused(server);
  truncateSync(path, 1_000_000);
  const ended = new Promise(resolve => void player.once('close', resolve));
  player.resume();
  await ended;
  expect(player.complete).toBe(false);
  expect(open.files).toBe(0);
});

it('the original is played in the same way, by a link of its own', async () => {
  const path = join(await tempDir(), 'clip.mov');
  writeFileSync(path, TEXT);
  const { size, ino } = statSync(path);
  const source: Delivered = { path, bytes: size, ino: String(ino), mtimeMs: 0, type: 'video/mp4' };
  const originals = new Results({
    of: 'original',
    find: id => (id === 'abc' ? source : undefined),
    open: openSource,
    clock: systemClock,
  });
  const { server } = await withResult({ originals, token: new Secret('a-long-enough-token'), listen: LISTEN });
  const whole = await ask(server, '/api/jobs/abc/original', { headers: { Range: 'bytes=4-7' } });
  expect(whole).toMatchObject({ status: 206, text: TEXT.slice(4, 8), headers: { 'content-type': 'video/mp4' } });
  expect(whole.headers['content-security-policy']).toMatch(/; sandbox$/);
  const { json } = await ask(server, '/api/jobs/abc/link?of=original', { method: 'POST' });
  expect((await ask(server, `/${json.path}`, {}, true)).status).toBe(200);
  // It opens nothing else.
  expect((await ask(server, `/${json.path.replace('original?', 'result?')}`, {}, true)).status).toBe(401);
  expect((await ask(server, '/api/jobs/def/original')).status).toBe(404);
  // Was: "the result is no longer there".
  writeFileSync(path, 'another');
  const exchanged = 'the original is no longer there: another file has its name';
  expect(await ask(server, '/api/jobs/abc/original')).toMatchObject({
    status: 410,
    json: { error: { message: exchanged } },
  });
});
