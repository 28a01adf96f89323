import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Secret } from '../../src/config/secrets.ts';
import { loadPage } from '../../src/api/assets.ts';
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

it.each([
  ['gzip, deflate, br', 'gzip'],
  ['GZIP;q=0.5', 'gzip'],
  ['identity', undefined],
  ['gzip;q=0, br', undefined],
  ['x-gzipped', undefined],
])('a browser that takes %j gets it as %s', async (accepted, encoding) => {
  const { server } = await serving({ pageDir: await built() });
  const { headers } = await ask(server, '/assets/index-abc123.js', { headers: { 'accept-encoding': accepted } });
  expect(headers['content-encoding']).toBe(encoding);
  expect(headers.vary).toContain('Accept-Encoding');
});

it('what is sent packed is the same file', async () => {
  const { server } = await serving({ pageDir: await built(), listen: { host: '127.0.0.1', port: 0 } });
  const script = await fetch(`http://127.0.0.1:${server.address?.port}/assets/index-abc123.js`);
  expect(script.headers.get('content-encoding')).toBe('gzip');
  expect(await script.text()).toBe('export {};');
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

it('goes without a page that was not built', async () => {
  expect(await loadPage(join(await tempDir(), 'nothing'))).toBeUndefined();
});
