/** What SIGHUP does to `run`, with a daemon that only notes it. */
import { EventEmitter } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import type { Configuration } from '../../src/app/settings.ts';
import { type CliOptions, FakeDaemon, runCli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { tempDir } from '../support/serving.ts';

let dir: string;
let config: string;
let daemon: FakeDaemon;
let signals: EventEmitter;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  dir = await tempDir();
  config = join(dir, 'config.yaml');
  await writeFile(config, 'log: { level: silent }\n');
  daemon = new FakeDaemon();
  signals = new EventEmitter();
  await mkdir(join(dir, 'bin'));
  await writeFile(join(dir, 'bin/systemd-notify'), `#!/bin/sh\nprintf '%s\\n' "$*" >> ${dir}/said\n`);
  await chmod(join(dir, 'bin/systemd-notify'), 0o755);
  env = { PATH: `${join(dir, 'bin')}:/usr/bin:/bin`, NOTIFY_SOCKET: '/run/notify' };
});

const said = async () => (await readFile(join(dir, 'said'), 'utf8').catch(() => '')).trim().split('\n');

const run = (args: string[] = [], options: Partial<CliOptions> = {}) =>
  runCli(['run', ...args, '--config', config], {
    parts: { startDaemon: daemon.start },
    signals,
    cwd: dir,
    env,
    ...options,
  });

const hangUp = () => void signals.emit('SIGHUP', 'SIGHUP');
const stop = () => void signals.emit('SIGTERM', 'SIGTERM');

it('reloads the configuration, and notifies systemd', async () => {
  daemon.reload = async next => {
    daemon.calls.push(`reload with ${next.limits.local}`);
    return { applied: ['limits.local'], needsRestart: ['state_dir'] };
  };
  const ran = run();
  await eventually(async () => (await said()).includes('READY=1'));
  await writeFile(config, 'limits: { local: 3 }\n');
  hangUp();
  await eventually(async () => (await said()).some(line => line.includes('restart needed for state_dir')));
  stop();
  expect((await ran).code).toBe(0);
  expect(daemon.calls).toEqual(['start', 'reload with 3', 'stop']);
  const about = (await said()).filter(line => /^(READY|RELOADING|STOPPING)/.test(line)).map(line => line.split('=')[0]);
  expect(about).toEqual(['READY', 'RELOADING', 'READY', 'STOPPING']);
});

it('keeps the old configuration while an editor has emptied a file that was only found, and takes no other', async () => {
  const ran = runCli(['run'], { parts: { startDaemon: daemon.start }, signals, cwd: dir, env });
  await eventually(async () => (await said()).includes('READY=1'));
  await writeFile(config, '');
  hangUp();
  await eventually(async () => (await said()).some(line => line.includes('has mistakes')));
  stop();
  await ran;
  expect(daemon.calls).toEqual(['start', 'stop']);
});

it('a reload does not take a found file that others may write by now', async () => {
  const ran = runCli(['run'], { parts: { startDaemon: daemon.start }, signals, cwd: dir, env });
  await eventually(async () => (await said()).includes('READY=1'));
  await chmod(config, 0o666);
  hangUp();
  await eventually(async () => (await said()).some(line => line.includes('is not used, see the log')));
  await chmod(config, 0o644);
  hangUp();
  await eventually(() => daemon.calls.includes('reload'));
  stop();
  await ran;
  expect(daemon.calls).toEqual(['start', 'reload', 'stop']);
});

it('keeps the old configuration when the new one has mistakes', async () => {
  const ran = run();
  await eventually(async () => (await said()).includes('READY=1'));
  await writeFile(config, 'rulse: []\n');
  hangUp();
  await eventually(async () => (await said()).some(line => line.includes('has mistakes')));
  await eventually(async () => (await said()).filter(line => line === 'READY=1').length === 2);
  stop();
  await ran;
  expect(daemon.calls).toEqual(['start', 'stop']);
});

it('waits for the end of the start, and is done once for many signals', async () => {
  let started: () => void = () => {};
  const startDaemon = async (options: Parameters<FakeDaemon['start']>[0]) => {
    for (let n = 0; n < 5; n += 1) hangUp();
    await new Promise<void>(resolve => {
      started = resolve;
    });
    return daemon.start(options);
  };
  const ran = run([], { parts: { startDaemon } });
  await eventually(() => {
    started();
    return daemon.calls.includes('reload');
  });
  stop();
  await ran;
  expect(daemon.calls).toEqual(['start', 'reload', 'stop']);
});

it.each([
  ['on a terminal, which goes away with it', [], { columns: 80 }],
  ['with --once', ['--once'], {}],
] as const)('ends it %s', async (_, args, options) => {
  const ran = run([...args], { ...options, env: { PATH: '/usr/bin:/bin' } });
  await eventually(() => daemon.calls.includes('start'));
  hangUp();
  expect((await ran).code).toBe(0);
  expect(daemon.calls).toEqual(['start', 'stop']);
});

it('a reload that broke does not break those that follow', async () => {
  let configuration: Configuration | undefined;
  const startDaemon: typeof daemon.start = options => {
    ({ configuration } = options);
    return daemon.start(options);
  };
  const ran = run([], { parts: { startDaemon } });
  await eventually(async () => (await said()).includes('READY=1'));
  daemon.reload = () => Promise.reject(new Error('a bug'));
  await expect(configuration?.reload()).rejects.toThrow('a bug');
  daemon.reload = async () => ({ applied: ['rules'], needsRestart: [] });
  expect(await configuration?.reload()).toEqual({ applied: ['rules'], needsRestart: [] });
  stop();
  await ran;
});
