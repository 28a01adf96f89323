/** The page behind a real reverse proxy, as people set one up: buttons work, other sites stay out. */
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serving } from '../support/serving.ts';

interface Proxy {
  /** What the proxy writes into Host; absent: the address it asks, as nginx does by default. */
  host?: string;
  /** Removed from the path, as by nginx's `proxy_pass` with a slash at its end. */
  strips?: string;
}

const PUBLIC = 'https://nas.home/shrinkbox/';

/** Asks through a proxy that ends TLS for nas.home; resolves with status, text and location. */
async function behind({ host, strips = '' }: Proxy, publicUrl: string | undefined) {
  const { server, control } = await serving({ listen: { host: '127.0.0.1', port: 0 }, publicUrl });
  const target = server.address ?? { host: '', port: 0 };
  const proxy = createServer((incoming, outgoing) => {
    const path = incoming.url?.startsWith(`${strips}/`) ? incoming.url.slice(strips.length) : incoming.url;
    const headers = { ...incoming.headers, host: host ?? `${target.host}:${target.port}` };
    const onward = httpRequest({ ...target, path, method: incoming.method, headers, agent: false }, answer => {
      outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => void proxy.close());
  const { port } = proxy.address() as AddressInfo;
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...init });
    return { status: response.status, text: await response.text(), location: response.headers.get('location') };
  };
  return { ask, server, control };
}

const BUTTON = { method: 'POST', headers: { origin: 'https://nas.home', 'sec-fetch-site': 'same-origin' } };

describe.each<[string, Proxy]>([
  ['replaces the Host and removes the path', { strips: '/shrinkbox' }],
  ['replaces the Host and keeps the path', {}],
  ['passes the Host on and removes the path', { host: 'nas.home', strips: '/shrinkbox' }],
  ['passes the Host on with its port and keeps the path', { host: 'nas.home:443' }],
])('behind a proxy that %s', (_, proxy) => {
  it('every button works, and the page and its data are there', async () => {
    const { ask, control } = await behind(proxy, PUBLIC);
    expect(await ask('/shrinkbox/api/pause', BUTTON)).toMatchObject({ status: 200 });
    expect(control.mode).toBe('paused');
    expect((await ask('/shrinkbox/')).text).toContain('shrinkbox is running');
    expect(JSON.parse((await ask('/shrinkbox/api/status')).text)).toMatchObject({ mode: 'paused' });
  });

  it('another site stays out', async () => {
    const { ask, control } = await behind(proxy, PUBLIC);
    const posting = { method: 'POST', headers: { origin: 'https://evil.example' } };
    expect((await ask('/shrinkbox/api/pause', posting)).status).toBe(403);
    const showing = { headers: { 'sec-fetch-site': 'cross-site' } };
    expect((await ask('/shrinkbox/api/explain?path=/in/clip.mp4', showing)).status).toBe(403);
    expect(control.mode).toBe('running');
  });
});

it('says what to set where a button is refused because of the proxy', async () => {
  const { ask } = await behind({}, undefined);
  const refused = await ask('/api/pause', BUTTON);
  expect(refused.status).toBe(403);
  expect(refused.text).toContain('http.public_url');
});

it('leads to the address with the slash the page needs', async () => {
  const { ask } = await behind({}, PUBLIC);
  expect(await ask('/shrinkbox')).toMatchObject({ status: 308, location: '/shrinkbox/' });
  expect((await ask('/shrinkboxes/api/status')).status).toBe(404);
});

it('names the public address as that of the page', async () => {
  const { server } = await behind({}, PUBLIC);
  expect(server.page).toBe(PUBLIC);
});
