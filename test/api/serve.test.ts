import { chmod, chown, lstat, mkdir, mkdtemp, readdir, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../src/config/secrets.ts';
import { connectControl } from '../../src/api/client.ts';
import { pageAddress, thisMachine } from '../../src/api/page-address.ts';
import { serve } from '../../src/api/serve.ts';
import { claimSocket, controlSocket, locateSocket, releaseSocket } from '../../src/api/socket.ts';
import { acquireLock } from '../../src/journal/lock.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeControl } from '../support/fake-control.ts';
import { ask, serving, tempDir } from '../support/serving.ts';

it('makes a socket only its owner may use, whatever the umask, and removes it at the end', async () => {
  const before = process.umask(0);
  onTestFinished(() => void process.umask(before));
  const { server, stateDir } = await serving();
  expect(await readdir(stateDir)).toEqual(['control.sock']);
  expect((await stat(server.socket)).mode & 0o777).toBe(0o600);
  await server.close();
  await server.close();
  expect(await readdir(stateDir)).toEqual([]);
});

it('refuses to take the place of a daemon that answers, and leaves it alone', async () => {
  const { stateDir, server } = await serving();
  await expect(serving({ stateDir })).rejects.toMatchObject({ code: 'locked' });
  expect((await ask(server, '/healthz')).status).toBe(200);
});

it('takes the place of a daemon that was killed', async () => {
  const stateDir = await tempDir();
  const child = spawn(process.execPath, [
    '-e',
    'require("net").createServer().listen(process.argv[1],()=>console.log("up"))',
    controlSocket(stateDir),
  ]);
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect((await lstat(controlSocket(stateDir))).isSocket()).toBe(true);
  expect(await connectControl(stateDir)).toBeUndefined();
  const { server } = await serving({ stateDir });
  expect((await ask(server, '/healthz')).status).toBe(200);
});

it.each(['file', 'directory', 'link to elsewhere'])('never removes anything but a socket: a %s', async kind => {
  const stateDir = await tempDir();
  const place = controlSocket(stateDir);
  if (kind === 'file') await writeFile(place, 'precious');
  else if (kind === 'directory') await mkdir(place);
  else await symlink('/etc/hostname', place);
  await expect(serving({ stateDir })).rejects.toMatchObject({
    code: 'io',
    message: expect.stringContaining('is not a socket of shrinkbox'),
  });
  expect(await readdir(stateDir)).toEqual(['control.sock']);
});

const LONG = 'a-rather-long-name-for-a-directory'.repeat(4);

async function longStateDir(): Promise<string> {
  const stateDir = join(await tempDir(), LONG);
  await mkdir(stateDir);
  return stateDir;
}

it.runIf(process.platform === 'linux')(
  'the socket lies in the state directory even if its path is too long for one',
  async () => {
    const stateDir = await longStateDir();
    const { server } = await serving({ stateDir });
    const found = await lstat(controlSocket(stateDir));
    expect([found.isSocket(), found.mode & 0o777]).toEqual([true, 0o600]);
    const client = await connectControl(stateDir);
    expect((await client?.status())?.state_dir).toBe(stateDir);
    await client?.close();
    await expect(serving({ stateDir })).rejects.toMatchObject({ code: 'locked' });
    await server.close();
    expect(await readdir(stateDir)).toEqual([]);
  },
);

/** A socket that nobody listens at any more, as kill -9 leaves it, and a link to it. */
async function leftBehind(stateDir: string): Promise<string> {
  const folder = join(await tempDir(), 'shrinkbox-0-0123456789abcdef');
  await mkdir(folder);
  const socket = join(folder, 'control.sock');
  const listen = 'require("net").createServer().listen(process.argv[1],()=>console.log("up"))';
  const child = spawn(process.execPath, ['-e', listen, socket]);
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  await symlink(socket, controlSocket(stateDir));
  return socket;
}

it('the link of an earlier version to the runtime directory is replaced', async () => {
  const stateDir = await longStateDir();
  const socket = await leftBehind(stateDir);
  const { server } = await serving({ stateDir });
  expect((await ask(server, '/healthz')).status).toBe(200);
  await expect(stat(dirname(socket))).rejects.toThrow('ENOENT');
});

// Only root can be somebody else.
it.runIf(process.getuid?.() === 0)(
  'a stranger who squats the folder of a long path in /tmp locks nobody out',
  async () => {
    const stateDir = await longStateDir();
    const folder = await mkdtemp('/tmp/shrinkbox-');
    await chown(folder, 4321, 4321);
    const socket = join(folder, 'control.sock');
    const listen = 'require("net").createServer().listen(process.argv[1],()=>console.log("up"))';
    const stranger = spawn(process.execPath, ['-e', listen, socket], { uid: 4321, gid: 4321, cwd: '/', env: {} });
    onTestFinished(async () => {
      stranger.kill('SIGKILL');
      await rm(folder, { recursive: true });
    });
    await once(stranger.stdout, 'data');
    await symlink(socket, controlSocket(stateDir));
    expect(await connectControl(stateDir)).toBeUndefined();
    await (await acquireLock({ stateDir, version: '1' })).release();
    const { server } = await serving({ stateDir });
    expect((await ask(server, '/healthz')).status).toBe(200);
    expect((await lstat(socket)).isSocket()).toBe(true);
  },
);

it('the socket is in a fresh private folder where paths have no descriptors, and found by a link', async () => {
  const stateDir = await longStateDir();
  const place = controlSocket(stateDir);
  const real = await claimSocket(place, false);
  expect(await readlink(place)).toBe(real.path);
  const { mode, uid } = await stat(dirname(real.path));
  expect([mode & 0o777, uid]).toEqual([0o700, process.getuid?.()]);
  const other = createServer().listen(real.path);
  await once(other, 'listening');
  expect((await locateSocket(place))?.path).toBe(real.path);
  await expect(claimSocket(place, false)).rejects.toMatchObject({ code: 'locked' });
  other.close();
  await releaseSocket(place, real);
  expect(await readdir(stateDir)).toEqual([]);
  await expect(stat(dirname(real.path))).rejects.toThrow('ENOENT');
});

it.each([
  ['127.0.0.1', '127.0.0.1'],
  ['0.0.0.0', new URL(pageAddress({ address: '0.0.0.0', port: 1, family: 'IPv4' }, thisMachine())).hostname],
])('says where the page is when it listens at %s', async (host, shown) => {
  const { server } = await serving({ listen: { host, port: 0 }, token: new Secret('correct-horse') });
  expect(server.page).toBe(`http://${shown}:${server.address?.port}/`);
});

it('continues without the page when its port is taken, and says so', async () => {
  const squatter = createServer().listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  onTestFinished(() => void squatter.close());
  const { port } = squatter.address() as { port: number };
  const warned: string[] = [];
  const log = { ...silentLogger, warn: (_: unknown, text: string) => warned.push(text) } as never;
  const { server } = await serving({ listen: { host: '127.0.0.1', port }, log });
  expect([server.address, server.page]).toEqual([null, null]);
  expect(warned).toEqual([expect.stringContaining('the page is not available: another program uses')]);
  expect((await ask(server, '/healthz')).status).toBe(200);
});

// Was: no page for the whole life of the daemon, and status said nothing.
it('a port that was taken at the start is tried again, and the page is there once it is free', async () => {
  const squatter = createServer().listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  const { port } = squatter.address() as { port: number };
  const said: string[] = [];
  const note = (_: unknown, text: string) => said.push(text);
  const log = { ...silentLogger, warn: note, info: note } as never;
  const clock = new FakeClock();
  const { server } = await serving({ listen: { host: '127.0.0.1', port }, log, clock });
  const taken = `the page is not available: another program uses 127.0.0.1:${port} (http.listen)`;
  expect(server.pageUnavailable?.text).toBe(taken);
  await clock.advance(5_000);
  await new Promise(resolve => squatter.close(resolve));
  await eventually(async () => {
    await clock.advance(5_000);
    return server.page;
  });
  expect(server.page).toBe(`http://127.0.0.1:${port}/`);
  expect(server.pageUnavailable).toBeUndefined();
  expect(said).toEqual([`${taken}; the command line works`, 'the page is available now']);
  expect((await ask(server, '/healthz', {}, true)).status).toBe(200);
});

it('refuses an address other machines reach when there is no token', async () => {
  const stateDir = await tempDir();
  await expect(serving({ stateDir, listen: { host: '0.0.0.0', port: 0 } })).rejects.toMatchObject({
    code: 'config-invalid',
    hint: expect.stringContaining('http.token_file'),
  });
  expect(await readdir(stateDir)).toEqual([]);
});

it.each([
  ['no HTTP', 'HELO mail\r\n\r\n', 400, 'api.unreadable'],
  [
    'too long a header',
    `GET /api/status HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    431,
    'api.headers-too-large',
  ],
])('answers %s in the one shape errors have (was: a status without a word)', async (_, sent, status, code) => {
  const { server } = await serving();
  const socket = connect(server.socket, () => void socket.write(sent));
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
  expect(head).toContain(`HTTP/1.1 ${status} `);
  expect(JSON.parse(body)).toMatchObject({
    error: { code: 'bad-request', message: expect.any(String), hint: null, messages: { message: { code } } },
  });
});

it('does not wait long for a connection that says nothing', async () => {
  const { server } = await serving({ listen: { host: '127.0.0.1', port: 0 } });
  const silent = connect(server.address?.port ?? 0, '127.0.0.1');
  silent.on('error', () => {});
  await once(silent, 'connect');
  silent.write('GET /api/status HTTP/1.1\r\n');
  // Not `once`, which would reject: since Node 26 the end comes as ECONNRESET first.
  const closed = new Promise(resolve => void silent.once('close', resolve));
  const before = performance.now();
  await server.close();
  await closed;
  expect(performance.now() - before).toBeLessThan(2000);
});

it('leaves nothing listening when it cannot start', async () => {
  const stateDir = await tempDir();
  await chmod(stateDir, 0o700);
  const control = new FakeControl();
  await expect(
    serve({ control, socketPath: join(stateDir, 'missing', 'control.sock'), log: silentLogger, clock: systemClock }),
  ).rejects.toMatchObject({ name: 'ShrinkError' });
  expect(control.listeners).toBe(0);
});

it('understands a server of another program at its socket', async () => {
  const stateDir = await tempDir();
  const other = createHttpServer((_, response) => response.writeHead(404).end('nothing here')).listen(
    controlSocket(stateDir),
  );
  await once(other, 'listening');
  onTestFinished(() => void other.close());
  await expect(connectControl(stateDir)).rejects.toMatchObject({ code: 'bad-answer' });
});
