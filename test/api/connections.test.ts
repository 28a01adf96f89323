/** One address that holds what it can, against a real listener: others and health checks are still answered. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import type { Serving } from '../../src/api/serve.ts';
import { eventually } from '../support/eventually.ts';
import { ask, serving } from '../support/serving.ts';

const LISTEN = { host: '127.0.0.1', port: 0 };

async function stream(server: Serving): Promise<IncomingMessage> {
  const request = get({ host: '127.0.0.1', port: server.address?.port, path: '/api/events', agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  onTestFinished(() => void response.destroy());
  response.resume();
  return response;
}

function held(server: Serving, text = ''): Socket {
  const socket = connect(server.address?.port ?? 0, '127.0.0.1', () => socket.write(text));
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  return socket;
}

it('an address has 32 event streams, and another one when it has closed one', async () => {
  const { server } = await serving({ listen: LISTEN });
  const streams = await Promise.all(Array.from({ length: 40 }, () => stream(server)));
  const open = streams.filter(({ statusCode }) => statusCode === 200);
  expect(open).toHaveLength(32);
  const refused = streams.find(({ statusCode }) => statusCode !== 200);
  expect([refused?.statusCode, refused?.headers['retry-after']]).toEqual([503, '5']);
  expect((await ask(server, '/healthz', {}, true)).status).toBe(200);
  expect((await ask(server, '/api/status', {}, true)).status).toBe(200);
  open[0]?.destroy();
  await eventually(async () => (await stream(server)).statusCode === 200, { what: 'a place to be free' });
});

it('an address that opens 600 connections and says nothing does not keep itself out', async () => {
  const { server } = await serving({ listen: LISTEN });
  const sockets = Array.from({ length: 600 }, () => held(server));
  await eventually(() => sockets.every(socket => !socket.connecting), { what: 'every connection' });
  expect((await ask(server, '/healthz', {}, true)).status).toBe(200);
  expect((await ask(server, '/api/status', {}, true)).status).toBe(200);
});

it('an address whose requests never end is refused more of them, but not the health check', async () => {
  const { server } = await serving({ listen: LISTEN });
  const post = 'POST /api/pause HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nx';
  for (let i = 0; i < 300; i += 1) held(server, post);
  await eventually(async () => (await ask(server, '/api/status', {}, true)).status === 503, { what: 'a refusal' });
  expect((await ask(server, '/healthz', {}, true)).status).toBe(200);
});
