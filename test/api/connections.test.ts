/** One address that holds what it can, against a real listener: others and health checks are still answered. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { EventEmitter } from 'node:events';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Connections, Streams } from '../../src/api/connections.ts';
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

function held(server: Serving, text = '', localAddress = '127.0.0.1'): Socket {
  const where = { host: '127.0.0.1', port: server.address?.port ?? 0, localAddress };
  const socket = connect(where, () => socket.write(text));
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

/** A daemon that takes for ever to explain a file. */
async function hanging(): Promise<Serving> {
  const { server, control } = await serving({ listen: LISTEN });
  control.explain = () => new Promise(() => {});
  return server;
}

const UNENDING = 'GET /api/explain?path=/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';

it('an address whose requests never end is refused more of them, but not the health check', async () => {
  const server = await hanging();
  for (let i = 0; i < 300; i += 1) held(server, UNENDING);
  await eventually(async () => (await ask(server, '/api/status', {}, true)).status === 503, { what: 'a refusal' });
  expect((await ask(server, '/healthz', {}, true)).status).toBe(200);
});

it('a local user with a thousand addresses is one address (was: /healthz was not answered any more)', async () => {
  const server = await hanging();
  const sockets = Array.from({ length: 1000 }, (_, n) => held(server, UNENDING, `127.0.${n % 5}.${1 + (n % 250)}`));
  await eventually(() => sockets.every(socket => !socket.connecting), { what: 'every connection' });
  expect((await ask(server, '/healthz', {}, true)).status).toBe(200);
  expect((await ask(server, '/api/status', {}, true)).status).toBe(503);
});

it('requests sent ahead on a connection that breaks are not counted for ever (was: everybody was refused from then on)', async () => {
  const { server } = await serving({ listen: LISTEN });
  const ahead = 'GET /api/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(200);
  for (let n = 0; n < 8; n += 1) {
    const socket = held(server, ahead);
    // Its first answer has begun: all were read.
    await once(socket, 'data');
    socket.resetAndDestroy();
  }
  await eventually(async () => (await ask(server, '/api/status', {}, true)).status === 200, { what: 'an answer' });
});

it('a request sent ahead is refused after the answer to the first, and the connection ends', async () => {
  const { server } = await serving({ listen: LISTEN });
  const socket = held(server, 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(3));
  let text = '';
  socket.on('data', chunk => (text += String(chunk)));
  await once(socket, 'close');
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 503']);
  expect(text).toContain('one request at a time');
});

it.each([
  ['http://evil.example/api/status', 400],
  ['http://127.0.0.1@evil.example/api/status', 400],
  ['http://127.0.0.1/api/status', 200],
])('a request for %s with our Host header is answered %i', async (target, status) => {
  const { server } = await serving({ listen: LISTEN });
  const socket = held(server, `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
  let text = '';
  socket.on('data', chunk => (text += String(chunk)));
  await once(socket, 'close');
  expect(text.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
});

it('event streams are limited over all addresses, too', () => {
  const streams = new Streams();
  const opened = Array.from({ length: 10 }, (_, address) =>
    Array.from({ length: 32 }, () => streams.open(`10.0.0.${address}`)),
  ).flat();
  const open = opened.filter(end => end !== undefined);
  expect(open).toHaveLength(192);
  expect(streams.open('10.0.1.1')).toBeUndefined();
  open[0]?.();
  expect(streams.open('10.0.1.1')).toBeDefined();
});

/** A connection of an address this machine does not have. */
class FakeSocket extends EventEmitter {
  readonly remoteAddress: string;
  destroyed = false;

  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

it('whoever has most connections that ask nothing makes room for a new one', () => {
  const server = new EventEmitter();
  const connections = new Connections();
  connections.limit(server as Server);
  const arrive = (address: string) => {
    const socket = new FakeSocket(address);
    server.emit('connection', socket);
    return socket;
  };
  const crowd = [1, 2, 3, 4].flatMap(n => Array.from({ length: n === 4 ? 120 : 128 }, () => arrive(`10.0.0.${n}`)));
  const quiet = Array.from({ length: 8 }, () => arrive('10.0.0.5'));
  const guest = arrive('10.0.0.6');
  expect([guest.destroyed, quiet.some(each => each.destroyed)]).toEqual([false, false]);
  expect(crowd.filter(each => each.destroyed)).toEqual([crowd[0]]);
});
