import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { silentLogger } from '../../src/platform/log.ts';
import { SystemdNotifier, type SystemdNotifierOptions } from '../../src/platform/systemd.ts';

/** A notifier whose messages are kept. */
function noting(env: NodeJS.ProcessEnv = {}, options: Partial<SystemdNotifierOptions> = {}) {
  const sent: string[][] = [];
  const notifier = new SystemdNotifier({
    env: { NOTIFY_SOCKET: '/run/notify', ...env },
    log: silentLogger,
    pid: 77,
    send: async variables => void sent.push([...variables]),
    ...options,
  });
  return { notifier, sent };
}

describe('messages', () => {
  it('say one thing after the other', async () => {
    const { notifier, sent } = noting();
    notifier.extendTimeout(90_000);
    notifier.ready();
    notifier.status('2 running');
    notifier.status('2 running');
    notifier.status('two\nREADY=1\u001b[2J lines');
    notifier.reloading();
    notifier.stopping();
    await notifier.flush();
    expect(sent).toEqual([
      ['EXTEND_TIMEOUT_USEC=90000000'],
      ['READY=1'],
      ['STATUS=2 running'],
      ['STATUS=two READY=1 [2J lines'],
      ['RELOADING=1', expect.stringMatching(/^MONOTONIC_USEC=\d+$/)],
      ['STOPPING=1'],
    ]);
  });

  it('keep their order although some take longer', async () => {
    const sent: string[] = [];
    let slow = true;
    const { notifier } = noting(
      {},
      {
        async send([first]) {
          if (slow) await new Promise(resolve => setImmediate(() => setImmediate(resolve)));
          slow = false;
          sent.push(first ?? '');
        },
      },
    );
    notifier.ready();
    notifier.stopping();
    await notifier.flush();
    expect(sent).toEqual(['READY=1', 'STOPPING=1']);
  });

  it('are not worth failing for, and complain once', async () => {
    const warned: string[] = [];
    const log = { warn: (_: unknown, text: string) => warned.push(text) } as never;
    const { notifier } = noting({}, { log, send: async () => Promise.reject(new Error('no such program')) });
    notifier.ready();
    notifier.stopping();
    await notifier.flush();
    expect(warned).toHaveLength(1);
  });

  it('are not sent outside systemd', async () => {
    const sent: unknown[] = [];
    const notifier = new SystemdNotifier({
      env: {},
      log: silentLogger,
      send: async variables => void sent.push(variables),
    });
    notifier.ready();
    notifier.watch(() => true)();
    await notifier.flush();
    expect([notifier.active, sent]).toEqual([false, []]);
  });
});

describe('the watchdog', () => {
  const WATCHED = { WATCHDOG_USEC: '20000', WATCHDOG_PID: '77' };

  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is fed while work can move, and left to bite when it cannot', async () => {
    const { notifier, sent } = noting(WATCHED);
    let alive = true;
    const stop = notifier.watch(() => alive);
    vi.advanceTimersByTime(35);
    alive = false;
    vi.advanceTimersByTime(35);
    stop();
    alive = true;
    vi.advanceTimersByTime(35);
    await notifier.flush();
    expect(sent).toEqual([['WATCHDOG=1'], ['WATCHDOG=1'], ['WATCHDOG=1']]);
  });

  it.each<[string, NodeJS.ProcessEnv]>([
    ['none is set', {}],
    ['it is meant for another process', { ...WATCHED, WATCHDOG_PID: '78' }],
    ['its interval is nonsense', { WATCHDOG_USEC: 'soon' }],
  ])('is left alone when %s', async (_, env) => {
    const { notifier, sent } = noting(env);
    notifier.watch(() => true);
    vi.advanceTimersByTime(1_000_000);
    await notifier.flush();
    expect(sent).toEqual([]);
  });
});

const has = (program: string, ...args: string[]) => {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** Prints each datagram it gets, one a line. Node cannot receive them. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('up', flush=True)
while True:
    said = s.recv(4096).decode().replace(chr(10), ' ')
    if said != 'BARRIER=1': print(said, flush=True)
`;

describe.runIf(has('systemd-notify', '--version') && has('python3', '--version'))(
  'with the real systemd-notify',
  () => {
    it('reaches the socket systemd named', async () => {
      const dir = mkdtempSync(join(tmpdir(), 'shrinkbox-test-'));
      onTestFinished(() => rmSync(dir, { recursive: true }));
      const path = join(dir, 'notify');
      const receiver = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
      onTestFinished(() => void receiver.kill());
      const lines: string[] = [];
      let wanted: () => void = () => {};
      const all = new Promise<void>(resolve => {
        wanted = resolve;
      });
      const up = new Promise<void>(resolve => {
        createInterface({ input: receiver.stdout }).on('line', line => {
          lines.push(line);
          if (line === 'up') resolve();
          if (line === 'STOPPING=1') wanted();
        });
      });
      await up;
      const notifier = new SystemdNotifier({ env: { ...process.env, NOTIFY_SOCKET: path }, log: silentLogger });
      notifier.ready();
      notifier.status('watching 2 folders; 1 job running');
      notifier.reloading();
      notifier.stopping();
      await notifier.flush();
      await all;
      expect(lines.slice(1)).toEqual([
        'READY=1',
        'STATUS=watching 2 folders; 1 job running',
        expect.stringMatching(/^RELOADING=1 MONOTONIC_USEC=\d+$/),
        'STOPPING=1',
      ]);
    });
  },
);
