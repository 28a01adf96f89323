import { mkdir, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { createServer as createHttpServer } from 'node:http';
import { join } from 'node:path';
import type { AddressInfo, Server } from 'node:net';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { runCli } from '../support/cli.ts';
import { serving, tempDir } from '../support/serving.ts';

let dir: string;
let stateDir: string;

beforeEach(async () => {
  dir = await tempDir();
  stateDir = join(dir, 'state');
  await mkdir(stateDir);
  await configure('http: { listen: off }');
});

const configure = (text: string) => writeFile(join(dir, 'config.yaml'), `${text}\n`);
const check = (...argv: string[]) =>
  runCli(['healthcheck', ...argv, '--config', join(dir, 'config.yaml')], { cwd: dir });

/** Listens on a free port, for the length of the test. */
async function portOf(server: Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

it('a daemon that works is well', async () => {
  const { control } = await serving({ stateDir });
  expect(await check()).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^running, asked at .*control\.sock\n$/),
    err: '',
  });
  control.mode = 'paused';
  expect(JSON.parse((await check('--json')).out)).toMatchObject({ ok: true, said: expect.stringContaining('paused') });
});

it('a daemon that stops or whose work is stuck is not, and it says which', async () => {
  const { control } = await serving({ stateDir });
  control.stuck = true;
  expect(await check()).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringContaining('its work is stuck; the log says why'),
  });
  control.stuck = false;
  control.mode = 'stopping';
  expect(await check()).toMatchObject({ code: 1, err: 'shrinkbox: the daemon is stopping\n' });
});

it('no daemon is no health, and it says so', async () => {
  expect(await check()).toMatchObject({ code: 1, err: `shrinkbox: no daemon is running for ${stateDir}\n` });
});

it('a socket that a killed daemon left behind counts as none', async () => {
  const left = createServer();
  await new Promise<void>(resolve => left.listen(join(dir, 'other.sock'), resolve));
  await rename(join(dir, 'other.sock'), join(stateDir, 'control.sock'));
  await new Promise(resolve => left.close(resolve));
  expect(await check()).toMatchObject({ code: 1, err: expect.stringContaining('no daemon is running') });
});

it('a daemon that hangs is given up in the time allowed', async () => {
  const hanging = createServer(() => {});
  await new Promise<void>(resolve => hanging.listen(join(stateDir, 'control.sock'), resolve));
  onTestFinished(() => void hanging.close());
  const began = performance.now();
  expect(await check('--timeout', '0.3')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/hangs: no answer at .* for 0\.3 s/),
  });
  expect(performance.now() - began).toBeLessThan(2_000);
});

it('a state directory that cannot be entered is passed over for the address, whatever that is bound to', async () => {
  const { server } = await serving({ listen: { host: '127.0.0.1', port: 0 } });
  await configure(`http: { listen: "0.0.0.0:${server.address?.port}", token_file: token }`);
  expect(await check()).toMatchObject({ code: 0, out: `running, asked at 127.0.0.1:${server.address?.port}\n` });
});

it('another program that has the port is not taken for the daemon', async () => {
  const port = await portOf(createHttpServer((_, response) => response.end('<html>')));
  await configure(`http: { listen: "127.0.0.1:${port}" }`);
  expect(await check()).toMatchObject({ code: 1, err: expect.stringContaining('is not shrinkbox (status 200)') });
});

it('a configuration that was broken since the start keeps nobody from asking', async () => {
  await serving({ stateDir });
  await configure('rulse: []');
  expect((await check()).code).toBe(0);
});

it('a time that is none is refused', async () => {
  expect(await check('--timeout', 'soon')).toMatchObject({
    code: 2,
    err: expect.stringContaining('Use a number of seconds'),
  });
});
