import { EventEmitter } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { messageOf } from '../../src/core/message.ts';
import { say } from '../../src/messages/say.ts';
import { type ErrorCode, ShrinkError } from '../../src/core/errors.ts';
import type { DaemonOptions } from '../../src/app/daemon.ts';
import { writeError } from '../../src/journal/errors.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { fileError } from '../../src/platform/files/file-error.ts';
import { type CliOptions, FakeDaemon, runCli } from '../support/cli.ts';
import { tempDir } from '../support/serving.ts';

let dir: string;
let daemon: FakeDaemon;
let signals: EventEmitter;

beforeEach(async () => {
  dir = await tempDir();
  daemon = new FakeDaemon();
  signals = new EventEmitter();
  await writeFile(join(dir, 'config.yaml'), 'log: { level: silent }\nfolders: [{ inbox: ./in, outbox: ./out }]\n');
});

/** Runs the daemon's command; `then` is called once the banner, or the notice of stopping, was said. */
function run(argv: string[], options: CliOptions = {}) {
  return runCli(['run', ...argv, '--config', join(dir, 'config.yaml')], {
    cwd: dir,
    signals,
    parts: { startDaemon: daemon.start },
    ...options,
  });
}

/** Calls back when the text was said, not before the writer is done with it. */
const upon = (text: string, act: () => void) => (said: string) => {
  if (said.includes(text)) setImmediate(act);
};

describe('run', () => {
  it('says in plain words where to drop files, where results appear, and where to look', async () => {
    daemon.control.page = 'http://127.0.0.1:8788/';
    const { code, out } = await run([], { onOut: upon('Ctrl-C', () => signals.emit('SIGTERM', 'SIGTERM')) });
    expect(code).toBe(0);
    expect(out).toContain(`drop videos into    ${join(dir, 'in')}`);
    expect(out).toContain(`results appear in   ${join(dir, 'out')}`);
    expect(out).toContain('at most 50.0 MB where that looks good, at most 1080p');
    expect(out).toContain('web page            http://127.0.0.1:8788/');
    expect(daemon.options).toMatchObject({ once: false, config: { source: join(dir, 'config.yaml') } });
  });

  it('looks as the README shows it', async () => {
    daemon.control.page = 'http://127.0.0.1:8788/';
    const { out } = await run([], { onOut: upon('Ctrl-C', () => signals.emit('SIGTERM', 'SIGTERM')) });
    const labelsOf = (text: string) => [...text.matchAll(/^ {2}(\S.*?) {2,}\S/gm)].map(([, label]) => label);
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
    const shown = /^shrinkbox .* is watching\.\n(?: {2}.*\n)+/m.exec(readme)?.[0] ?? '';
    expect(labelsOf(shown)).toEqual(labelsOf(out));
  });

  it('names the command a person can type: a clone started by npm start has none on the PATH', async () => {
    const onOut = upon('Ctrl-C', () => signals.emit('SIGTERM', 'SIGTERM'));
    expect((await run([], { onOut })).out).toContain('status              shrinkbox status;');
    daemon = new FakeDaemon();
    const clone = await run([], { onOut, env: { ...process.env, npm_lifecycle_event: 'start' } });
    expect(clone.out).toContain('status              npx shrinkbox status;');
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 0],
  ])('ends gracefully on %s, with %i', async (signal, code) => {
    const ran = await run([], { onOut: upon('Ctrl-C', () => signals.emit(signal, signal)) });
    expect([ran.code, daemon.calls]).toEqual([code, ['start', 'stop']]);
    expect(ran.err).toContain('a second signal stops at once');
    expect(signals.eventNames()).toEqual([]);
  });

  it('ends when its terminal goes away, and reads the configuration again where it has none', async () => {
    const hangup = upon('Ctrl-C', () => signals.emit('SIGHUP', 'SIGHUP'));
    const ran = await run([], { columns: 80, onOut: hangup });
    expect([ran.code, daemon.calls]).toEqual([0, ['start', 'stop']]);
    daemon = new FakeDaemon();
    const reloaded = new Promise<void>(resolve => {
      daemon.reload = async () => {
        setImmediate(resolve);
        return { applied: [], needsRestart: [] };
      };
    });
    const running = run([], { onOut: hangup });
    await reloaded;
    signals.emit('SIGTERM', 'SIGTERM');
    expect((await running).code).toBe(0);
  });

  it('ends at once on a second signal', async () => {
    daemon.stops = false;
    const ran = await run([], {
      onOut: upon('Ctrl-C', () => signals.emit('SIGINT', 'SIGINT')),
      onErr: upon('a second signal', () => signals.emit('SIGINT', 'SIGINT')),
    });
    expect(ran.code).toBe(130);
  });

  it.each([1, 14])('ends with %i when the daemon could not continue', async code => {
    expect((await run([], { onOut: upon('Ctrl-C', () => daemon.end(code)) })).code).toBe(code);
  });

  it('a failure while stopping is what it ends with', async () => {
    daemon.stop = async () => daemon.end(1);
    expect((await run([], { onOut: upon('Ctrl-C', () => signals.emit('SIGINT', 'SIGINT')) })).code).toBe(1);
  });

  it('can be interrupted while it starts', async () => {
    const startDaemon = () => {
      setImmediate(() => signals.emit('SIGINT', 'SIGINT'));
      return new Promise<never>(() => {});
    };
    expect((await run([], { parts: { startDaemon } })).code).toBe(130);
  });

  it.each<[ErrorCode, number]>([
    ['locked', 11],
    ['damaged', 14],
    ['newer-version', 14],
    ['tool-missing', 13],
    ['auth-missing', 12],
    ['config-invalid', 10],
    ['journal-write', 1],
    ['denied', 1],
  ])('%s keeps it from starting with %i, one message and a hint', async (problem, code) => {
    const startDaemon = () => Promise.reject(new ShrinkError(problem, 'it cannot be', { hint: 'Do this.' }));
    const { code: ended, out, err } = await run([], { parts: { startDaemon } });
    expect([ended, out, err]).toEqual([code, '', 'shrinkbox: it cannot be\nDo this.\n']);
  });

  // Was: it ended each time, and after five times systemd left it ended, when the disk had long had room again.
  it('a disk that is full for a while keeps it from starting only for that while', async () => {
    let tries = 0;
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const refusals = [
      fileError(full, 'opening the control socket', '/s'),
      writeError(full, 'opening the journal', '/s'),
    ];
    const startDaemon = async (options: DaemonOptions) => {
      tries += 1;
      const refusal = refusals.pop();
      if (refusal) throw refusal;
      return daemon.start(options);
    };
    const clock = { ...systemClock, after: (_ms: number, act: () => void) => systemClock.after(0, act) };
    const onOut = upon('Ctrl-C', () => signals.emit('SIGTERM', 'SIGTERM'));
    expect((await run([], { parts: { startDaemon }, clock, onOut })).code).toBe(0);
    expect(tries).toBe(3);
  });

  it('while it waits for room to start it can be ended, and once says so at once', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    const startDaemon = async () => {
      setImmediate(() => signals.emit('SIGTERM', 'SIGTERM'));
      throw fileError(full, 'opening the control socket', '/s');
    };
    expect((await run([], { parts: { startDaemon } })).code).toBe(0);
    expect((await run(['--once'], { parts: { startDaemon } })).code).toBe(1);
  });

  it('a bug says that it is one, with what to report', async () => {
    const startDaemon = () => Promise.reject(new TypeError('undefined is not a box'));
    const { code, err } = await run([], { parts: { startDaemon } });
    expect(code).toBe(1);
    for (const said of ['bug', 'TypeError: undefined is not a box', 'run.test.ts', 'report'])
      expect(err).toContain(said);
    const json = await run(['--json'], { parts: { startDaemon } });
    expect(JSON.parse(json.err)).toMatchObject({
      error: { code: 'unexpected', stack: expect.stringContaining('run.test.ts') },
    });
  });

  it('tells systemd that it is ready, what it does, and that it stops', async () => {
    const bin = join(dir, 'bin');
    await mkdir(bin);
    const said = join(dir, 'said');
    await writeFile(join(bin, 'systemd-notify'), `#!/bin/sh\nprintf '%s\\n' "$*" >> ${said}\n`);
    await chmod(join(bin, 'systemd-notify'), 0o755);
    const env = { PATH: `${bin}:/usr/bin:/bin`, NOTIFY_SOCKET: '/run/notify' };
    await run([], { env, onOut: upon('Ctrl-C', () => signals.emit('SIGTERM', 'SIGTERM')) });
    expect((await readFile(said, 'utf8')).trim().split('\n')).toEqual([
      'EXTEND_TIMEOUT_USEC=90000000',
      'READY=1',
      'STATUS=running, watching 1 folder: no jobs yet',
      'STOPPING=1',
      'EXTEND_TIMEOUT_USEC=90000000',
    ]);
  });
});

describe('run --once', () => {
  const now = Date.now();

  it('ends with 0 when all went well, and says what it did', async () => {
    daemon.becomeIdle();
    daemon.control.add({ id: 'old', state: 'failed', updated_at: now - 1e9 });
    daemon.control.add({
      id: 'new',
      state: 'done',
      output: '/out/new.mp4',
      output_bytes: 1_000_000,
      updated_at: now + 1e9,
    });
    const { code, out, err } = await run(['--once']);
    expect([code, err, daemon.calls]).toEqual([0, '', ['start', 'stop']]);
    expect(out).toMatch(/new +done +.*75 % smaller/);
    expect(out).not.toContain('old');
    expect(daemon.options?.once).toBe(true);
  });

  it.each<[string, object]>([
    ['a job failed', { state: 'failed', updated_at: now + 1e9 }],
    ['a job is held', { state: 'held', updated_at: now + 1e9 }],
    ['a job is still held from before', { state: 'held', updated_at: now - 1e9 }],
  ])('ends with 3 when %s', async (_, job) => {
    daemon.becomeIdle();
    daemon.control.add({ id: 'bad1', reason: 'because', ...job });
    const { code, err } = await run(['--once']);
    expect(code).toBe(3);
    expect(err).toContain('1 job needs attention: bad1');
  });

  it('ends with 3 where the account has no credits, and says what to do (was: it waited for an hour, and ended with 0)', async () => {
    daemon.becomeIdle();
    const link = 'https://nemovideo.com/register?bind=anon_1';
    const hint = say('nemo.register-hint', { url: link });
    const action = { code: 'register' as const, text: hint.text, link, since: null };
    const messages = { action: messageOf(hint) };
    daemon.control.add({ id: 'poor', state: 'waiting', updated_at: now + 1e9, action, messages });
    const { code, out, err } = await run(['--once']);
    expect(code).toBe(3);
    expect(out).toContain(`Register at ${link} to get more, then run the command again.`);
    expect(err).toContain('1 job needs attention: poor');
  });

  it('prints the jobs it touched for programs', async () => {
    daemon.becomeIdle();
    daemon.control.add({ id: 'new', state: 'done', updated_at: now + 1e9 });
    const { out } = await run(['--once', '--json']);
    expect(JSON.parse(out)).toMatchObject([{ id: 'new', state: 'done' }]);
  });

  it('says so when there was nothing to do', async () => {
    daemon.becomeIdle();
    expect(await run(['--once'])).toMatchObject({ code: 0, out: 'nothing to do\n' });
  });

  it('can be interrupted', async () => {
    daemon.idle = () => {
      setImmediate(() => signals.emit('SIGINT', 'SIGINT'));
      return new Promise(() => {});
    };
    expect((await run(['--once'])).code).toBe(130);
  });
});
