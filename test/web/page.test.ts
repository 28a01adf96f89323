import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Secret } from '../../src/config/secrets.ts';
import { loadPage } from '../../src/api/assets.ts';
import { daysOf } from '../../src/api/savings.ts';
import { ask, serving, tempDir } from '../support/serving.ts';

async function built(): Promise<string> {
  const dir = await tempDir();
  mkdirSync(join(dir, 'assets'));
  writeFileSync(join(dir, 'index.html'), '<!doctype html><title>built</title>');
  writeFileSync(join(dir, 'assets', 'index-abc123.js'), 'export {};');
  writeFileSync(join(dir, 'assets', 'index-abc123.css'), 'body{}');
  writeFileSync(join(dir, 'assets', 'notes.bak'), 'secret');
  writeFileSync(join(dir, 'secret.js'), 'secret');
  return dir;
}

it('serves the built page, asking again each time, and its files for ever', async () => {
  const { server } = await serving({ pageDir: await built() });
  const page = await ask(server, '/');
  expect(page).toMatchObject({ status: 200, text: expect.stringContaining('built') });
  expect(page.headers).toMatchObject({ 'cache-control': 'no-cache', 'content-type': 'text/html; charset=utf-8' });
  const script = await ask(server, '/assets/index-abc123.js');
  expect(script).toMatchObject({ status: 200, text: 'export {};' });
  expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8');
  expect(script.headers['cache-control']).toContain('immutable');
});

it('lets the page run its own files and nothing inline or foreign', async () => {
  const { server } = await serving({ pageDir: await built() });
  const policy = String((await ask(server, '/')).headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self'");
  expect(policy).toContain("style-src 'self'");
  expect(policy).not.toContain('unsafe');
});

it.each([
  '/assets/notes.bak',
  '/assets/../secret.js',
  '/assets/..%2fsecret.js',
  '/secret.js',
  '/assets/',
  '/assets/nope.js',
])('has nothing at %s', async path => {
  const { server } = await serving({ pageDir: await built() });
  expect((await ask(server, path)).status).toBe(404);
});

it('shows the page without a token, and nothing of the jobs', async () => {
  const listen = { host: '127.0.0.1', port: 0 };
  const { server } = await serving({ pageDir: await built(), listen, token: new Secret('correct-horse') });
  const headers = { host: `127.0.0.1:${server.address?.port}` };
  for (const path of ['/', '/assets/index-abc123.js']) {
    expect((await ask(server, path, { headers }, true)).status).toBe(200);
  }
  for (const path of [
    '/api/jobs',
    '/api/history/days',
    '/api/inboxes',
    '/api/jobs/abc/picture/before',
    '/api/assets/x',
  ]) {
    expect((await ask(server, path, { headers }, true)).status).toBe(401);
  }
});

it('gives up a request whose body does not arrive', async () => {
  const { server, control } = await serving({ bodyMs: 50 });
  const answer = await new Promise<string>(resolve => {
    const socket = connect(server.socket, () => {
      socket.write('POST /api/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf');
    });
    socket.once('data', data => {
      resolve(String(data));
      socket.destroy();
    });
  });
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(control.mode).toBe('running');
});

it('goes without a page that was not built', async () => {
  expect(await loadPage(join(await tempDir(), 'nothing'))).toBeUndefined();
});

it('gives jobs of several states, in order, by name, with everything about them', async () => {
  const { server, control } = await serving();
  control.add({ id: 'new1', source: '/in/Beach.mp4', state: 'failed', updated_at: 5, hint: 'try again' });
  control.add({ id: 'mid1', source: '/in/beach 2.mp4', state: 'held', updated_at: 9 });
  control.add({ id: 'old1', source: '/in/lake.mp4', state: 'done', updated_at: 7 });
  const ids = async (query: string) => {
    const { json } = await ask(server, `/api/jobs?${query}`);
    return json.map((job: { id: string }) => job.id);
  };
  expect(await ids('state=failed,held')).toEqual(['new1', 'mid1']);
  expect(await ids('order=oldest')).toEqual(['old1', 'mid1', 'new1']);
  expect(await ids('order=updated')).toEqual(['mid1', 'old1', 'new1']);
  expect(await ids('q=BEACH')).toEqual(['new1', 'mid1']);
  expect((await ask(server, '/api/jobs?state=failed&detail=1')).json).toMatchObject([
    { hint: 'try again', attempts: 0 },
  ]);
  expect((await ask(server, '/api/jobs?q=beach&limit=1')).headers['x-total-count']).toBe('2');
  for (const query of ['state=failed,tired', 'order=size', 'state=']) {
    expect((await ask(server, `/api/jobs?${query}`)).status).toBe(400);
  }
});

it('adds up by day what was saved', async () => {
  const { server, control } = await serving();
  const day = (n: number) => new Date(2026, 10, n, 12).getTime();
  control.add({ id: 'a', state: 'done', source_bytes: 100, output_bytes: 30, updated_at: day(22) });
  control.add({ id: 'b', state: 'done', source_bytes: 50, output_bytes: 10, updated_at: day(21) });
  control.add({ id: 'c', state: 'done', source_bytes: 10, output_bytes: 5, updated_at: day(22) });
  control.add({ id: 'd', state: 'failed', updated_at: day(22) });
  expect((await ask(server, '/api/history/days')).json).toEqual([
    { day: '2026-11-21', done: 1, source_bytes: 50, output_bytes: 10, saved_bytes: 40 },
    { day: '2026-11-22', done: 2, source_bytes: 110, output_bytes: 35, saved_bytes: 75 },
  ]);
  expect(daysOf([])).toEqual([]);
});
