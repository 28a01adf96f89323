import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { main } from '../../src/cli.ts';
import type { Io, Parts } from '../../src/commands/support/context.ts';
import type { Daemon, DaemonOptions } from '../../src/app/daemon.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { FakeControl } from './fake-control.ts';

export const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

export interface Ran {
  code: number;
  out: string;
  err: string;
}

export interface CliOptions extends Partial<Omit<Io, 'stdout' | 'stderr'>> {
  parts?: Partial<Parts>;
  /** Both streams are terminals of this width. */
  columns?: number;
  /** Sees every write as it happens; `false` means that nobody reads stdout any more. */
  onOut?: (text: string) => boolean | void;
  onErr?: (text: string) => void;
}

/** Runs a command line in this process, with what stands behind it replaced by `parts`. */
export async function runCli(argv: readonly string[], options: CliOptions = {}): Promise<Ran> {
  const { parts, columns, onOut, onErr, ...world } = options;
  const ran = { out: '', err: '' };
  const terminal = columns === undefined ? {} : { isTTY: true, columns, rows: 24 };
  let writable = true;
  const io: Io = {
    stdout: {
      write(text: string) {
        ran.out += text;
        if (onOut?.(text) === false) writable = false;
      },
      get writable() {
        return writable;
      },
      ...terminal,
    },
    stderr: {
      write(text: string) {
        ran.err += text;
        onErr?.(text);
      },
      ...terminal,
    },
    env: { PATH: process.env['PATH'] },
    cwd: '/',
    home: '/nonexistent',
    clock: systemClock,
    signals: new EventEmitter(),
    ...world,
  };
  const code = await main(argv, io, { ...NO_PARTS, ...parts });
  return { code, ...ran };
}

const NO_PARTS: Parts = {
  startWorker: () => Promise.reject(new Error('no worker in this test')),
  startDaemon: () => Promise.reject(new Error('no daemon in this test')),
  compressFiles: () => Promise.reject(new Error('no engine in this test')),
  createCloudEngine: () => Promise.reject(new Error('no cloud in this test')),
};

/** Runs the built program to its end; `readOut: false` closes its stdout before it writes. */
export function spawnCli(
  argv: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; program?: string; readOut?: boolean } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [options.program ?? CLI, ...argv], {
      cwd: options.cwd,
      env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const ran = { out: '', err: '' };
    if (options.readOut === false) child.stdout.destroy();
    child.stdout.setEncoding('utf8').on('data', text => {
      ran.out += text;
    });
    child.stderr.setEncoding('utf8').on('data', text => {
      ran.err += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code: code ?? (signal === 'SIGINT' ? 130 : 143), ...ran }));
  });
}

/** A daemon that does nothing, stops on request, and records what it was started with. */
export class FakeDaemon implements Daemon {
  readonly control = new FakeControl();
  readonly calls: string[] = [];
  options: DaemonOptions | undefined;
  /** Resolves the promises of `idle` and of `ended`. */
  becomeIdle: () => void = () => {};
  end: (code: number) => void = () => {};
  /** Whether `stop` comes to an end. */
  stops = true;
  readonly ended: Promise<number>;
  readonly #idle: Promise<void>;

  constructor() {
    this.ended = new Promise(resolve => {
      this.end = resolve;
    });
    this.#idle = new Promise(resolve => {
      this.becomeIdle = resolve;
    });
  }

  readonly start = async (options: DaemonOptions): Promise<Daemon> => {
    this.options = options;
    this.calls.push('start');
    return this;
  };

  idle(): Promise<void> {
    return this.#idle;
  }

  reload: Daemon['reload'] = async () => {
    this.calls.push('reload');
    return { applied: [], needsRestart: [] };
  };

  stuck(): string | undefined {
    return undefined;
  }

  async stop(): Promise<void> {
    this.calls.push('stop');
    if (!this.stops) return new Promise(() => {});
    this.end(0);
  }
}
