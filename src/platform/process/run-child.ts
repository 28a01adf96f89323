/** Our children: started without a shell, limited, paused and ended as one group, and never left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { isShrinkError, ShrinkError } from '../../core/errors.ts';
import type { Sentence } from '../../core/message.ts';
import { say } from '../../messages/say.ts';
import { type Clock, PausableTimer, systemClock } from '../clock.ts';
import type { PauseGate } from '../pause-gate.ts';
import { ChildEnd, errorOfEnd } from './exit-status.ts';
import { type InputFile, throughDescriptor } from '../files/files.ts';
import { type ChildLimits, findLaunchers, findProgram, launchedThrough } from './limits.ts';
import { collectLines, TailOfLines } from './lines.ts';

/** What a child reads: it opens the path, or what it gets as a descriptor. */
export type ChildInput = Pick<InputFile, 'path' | 'fd'>;

/** An argument of a child; of a file, what the child has to open, right after `prefix`. */
export type ChildArg = string | { prefix?: string; file: ChildInput };

/** How a child opens what we hold open: as a descriptor it inherits or, if a wrapper keeps those back, through ours in /proc. */
export type InputsBy = 'descriptor' | 'proc';

export interface ChildRequest {
  /** A path, or a name searched for on PATH. Never a shell line. */
  command: string;
  args: readonly ChildArg[];
  /** By default `descriptor`. */
  inputsBy?: InputsBy;
  /** What is being done, as in "while …"; the start of every error message. */
  doing: Sentence | string;
  cwd?: string;
  /** What it reads on its standard input; by default it has none. */
  input?: string;
  /** By default almost empty. */
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  /** Kills the child after it has run for this many milliseconds. */
  timeoutMs?: number;
  /** Kills the child if it has shown no progress on stdout for this many milliseconds. */
  stallMs?: number;
  /** Which lines of stdout count as progress; by default every one. */
  isProgress?: (line: string) => boolean;
  /** Receives lines as they come; `stdout` of the result then stays empty. */
  onStdoutLine?: (line: string) => void;
  onStderrLine?: (line: string) => void;
  /** Lines of stdout that `onStdoutLine` receives are cut after this many characters (default 64,000). */
  maxLineChars?: number;
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

/** Our children that have not ended yet, for the shutdown and for tests that check for leaks. */
export function activeChildren(): { pid: number; command: string }[] {
  return [...running].map(([pid, command]) => ({ pid, command }));
}

/**
 * Runs a program to its end. Resolves if it exited with 0. Otherwise rejects with a ShrinkError for the first thing that
 * happened: `tool-missing`, `cancelled`, `timed-out`, `child-stalled`, `no-space`, `out-of-memory`, `child-killed`
 * or `child-failed`; its cause is a ChildEnd. Either way the child is gone by then.
 *
 * The child gets no shell and, unless asked for, no stdin and an almost empty environment. It has a process group of its own (Ctrl-C at a terminal reaches
 * us alone, and we decide). On Linux, if `setpriv` exists, it dies with us, even when we are killed with SIGKILL.
 */
export async function runChild(request: ChildRequest): Promise<ChildResult> {
  const { command, doing } = request;
  const program = await findProgram(command);
  if (!program) {
    throw new ShrinkError('tool-missing', say('child.not-found', { doing, command }), { doing, subject: command });
  }
  const launchers = await findLaunchers();
  throwIfAborted(request);
  await gateOpen(request);
  const inputs = new Inputs(request.inputsBy);
  const { fileSizeBytes: ownFileLimit = Infinity } = launchers.ceilings ?? {};
  const own = request.args.map(arg => inputs.nameOf(arg));
  const [launched, args] = launchedThrough(launchers, program, { ...request, args: own });
  return await new Promise((resolve, reject) =>
    startChild(
      launched,
      args,
      { ...request, inputs, ownFileLimit: lowerThan(request, ownFileLimit) },
      { resolve, reject },
    ),
  );
}

function lowerThan({ limits }: ChildRequest, own: number): number | undefined {
  return own < (limits?.fileSizeBytes ?? Infinity) ? own : undefined;
}

/** The descriptors a child gets after stdin, stdout and stderr. It opens each anew, and so reads from a position of its own. */
class Inputs {
  readonly #by: InputsBy;
  readonly #files: { path: string; fd: number }[] = [];

  constructor(by: InputsBy = 'descriptor') {
    this.#by = by;
  }

  get fds(): number[] {
    return this.#by === 'proc' ? [] : this.#files.map(file => file.fd);
  }

  nameOf(arg: ChildArg): string {
    if (typeof arg === 'string') return arg;
    const { prefix = '', file } = arg;
    return `${prefix}${file.fd === undefined ? file.path : this.#through(file.path, file.fd)}`;
  }

  #through(path: string, fd: number): string {
    const before = this.#files.findIndex(file => file.fd === fd);
    return this.#childName(before < 0 ? this.#files.push({ path, fd }) - 1 : before);
  }

  #childName(at: number): string {
    return this.#by === 'proc' ? `/proc/${process.pid}/fd/${this.#files[at]?.fd}` : throughDescriptor(FIRST_INPUT + at);
  }

  /** Names files as people know them. */
  inWords(line: string): string {
    return this.#files.reduce((words, { path }, at) => words.replaceAll(this.#childName(at), () => path), line);
  }
}

const FIRST_INPUT = 3;

interface Start extends ChildRequest {
  inputs: Inputs;
  /** The limit of file sizes that this process has itself, where it is lower than what the child was to have; bytes. */
  ownFileLimit?: number | undefined;
}

interface Settle {
  resolve(result: ChildResult): void;
  reject(error: unknown): void;
}

function startChild(command: string, args: string[], request: Start, settle: Settle): void {
  let child: ChildProcess;
  try {
    child = spawn(command, args, {
      cwd: request.cwd,
      env: request.env ?? childEnvironment(),
      stdio: [request.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...request.inputs.fds],
      detached: true,
      shell: false,
    });
  } catch (error) {
    return settle.reject(cannotStart(request, error));
  }
  const { stdout, stderr } = child;
  // Without descriptors for them there are no pipes, and the reason comes a moment later.
  if (!stdout || !stderr) return void child.once('error', error => settle.reject(cannotStart(request, error)));
  // Nobody has to read it.
  child.stdin?.on('error', () => {}).end(request.input);
  new Supervisor(child, request, settle).watch(stdout, stderr);
}

/** Watches one child from its start to its end, and settles its promise once, with the first reason there is. */
class Supervisor {
  readonly #child: ChildProcess;
  readonly #request: Start;
  readonly #settle: Settle;
  readonly #clock: Clock;
  readonly #timeLimit: PausableTimer;
  readonly #stallLimit: PausableTimer;
  readonly #stdout: string[] = [];
  #stdoutBytes = 0;
  readonly #stderrTail = new TailOfLines(8_000);
  /** Why it is being ended; only the first reason counts. */
  #reason: { error: unknown } | undefined;
  #isSettled = false;
  readonly #cleanUps: (() => void)[] = [];

  constructor(child: ChildProcess, request: Start, settle: Settle) {
    this.#child = child;
    this.#request = request;
    this.#settle = settle;
    this.#clock = request.clock ?? systemClock;
    const { doing, timeoutMs, stallMs } = request;
    this.#timeLimit = new PausableTimer(this.#clock, timeoutMs, () =>
      this.#end(this.#failure('timed-out', say('child.timed-out', { doing, ms: timeoutMs ?? 0 }))),
    );
    this.#stallLimit = new PausableTimer(this.#clock, stallMs, () =>
      this.#end(this.#failure('child-stalled', say('child.stalled', { doing, ms: stallMs ?? 0 }))),
    );
    this.#cleanUps.push(
      () => this.#timeLimit.stop(),
      () => this.#stallLimit.stop(),
    );
  }

  watch(stdout: Readable, stderr: Readable): void {
    const { pid } = this.#child;
    if (pid !== undefined) running.set(pid, this.#request.command);
    this.#followGate();
    this.#followSignal();
    this.#collect(stdout, stderr);
    // `error` comes instead of `close` if the program could not be started.
    this.#child.on('error', error => {
      if (pid !== undefined) return;
      this.#end(cannotStart(this.#request, error));
      this.#finish(null, null);
    });
    this.#child.on('close', (code, signal) => this.#finish(code, signal));
    this.#leaveAfterExit(stdout, stderr);
  }

  #followGate(): void {
    const { gate } = this.#request;
    if (!gate) return;
    const turn = (closed: boolean) => {
      if (this.#isSettled || this.#reason) return;
      signalGroup(this.#child, closed ? 'SIGSTOP' : 'SIGCONT');
      for (const timer of [this.#timeLimit, this.#stallLimit]) {
        if (closed) timer.pause();
        else timer.resume();
      }
    };
    this.#cleanUps.push(gate.onChange(turn));
    if (gate.closed) turn(true);
  }

  #followSignal(): void {
    const { signal } = this.#request;
    const onAbort = () => this.#end(this.#failure('cancelled', say('child.stopped', { doing: this.#request.doing })));
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#cleanUps.push(() => signal?.removeEventListener('abort', onAbort));
    if (signal?.aborted) onAbort();
  }

  #collect(stdout: Readable, stderr: Readable): void {
    const { isProgress, onStdoutLine, onStderrLine, maxLineChars, inputs } = this.#request;
    const { maxOutputBytes = DEFAULT_MAX_OUTPUT } = this.#request;
    const onLine = (line: string) => {
      if (isProgress?.(line) ?? true) this.#stallLimit.restart();
      if (onStdoutLine) this.#guard(() => onStdoutLine(line));
      else this.#keep(line);
    };
    // What is kept is bounded as a whole: a cut line would look complete.
    collectLines(stdout, onLine, onStdoutLine ? maxLineChars : maxOutputBytes + 1);
    collectLines(stderr, said => {
      const line = inputs.inWords(said);
      this.#stderrTail.add(line);
      if (onStderrLine) this.#guard(() => onStderrLine(line));
    });
  }

  #keep(line: string): void {
    const { doing, maxOutputBytes: bytes = DEFAULT_MAX_OUTPUT } = this.#request;
    this.#stdoutBytes += line.length + 1;
    if (this.#stdoutBytes <= bytes) this.#stdout.push(line);
    else this.#end(this.#failure('child-failed', say('child.too-much-output', { doing, bytes })));
  }

  /** A listener that throws must end the child and reach the caller, not the process. */
  #guard(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#end(error);
    }
  }

  #failure(code: 'timed-out' | 'child-stalled' | 'cancelled' | 'child-failed', message: Sentence): ShrinkError {
    const { doing, command } = this.#request;
    return new ShrinkError(code, message, { doing, subject: command });
  }

  #end(error: unknown): void {
    if (this.#reason || this.#isSettled) return;
    this.#reason = { error };
    // A stopped process does not receive SIGTERM until it is continued.
    signalGroup(this.#child, 'SIGTERM');
    signalGroup(this.#child, 'SIGCONT');
    const kill = () => {
      signalGroup(this.#child, 'SIGKILL');
      this.#cleanUps.push(this.#clock.after(KILL_TO_LEAVE_MS, () => this.#finish(null, null)));
    };
    this.#cleanUps.push(this.#clock.after(TERM_TO_KILL_MS, kill));
  }

  /** `close` waits for the pipes; a grandchild that inherited them must not keep us waiting after the end. */
  #leaveAfterExit(stdout: Readable, stderr: Readable): void {
    let chunks = 0;
    for (const pipe of [stdout, stderr]) pipe.on('data', () => void (chunks += 1));
    // After a suspension (SIGSTOP, a laptop's lid) the wait may be over before all output was read; that output still counts.
    const onceRead = (leave: () => void): void => {
      const before = chunks;
      setImmediate(() => (chunks === before ? leave() : onceRead(leave)));
    };
    this.#child.on('exit', (code, signal) => {
      const leave = () => onceRead(() => this.#finish(code, signal));
      this.#cleanUps.push(this.#clock.after(TERM_TO_KILL_MS, leave));
    });
  }

  #finish(exitCode: number | null, endSignal: NodeJS.Signals | null): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    // What it started may have stayed when it went.
    if (this.#reason) signalGroup(this.#child, 'SIGKILL');
    for (const cleanUp of this.#cleanUps) cleanUp();
    if (this.#child.pid !== undefined) running.delete(this.#child.pid);
    const stderrTail = this.#stderrTail.text();
    const end = new ChildEnd(exitCode, endSignal, stderrTail);
    if (this.#reason) this.#settle.reject(withCause(this.#reason.error, end));
    else if (exitCode === 0) this.#settle.resolve({ stdout: this.#stdout.join('\n'), stderrTail });
    else this.#settle.reject(errorOfEnd(this.#request, end));
  }
}

/** Why a program could not be started at all. */
function cannotStart({ command, doing, cwd }: ChildRequest, error: unknown): ShrinkError {
  const { code, message: said } = error as NodeJS.ErrnoException;
  if (SHORTAGES.has(code ?? '')) {
    return new ShrinkError('io', say('child.cannot-start-now', { doing, command, said }), {
      doing,
      subject: command,
      hint: say('child.cannot-start-now-hint'),
      cause: error,
    });
  }
  // The system reports a missing working directory as a missing program.
  if (cwd !== undefined && !existsSync(cwd)) {
    return new ShrinkError('unavailable', say('child.no-work-folder', { doing, folder: cwd }), {
      doing,
      subject: cwd,
      hint: say('child.no-work-folder-hint'),
    });
  }
  return new ShrinkError('tool-missing', say('child.cannot-start', { doing, command, said }), {
    doing,
    subject: command,
  });
}

const SHORTAGES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM']);

/** The same error with the evidence; an error that already has a cause keeps it. */
function withCause(error: unknown, cause: ChildEnd): unknown {
  if (isShrinkError(error) && error.cause === undefined) error.cause = cause;
  return error;
}

function throwIfAborted({ signal, doing }: ChildRequest): void {
  if (signal?.aborted) throw new ShrinkError('cancelled', say('child.stopped', { doing }), { doing });
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

/** Children have their own group, so that whatever they started ends with them. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has already ended; `close` is on its way.
  }
}

/** What finds the drivers of graphics cards, for the children that use one. */
const DRIVER_VARIABLES = ['LIBVA_DRIVER_NAME', 'LIBVA_DRIVERS_PATH', 'CUDA_VISIBLE_DEVICES'] as const;

/** The environment of a child that encodes on a device: the usual one, and where its driver is. */
export function driverEnvironment(): NodeJS.ProcessEnv {
  const own = DRIVER_VARIABLES.flatMap(name => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return { ...childEnvironment(), ...(Object.fromEntries(own) as NodeJS.ProcessEnv) };
}

/** No secrets, no locale: messages must be the ones we know, numbers must have a decimal point. */
function childEnvironment(): NodeJS.ProcessEnv {
  const { PATH, LD_LIBRARY_PATH } = process.env;
  // Custom builds of ffmpeg are often found through LD_LIBRARY_PATH.
  return { LANG: 'C', LC_ALL: 'C', AV_LOG_FORCE_NOCOLOR: '1', PATH, LD_LIBRARY_PATH };
}
