import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterEach, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../src/core/errors.ts';
import { ShrinkError } from '../../../src/core/errors.ts';
import { findLaunchers } from '../../../src/platform/process/limits.ts';
import { ChildEnd } from '../../../src/platform/process/exit-status.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { activeChildren, type ChildRequest, runChild } from '../../../src/platform/process/run-child.ts';

const node = process.execPath;
const program = (name: string) => fileURLToPath(new URL(`../../fixtures/bin/${name}.mjs`, import.meta.url));

function run(name: string, args: string[] = [], more: Partial<ChildRequest> = {}) {
  return runChild({ command: node, args: [program(name), ...args], doing: 'testing', ...more });
}

async function failure(promise: Promise<unknown>): Promise<ShrinkError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ShrinkError);
  return error as ShrinkError;
}

/** Runs a program and hands over its announced pid once it is up. */
function running(name: string, more: Partial<ChildRequest> = {}) {
  let tell: (pid: number) => void = () => {};
  const pid = new Promise<number>(resolve => {
    tell = resolve;
  });
  const ended = run(name, [], {
    ...more,
    onStdoutLine: line => {
      if (line.startsWith('pid ')) tell(Number(line.slice(4)));
      more.onStdoutLine?.(line);
    },
  });
  return { pid, ended };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A gate that a test turns by hand. */
function valve(closed = false) {
  const listeners = new Set<(closed: boolean) => void>();
  return {
    closed,
    onChange(listener: (closed: boolean) => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    turn(to: boolean) {
      this.closed = to;
      for (const listener of listeners) listener(to);
    },
    listeners,
  };
}

/** The module as one file that a plain node can load: no build needs to have run before the tests. */
async function plainJavaScript(source: string, folder: string): Promise<string> {
  await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      ssr: fileURLToPath(new URL(source, import.meta.url)),
      outDir: folder,
      rollupOptions: { output: { entryFileNames: 'module.mjs' } },
    },
  });
  return join(folder, 'module.mjs');
}

async function processState(pid: number): Promise<string | undefined> {
  return /^State:\t(\w)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
}

afterEach(() => expect(activeChildren()).toEqual([]));

describe('a child that ends well', () => {
  it('gives its output, and got its arguments untouched by any shell', async () => {
    const result = await run('ok', ['a b', '$HOME', ';ls', '']);
    expect(result.stdout).toContain('first\nargs ["a b","$HOME",";ls",""]');
    expect(result.stderrTail).toBe('noise');
  });

  it('sees none of our environment but PATH', async () => {
    process.env['NEMO_TOKEN'] = 'secret';
    try {
      const { stdout } = await run('ok');
      expect(/^env (.*)$/m.exec(stdout)?.[1]?.split(' ')).not.toContain('NEMO_TOKEN');
      expect(/^env (.*)$/m.exec(stdout)?.[1]?.split(' ')).toContain('PATH');
    } finally {
      delete process.env['NEMO_TOKEN'];
    }
  });

  it('hands lines over one by one and keeps none of 20 MB of stderr but the end', async () => {
    const result = await run('floods', ['stderr']);
    expect(result.stderrTail.length).toBeLessThanOrEqual(9_000);
    let lines = 0;
    await run('floods', ['stdout'], { onStdoutLine: () => void (lines += 1) });
    expect(lines).toBe(20_000);
  });
});

describe('an end that nobody asked for', () => {
  const cases: [string, string, string[], ErrorCode, RegExp][] = [
    [
      'an exit code with last words',
      'fails',
      ['3', '[mov @ 0x55d0]', 'moov atom not found'],
      'child-failed',
      /^testing: moov atom not found$/,
    ],
    ['an exit code without a word', 'fails', ['7'], 'child-failed', /something harmless/],
    [
      'a disk that fills in the first of two passes',
      'fails',
      ['1', 'ratecontrol_end: stats file could not be written to\nError submitting video frame to the encoder'],
      'no-space',
      /disk is full/,
    ],
    ['a full disk', 'fails', ['1', 'av_write(): No space left on device'], 'no-space', /disk is full/],
    ['no memory', 'eats-memory', [], 'out-of-memory', /memory/],
    ['a crash', 'dies', ['SIGSEGV'], 'child-killed', /SIGSEGV/],
    ['255 with words of its own', 'fails', ['255', 'Operation not permitted'], 'child-failed', /not permitted/],
    ['SIGKILL from outside', 'dies', ['SIGKILL'], 'out-of-memory', /killed from outside/],
    ['processor time used up', 'dies', ['SIGXCPU'], 'timed-out', /processor time/],
  ];
  it.each(cases)('%s', async (_name, fixture, args, code, message) => {
    const error = await failure(run(fixture, args));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.cause).toBeInstanceOf(ChildEnd);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('%s from outside, which ffmpeg catches to exit with 255', async signal => {
    let asked = false;
    const error = await failure(
      runChild({
        command: 'ffmpeg',
        args: ['-v', 'error', '-progress', 'pipe:1', '-re', '-f', 'lavfi', '-i', 'testsrc2', '-f', 'null', '-'],
        doing: 'testing',
        onStdoutLine: () => {
          const child = activeChildren().find(({ command }) => command === 'ffmpeg');
          // More than three would make it end at once, with 123.
          if (child && !asked) process.kill(child.pid, signal);
          asked = true;
        },
      }),
    );
    expect((error.cause as ChildEnd).exitCode).toBe(255);
    expect(error.code).toBe('child-killed');
  });

  it('says that a program is missing, and starts nothing', async () => {
    const error = await failure(runChild({ command: 'no-such-program-of-ours', args: [], doing: 'looking' }));
    expect(error.code).toBe('tool-missing');
    const notExecutable = await failure(runChild({ command: program('ok'), args: [], doing: 'looking' }));
    expect(notExecutable.code).toBe('tool-missing');
  });

  it('whose folder to work in was unmounted is not a missing program', async () => {
    const error = await failure(run('lines', [], { cwd: '/gone/state/work/a' }));
    expect(error).toMatchObject({ code: 'unavailable', subject: '/gone/state/work/a' });
  });

  it('more output than it may have', async () => {
    const error = await failure(run('floods', ['stdout'], { maxOutputBytes: 100_000 }));
    expect(error.message).toMatch(/printed more than 100 kB/);
  });

  it('a listener that throws ends the child and reaches the caller', async () => {
    const bug = new RangeError('bug');
    const thrown = await run('never-ends', [], {
      onStdoutLine: () => {
        throw bug;
      },
    }).catch((error: unknown) => error);
    expect(thrown).toBe(bug);
  });
});

describe('being ended', () => {
  it('by the signal: cancelled, and the process is gone', async () => {
    const stop = new AbortController();
    const { pid, ended } = running('never-ends', { signal: stop.signal });
    const seen = await pid;
    stop.abort();
    expect((await failure(ended)).code).toBe('cancelled');
    expect(isAlive(seen)).toBe(false);
  });

  it('with a signal that has aborted before, nothing is started', async () => {
    let lines = 0;
    const error = await failure(run('ok', [], { signal: AbortSignal.abort(), onStdoutLine: () => void (lines += 1) }));
    expect(error.code).toBe('cancelled');
    expect(lines).toBe(0);
  });

  it('a child that ignores SIGTERM meets SIGKILL two seconds later', async () => {
    const stop = new AbortController();
    const { pid, ended } = running('ignores-term', { signal: stop.signal });
    await pid;
    const asked = performance.now();
    stop.abort();
    const error = await failure(ended);
    expect(error.code).toBe('cancelled');
    expect((error.cause as ChildEnd).endSignal).toBe('SIGKILL');
    expect(performance.now() - asked).toBeGreaterThan(1_900);
  });

  it('after its time', async () => {
    expect((await failure(run('never-ends', [], { timeoutMs: 200 }))).code).toBe('timed-out');
  });

  it('when it shows no progress; lines that are no progress do not help it', async () => {
    expect((await failure(run('silent', [], { stallMs: 300 }))).code).toBe('child-stalled');
    const idle = run('never-ends', [], { stallMs: 300, isProgress: line => !line.startsWith('tick') });
    expect((await failure(idle)).code).toBe('child-stalled');
  });

  it('progress keeps it alive for longer than the stall limit; the first reason wins', async () => {
    const stop = new AbortController();
    const clock = new FakeClock();
    const { ended } = running('never-ends', {
      clock,
      stallMs: 500,
      signal: stop.signal,
      onStdoutLine: line => {
        if (line.startsWith('tick')) void clock.advance(300);
        if (line === 'tick 40') stop.abort();
      },
      timeoutMs: 60_000,
    });
    expect((await failure(ended)).code).toBe('cancelled');
    expect(clock.monotonic()).toBeGreaterThan(10_000);
  });

  it('takes what the child started along', async () => {
    const stop = new AbortController();
    const { pid, ended } = running('grandchild', { signal: stop.signal });
    const grandchild = await pid;
    stop.abort();
    await failure(ended);
    // Orphans are reaped by init: until then a dead one may still be listed.
    await expect.poll(() => !isAlive(grandchild) || processState(grandchild).then(state => state === 'Z')).toBe(true);
  });
});

it('that cannot be started for want of descriptors is a matter of time (was: a bug of ours, the file failed for good)', async () => {
  if (!(await findLaunchers()).prlimit) return; // nothing here to lower our own limit with
  // The limit is lifted again from outside: in here nothing can be started then.
  const script = 'prlimit --pid $1 --nofile=8:; echo low; read line; prlimit --pid $1 --nofile=$2:; echo high';
  const soft = (await readFile('/proc/self/limits', 'utf8')).match(/Max open files +(\d+)/)?.[1] ?? '1024';
  const lever = spawn('sh', ['-c', script, 'sh', String(process.pid), soft], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(lever.stdout, 'data');
  const ended = runChild({ command: 'true', args: [], doing: 'looking' });
  const error = await failure(ended).finally(async () => {
    lever.stdin.end('\n');
    await once(lever, 'close');
  });
  expect(error).toMatchObject({ code: 'io', message: expect.stringContaining('cannot be started at the moment') });
});

describe('a closed gate', () => {
  it('stops a running child without using up its time, and lets it continue', async () => {
    const gate = valve();
    let ticks = 0;
    const stop = new AbortController();
    const clock = new FakeClock();
    const { pid, ended } = running('never-ends', {
      clock,
      gate,
      signal: stop.signal,
      stallMs: 400,
      timeoutMs: 5_000,
      onStdoutLine: line => {
        if (line.startsWith('tick')) ticks += 1;
      },
    });
    const child = await pid;
    gate.turn(true);
    await expect.poll(() => processState(child)).toBe('T');
    await clock.advance(60_000);
    const whenClosed = ticks;
    gate.turn(false);
    await expect.poll(() => ticks).toBeGreaterThan(whenClosed + 3);
    stop.abort();
    expect((await failure(ended)).code).toBe('cancelled');
    expect(gate.listeners.size).toBe(0);
  });

  it('a stopped child can still be ended', async () => {
    const gate = valve();
    const stop = new AbortController();
    // Its clock stands still: SIGKILL would come by it.
    const { pid, ended } = running('never-ends', { clock: new FakeClock(), gate, signal: stop.signal });
    const child = await pid;
    gate.turn(true);
    await expect.poll(() => processState(child)).toBe('T');
    stop.abort();
    const error = await failure(ended);
    expect(error.code).toBe('cancelled');
    // By asking, not by force: it was continued first.
    expect((error.cause as ChildEnd).endSignal).toBe('SIGTERM');
    expect(isAlive(child)).toBe(false);
  });

  it('keeps a child from being started until it opens', async () => {
    const gate = valve(true);
    const ended = run('ok', [], { gate });
    await expect.poll(() => gate.listeners.size).toBe(1);
    expect(activeChildren()).toEqual([]);
    gate.turn(false);
    expect((await ended).stdout).toContain('first');
  });
});

it('a daemon killed by SIGKILL leaves no child behind', async () => {
  if (!(await findLaunchers()).setpriv) return; // documented: only where setpriv exists
  const folder = await mkdtemp(join(tmpdir(), 'shrinkbox-owner-'));
  try {
    const module = await plainJavaScript('../../../src/platform/process/run-child.ts', folder);
    const owner = spawn(node, [program('owner'), module, program('silent')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(owner.stdout), 'line')) as [string];
    const child = Number(line.slice(4));
    expect(isAlive(child)).toBe(true);
    owner.kill('SIGKILL');
    await expect.poll(() => readlink(`/proc/${child}/exe`).catch(() => 'gone'), { timeout: 10_000 }).toBe('gone');
  } finally {
    await rm(folder, { recursive: true });
  }
});
