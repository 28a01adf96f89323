import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isShrinkError, ShrinkError } from '../../core/errors.ts';
import { ChildEnd, errorOfEnd } from './exit-status.ts';
import { type Clock, systemClock } from '../clock.ts';
import { findLaunchers, findProgram, launchedThrough } from './limits.ts';
import { collectLines, tailOfLines } from './lines.ts';
import { pausableTimer } from '../pausable.ts';
import type { PauseGate } from '../pause-gate.ts';

/** Ceilings the kernel enforces on a child, where `prlimit` (util-linux) exists; elsewhere it runs without them. */
export interface ChildLimits {
  addressSpaceBytes?: number;
  cpuSeconds?: number;
  fileSizeBytes?: number;
}

export interface ChildRequest {
  /** A path, or a name looked for on PATH. Never a shell line. */
  command: string;
  args: readonly string[];
  /** What is being done, as in "while …"; the start of every error message. */
  doing: string;
  cwd?: string;
  signal?: AbortSignal;
  /** End the child after this many milliseconds of running. */
  timeoutMs?: number;
  /** End the child when it has shown no progress on stdout for this many milliseconds. */
  stallMs?: number;
  /** Which lines of stdout count as progress; every one unless given. */
  isProgress?: (line: string) => boolean;
  /** With it lines are handed over as they come, and `stdout` of the result stays empty. */
  onStdoutLine?: (line: string) => void;
  onStderrLine?: (line: string) => void;
  /** The most stdout that is kept, in bytes (default 16 MB); more ends the child. */
  maxOutputBytes?: number;
  limits?: ChildLimits;
  /** Added to the niceness, 0 to 19. */
  nice?: number;
  gate?: PauseGate;
  clock?: Clock;
}

export interface ChildResult {
  stdout: string;
  /** The last lines of stderr, at most 8 kB. */
  stderrTail: string;
}

/** Time between SIGTERM and SIGKILL. ffmpeg needs well under a second to close its files. */
const TERM_TO_KILL_MS = 2_000;
/** After SIGKILL a child can only be stuck in the kernel (a dead network mount); it is not waited for any longer. */
const KILL_TO_LEAVE_MS = 10_000;
const DEFAULT_MAX_OUTPUT = 16_000_000;

const running = new Map<number, string>();

/** Children of ours that have not ended yet, for the shutdown and for tests that look for leaks. */
export function activeChildren(): { pid: number; command: string }[] {
  return [...running].map(([pid, command]) => ({ pid, command }));
}

/**
 * Runs a program to its end. Resolves when it exited with 0. Otherwise rejects with a ShrinkError that has one reason, the
 * first that happened: `tool-missing`, `cancelled`, `timed-out`, `child-stalled`, `no-space`, `out-of-memory`, `child-killed`
 * or `child-failed`; its cause is a ChildEnd. Either way the child is gone by then.
 *
 * The child gets no stdin, no shell, an almost empty environment and a process group of its own (Ctrl-C at a terminal reaches
 * us alone, and we decide). On Linux it dies with us, even when we are killed with SIGKILL, as far as `setpriv` exists.
 */
export async function runChild(request: ChildRequest): Promise<ChildResult> {
  const program = await findProgram(request.command);
  if (!program) {
    throw new ShrinkError('tool-missing', `${request.doing}: ${request.command} was not found or cannot be run`, {
      doing: request.doing,
      subject: request.command,
    });
  }
  const launchers = await findLaunchers();
  throwIfAborted(request);
  await gateOpen(request);
  const [command, args] = launchedThrough(launchers, program, request);
  return await new Promise((resolve, reject) => supervise(command, args, request, resolve, reject));
}

function supervise(
  command: string,
  args: string[],
  request: ChildRequest,
  resolve: (result: ChildResult) => void,
  reject: (error: unknown) => void,
): void {
  const clock = request.clock ?? systemClock;
  let child: ChildProcess;
  try {
    child = spawn(command, args, {
      cwd: request.cwd,
      env: childEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      shell: false,
    });
  } catch (error) {
    return reject(cannotStart(request, error));
  }
  const { stdout, stderr } = child;
  // Without descriptors for them there are no pipes, and the reason comes a moment later.
  if (!stdout || !stderr) return void child.once('error', error => reject(cannotStart(request, error)));
  if (child.pid !== undefined) running.set(child.pid, request.command);

  // The cell every ending writes to; only the first one counts.
  let reason: { error: unknown } | undefined;
  let settled = false;
  const undo: (() => void)[] = [];

  const end = (error: unknown) => {
    if (reason || settled) return;
    reason = { error };
    // A stopped process does not see SIGTERM before it is continued.
    signalGroup(child, 'SIGTERM');
    signalGroup(child, 'SIGCONT');
    undo.push(
      clock.after(TERM_TO_KILL_MS, () => {
        signalGroup(child, 'SIGKILL');
        undo.push(clock.after(KILL_TO_LEAVE_MS, () => endChild(null, null)));
      }),
    );
  };

  const fail = (code: 'timed-out' | 'child-stalled' | 'cancelled' | 'child-failed', what: string) =>
    end(new ShrinkError(code, `${request.doing}: ${what}`, { doing: request.doing, subject: request.command }));

  const limit = pausableTimer(clock, request.timeoutMs, () =>
    fail('timed-out', `gave up after ${seconds(request.timeoutMs)}`),
  );
  const stall = pausableTimer(clock, request.stallMs, () =>
    fail('child-stalled', `no progress for ${seconds(request.stallMs)}`),
  );
  undo.push(
    () => limit.stop(),
    () => stall.stop(),
  );

  const turn = (closed: boolean) => {
    if (settled || reason) return;
    signalGroup(child, closed ? 'SIGSTOP' : 'SIGCONT');
    for (const timer of [limit, stall]) {
      if (closed) timer.pause();
      else timer.resume();
    }
  };
  if (request.gate) undo.push(request.gate.onChange(turn));
  if (request.gate?.closed) turn(true);

  const onAbort = () => fail('cancelled', 'stopped');
  request.signal?.addEventListener('abort', onAbort, { once: true });
  undo.push(() => request.signal?.removeEventListener('abort', onAbort));
  if (request.signal?.aborted) onAbort();

  const kept: string[] = [];
  let keptBytes = 0;
  const maxBytes = request.maxOutputBytes ?? DEFAULT_MAX_OUTPUT;
  collectLines(stdout, line => {
    if (request.isProgress?.(line) ?? true) stall.restart();
    if (request.onStdoutLine) return guard(() => request.onStdoutLine?.(line));
    keptBytes += line.length + 1;
    if (keptBytes > maxBytes) return fail('child-failed', `printed more than ${maxBytes} bytes`);
    kept.push(line);
  });
  const tail = tailOfLines(8_000);
  collectLines(stderr, line => {
    tail.add(line);
    if (request.onStderrLine) guard(() => request.onStderrLine?.(line));
  });

  // A listener that throws must end the child and reach the caller, not the process.
  function guard(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      end(error);
    }
  }

  function endChild(exitCode: number | null, endSignal: NodeJS.Signals | null): void {
    if (settled) return;
    settled = true;
    for (const step of undo) step();
    if (child.pid !== undefined) running.delete(child.pid);
    const stderrTail = tail.text();
    if (reason) return reject(withCause(reason.error, new ChildEnd(exitCode, endSignal, stderrTail)));
    if (exitCode === 0) return resolve({ stdout: kept.join('\n'), stderrTail });
    reject(errorOfEnd(request, new ChildEnd(exitCode, endSignal, stderrTail)));
  }

  // `error` may come instead of `close` (the program could not be started) or beside it; settle takes the first.
  child.on('error', error => {
    if (child.pid !== undefined) return;
    end(cannotStart(request, error));
    endChild(null, null);
  });
  child.on('close', (code, signal) => endChild(code, signal));
  let heard = 0;
  for (const pipe of [stdout, stderr]) pipe.on('data', () => void (heard += 1));
  // After a suspension (SIGSTOP, a laptop's lid) this wait is over before what the child had said was read: it counts all the same.
  const leaveOnceRead = (leave: () => void): void => {
    const before = heard;
    setImmediate(() => (heard === before ? leave() : leaveOnceRead(leave)));
  };
  // `close` waits for the pipes; a grandchild that inherited them must not keep us waiting after the end.
  child.on('exit', (code, signal) =>
    undo.push(clock.after(TERM_TO_KILL_MS, () => leaveOnceRead(() => endChild(code, signal)))),
  );
}

/** Why a program could not be started at all. */
function cannotStart({ command, doing, cwd }: ChildRequest, error: unknown): ShrinkError {
  const { code, message } = error as NodeJS.ErrnoException;
  if (SHORTAGES.has(code ?? '')) {
    return new ShrinkError('io', `${doing}: ${command} cannot be started at the moment: ${message}`, {
      doing,
      subject: command,
      hint: 'Too much is open or running on this machine (ulimit -n, -u); shrinkbox goes on by itself.',
      cause: error,
    });
  }
  // The system says the same of a program that is not there and of a folder to run it in that is not.
  if (cwd !== undefined && !existsSync(cwd)) {
    return new ShrinkError('unavailable', `${doing}: ${cwd} is gone`, {
      doing,
      subject: cwd,
      hint: 'Mount the disk of the state directory again, or restart shrinkbox if it was moved.',
    });
  }
  return new ShrinkError('tool-missing', `${doing}: ${command} cannot be started: ${message}`, {
    doing,
    subject: command,
  });
}

const SHORTAGES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM']);

function withCause(error: unknown, cause: ChildEnd): unknown {
  if (!isShrinkError(error) || error.cause !== undefined) return error;
  const { doing, subject, hint } = error;
  return new ShrinkError(error.code, error.message, {
    cause,
    ...(doing === undefined ? {} : { doing }),
    ...(subject === undefined ? {} : { subject }),
    ...(hint === undefined ? {} : { hint }),
  });
}

function throwIfAborted(request: ChildRequest): void {
  if (request.signal?.aborted)
    throw new ShrinkError('cancelled', `${request.doing}: stopped`, { doing: request.doing });
}

/** Nothing is started while the gate is closed: a stopped child would hold its memory for hours. */
async function gateOpen(request: ChildRequest): Promise<void> {
  const { gate, signal } = request;
  if (!gate?.closed) return;
  await new Promise<void>(resolve => {
    const done = () => {
      forget();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const forget = gate.onChange(closed => closed || done());
    signal?.addEventListener('abort', done, { once: true });
  });
  throwIfAborted(request);
}

/** Children have their own group, so that whatever they started goes with them. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has ended already; `close` is on its way.
  }
}

/** No secrets, no locale: messages must be the ones we know, numbers must have a point. */
function childEnvironment(): NodeJS.ProcessEnv {
  const { PATH, LD_LIBRARY_PATH } = process.env;
  return {
    LANG: 'C',
    LC_ALL: 'C',
    AV_LOG_FORCE_NOCOLOR: '1',
    ...(PATH === undefined ? {} : { PATH }),
    // Own builds of ffmpeg are often found this way.
    ...(LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH }),
  };
}

function seconds(ms: number | undefined): string {
  return `${Math.round((ms ?? 0) / 100) / 10} s`;
}
