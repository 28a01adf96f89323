import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { type ClientRequest, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Serving } from '../../src/api/serve.ts';
import { UploadRecords } from '../../src/api/upload-records.ts';
import { Uploads, type UploadsOptions } from '../../src/api/uploads.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { eventually } from '../support/eventually.ts';
import { ask, serving, tempDir } from '../support/serving.ts';

const MOVIE = Buffer.from(Array.from({ length: 200_000 }, (_, n) => (n * 7919) % 251));

async function served(options: Partial<UploadsOptions> = {}) {
  const inbox = join(await tempDir(), 'inbox');
  mkdirSync(inbox);
  const none = { bytes: 0, share: 0 };
  const uploads = new Uploads({ inboxes: () => [inbox], minFree: () => none, log: silentLogger, ...options });
  const { server } = await serving({ uploads });
  const begin = async (more = '', bytes = MOVIE.length) => {
    const query = `inbox=${encodeURIComponent(inbox)}&name=clip.mov&bytes=${bytes}${more}`;
    return (await ask(server, `/api/uploads?${query}`, { method: 'POST' })).json.id as string;
  };
  const offsetOf = async (id: string) => (await ask(server, `/api/uploads/${id}`)).json.offset as number;
  return { inbox, uploads, server, begin, offsetOf };
}

/** Sends a part and leaves the connection open, as a phone that walks away does. */
function sendPart(server: Serving, id: string, { offset, part }: { offset: number; part: Buffer }): ClientRequest {
  const headers = { 'Upload-Offset': String(offset), 'Content-Length': String(MOVIE.length - offset) };
  const path = `/api/uploads/${id}`;
  const request = httpRequest({ socketPath: server.socket, path, method: 'PATCH', headers, agent: false });
  request.on('error', () => {});
  request.write(part);
  return request;
}

/** Waits until some of it is on the disk. */
function arrived(inbox: string) {
  return eventually(() => readdirSync(inbox).some(name => statSync(join(inbox, name)).size > 0));
}

/** Sends all from this byte on. */
function sendRest(server: Serving, id: string, offset: number) {
  const rest = MOVIE.subarray(offset);
  return new Promise<{ status: number; json: any }>((resolve, reject) => {
    const headers = { 'Upload-Offset': String(offset), 'Content-Length': String(rest.length) };
    const path = `/api/uploads/${id}`;
    const request = httpRequest({ socketPath: server.socket, path, method: 'PATCH', headers, agent: false }, answer => {
      let text = '';
      answer.setEncoding('utf8').on('data', chunk => (text += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, json: JSON.parse(text) }));
    });
    request.on('error', reject);
    request.end(rest);
  });
}

it('a file whose connection is cut goes on where it was, and is whole', async () => {
  const { inbox, server, begin, offsetOf } = await served();
  const id = await begin('&words=mute');
  const cut = sendPart(server, id, { offset: 0, part: MOVIE.subarray(0, 70_000) });
  await arrived(inbox);
  cut.destroy();
  const offset = await offsetOf(id);
  expect(offset).toBeGreaterThan(0);
  expect(offset).toBeLessThanOrEqual(70_000);
  const { status, json } = await sendRest(server, id, offset);
  expect([status, json.file]).toEqual([200, { path: join(inbox, 'clip.mov'), name: 'clip.mov', bytes: MOVIE.length }]);
  expect(readFileSync(join(inbox, 'clip.mov')).equals(MOVIE)).toBe(true);
  expect(readdirSync(inbox).sort()).toEqual(['clip.mov', 'clip.mov.txt']);
});

it('whoever comes back first ends what hangs on a dead connection', async () => {
  const { inbox, server, begin, offsetOf } = await served();
  const id = await begin();
  const dead = sendPart(server, id, { offset: 0, part: MOVIE.subarray(0, 70_000) });
  await arrived(inbox);
  const offset = await offsetOf(id);
  expect((await sendRest(server, id, offset)).json.file.name).toBe('clip.mov');
  expect(readFileSync(join(inbox, 'clip.mov')).equals(MOVIE)).toBe(true);
  dead.destroy();
});

it('a part that begins elsewhere changes nothing and says where the next one begins', async () => {
  const { server, begin, offsetOf } = await served();
  const id = await begin();
  const { status, json } = await sendRest(server, id, 1000);
  expect([status, json.error.code]).toEqual([409, 'wrong-offset']);
  expect(await offsetOf(id)).toBe(0);
});

it('an answer that was not heard can be asked for again', async () => {
  const { server, begin } = await served();
  const id = await begin();
  await sendRest(server, id, 0);
  expect((await ask(server, `/api/uploads/${id}`)).json).toMatchObject({
    offset: MOVIE.length,
    file: { name: 'clip.mov' },
  });
  expect((await sendRest(server, id, 5)).json.file.name).toBe('clip.mov');
});

it('one without a next part is given up, and nothing of it stays', async () => {
  const { inbox, server, begin } = await served({ parkedMs: 50 });
  const id = await begin();
  await eventually(() => readdirSync(inbox).length === 0);
  expect((await ask(server, `/api/uploads/${id}`)).status).toBe(404);
});

it('one that is stopped leaves nothing, nor does the end of the daemon', async () => {
  const { inbox, uploads, server, begin } = await served();
  const id = await begin();
  expect((await ask(server, `/api/uploads/${id}`, { method: 'DELETE' })).status).toBe(200);
  expect(readdirSync(inbox)).toEqual([]);
  await begin();
  expect(readdirSync(inbox)).toHaveLength(1);
  await uploads.close();
  expect(readdirSync(inbox)).toEqual([]);
});

it.each([
  ['no size', 'inbox=INBOX&name=clip.mov', 400],
  ['an empty file', 'inbox=INBOX&name=clip.mov&bytes=0', 400],
  ['another folder', 'inbox=/etc&name=clip.mov&bytes=5', 400],
  ['a name that means nothing', 'inbox=INBOX&name=..&bytes=5', 400],
  ['what no disk holds', 'inbox=INBOX&name=clip.mov&bytes=9000000000000000', 507],
])('%s is refused before anything is sent', async (_, query, status) => {
  const { inbox, server } = await served();
  const asked = query.replace('INBOX', encodeURIComponent(inbox));
  expect((await ask(server, `/api/uploads?${asked}`, { method: 'POST' })).status).toBe(status);
  expect(readdirSync(inbox)).toEqual([]);
});

it('more than it said is refused, and what was there stays', async () => {
  const { server, begin, offsetOf } = await served();
  const id = await begin('', 100);
  expect((await sendRest(server, id, 0)).status).toBe(400);
  expect(await offsetOf(id)).toBe(0);
});

it('one address begins no more than sixteen at a time', async () => {
  const { inbox, uploads } = await served();
  const one = () => uploads.begin({ inbox, name: 'clip.mov', bytes: 5, address: '10.0.0.7' });
  await Promise.all(Array.from({ length: 16 }, one));
  await expect(one()).rejects.toMatchObject({ code: 'unavailable' });
  await uploads.begin({ inbox, name: 'clip.mov', bytes: 5, address: '10.0.0.8' });
  await uploads.close();
});

async function* film() {
  yield Buffer.from('film');
}

// Was: the seventeenth file of a folder was refused for an hour, although nothing was under way.
it('files that have arrived take no place of those to come', async () => {
  const { uploads, inbox } = await served();
  for (let n = 0; n < 17; n += 1) {
    const { id } = await uploads.begin({ inbox, name: `${n}.mov`, bytes: 4, address: '192.168.1.7' });
    await uploads.append(id, { offset: 0, body: film(), address: '192.168.1.7' });
  }
  expect(readdirSync(inbox)).toHaveLength(17);
});

// Was: the file was closed under the part that had just begun, which was answered with 500.
it.each(['ended, then sent on', 'sent on, then ended'])('an upload that is %s at once is gone', async order => {
  const { uploads, inbox } = await served();
  const { id } = await uploads.begin({ inbox, name: 'clip.mov', bytes: 8 });
  const silent = async function* () {
    yield Buffer.from('film');
    await new Promise(() => {});
  };
  const first = uploads.append(id, { offset: 0, body: silent() });
  await arrived(inbox);
  const acts = [() => uploads.abandon(id), () => uploads.append(id, { offset: 4, body: film() })];
  if (order.startsWith('sent')) acts.reverse();
  const ends = await Promise.allSettled([first, ...acts.map(act => act())]);
  const refusals = ends.flatMap(end => (end.status === 'rejected' ? [end.reason] : []));
  for (const { code } of refusals) expect(code).toBe('bad-request');
  await uploads.abandon(id);
  expect(readdirSync(inbox).filter(name => name !== 'clip.mov')).toEqual([]);
});

it('uploads that were begun and never sent make room for others', async () => {
  const { uploads, inbox } = await served({ silenceMs: 1 });
  const begin = (n: number) => uploads.begin({ inbox, name: `${n}.mov`, bytes: 4, address: '192.168.1.7' });
  for (let n = 0; n < 16; n += 1) await begin(n);
  expect(await eventually(() => begin(16))).toMatchObject({ offset: 0 });
});

describe('after the daemon was started anew', () => {
  /** An upload of which a third has arrived. */
  async function begun() {
    const state = await tempDir();
    const records = (boot = 'this boot') => new UploadRecords(join(state, 'uploads'), boot);
    const first = await served({ records: records() });
    const id = await first.begin('&words=mute');
    const cut = sendPart(first.server, id, { offset: 0, part: MOVIE.subarray(0, 70_000) });
    await arrived(first.inbox);
    cut.destroy();
    const offset = await first.offsetOf(id);
    const part = join(first.inbox, readdirSync(first.inbox)[0] ?? '');
    const next = (boot?: string, inboxes = [first.inbox]) =>
      served({ inboxes: () => inboxes, records: records(boot) }).then(({ server }) => server);
    return { ...first, id, offset, part, state, next };
  }

  it.each(['stopped', 'killed'])('an upload goes on where it was: it was %s (was: from its beginning)', async how => {
    const { id, offset, inbox, uploads, state, next } = await begun();
    if (how === 'stopped') await uploads.close();
    const server = await next();
    // Two that ask at once get the same.
    const asked = await Promise.all([1, 2].map(() => ask(server, `/api/uploads/${id}`)));
    expect(asked.map(({ json }) => json.offset)).toEqual([offset, offset]);
    const { status, json } = await sendRest(server, id, offset);
    expect([status, json.file?.name]).toEqual([200, 'clip.mov']);
    expect(readFileSync(join(inbox, 'clip.mov')).equals(MOVIE)).toBe(true);
    expect(readdirSync(inbox).sort()).toEqual(['clip.mov', 'clip.mov.txt']);
    // What was remembered of it goes a moment after the answer.
    await expect.poll(() => readdirSync(join(state, 'uploads'))).toEqual([]);
  });

  const REFUSED: Readonly<Record<string, (part: string) => unknown>> = {
    'another file has its hidden name': part => {
      copyFileSync(part, `${part}.2`);
      renameSync(`${part}.2`, part);
    },
    'it has a second name': part => linkSync(part, join(part, '../other.mov')),
    'it is gone': unlinkSync,
  };
  it.each(Object.entries(REFUSED))('it is not known, and nothing is written, where %s', async (_, change) => {
    const { id, inbox, part, uploads, next } = await begun();
    await uploads.close();
    change(part);
    const before = readdirSync(inbox).map(name => [name, readFileSync(join(inbox, name)).length]);
    expect((await sendRest(await next(), id, 0)).status).toBe(404);
    expect(readdirSync(inbox).map(name => [name, readFileSync(join(inbox, name)).length])).toEqual(before);
  });

  it('it is not known after the machine went down, nor where its inbox is none any more, nor by a path', async () => {
    const { id, uploads, next } = await begun();
    await uploads.close();
    expect((await ask(await next('another boot'), `/api/uploads/${id}`)).status).toBe(404);
    expect((await ask(await next(), `/api/uploads/..%2F..%2F${id}`)).status).toBe(404);
    expect((await ask(await next('this boot', []), `/api/uploads/${id}`)).status).toBe(404);
  });

  it('one that is ended is not known afterwards', async () => {
    const { id, inbox, server, next } = await begun();
    await ask(server, `/api/uploads/${id}`, { method: 'DELETE' });
    expect(readdirSync(inbox)).toEqual([]);
    expect((await ask(await next(), `/api/uploads/${id}`)).status).toBe(404);
  });
});
