/**
 * Reports the daemon's status to systemd (sd_notify). Node has no unix datagram sockets, so each message is one run of
 * `systemd-notify` (about 10 ms; the unit needs NotifyAccess=all).
 */
import { execFile } from 'node:child_process';
import type { Logger } from './log.ts';

/** Sends one message; rejects if that failed. */
type Send = (variables: readonly string[]) => Promise<void>;

export interface SystemdNotifierOptions {
  env: NodeJS.ProcessEnv;
  log: Logger;
  /** Process id the watchdog is meant for; a child that inherited the environment must not feed it. */
  pid?: number;
  send?: Send;
}

const TOOL = 'systemd-notify';
const SEND_TIMEOUT_MS = 5_000;

/** Outside systemd (no NOTIFY_SOCKET) it sends nothing. Messages arrive in the order of the calls. */
export class SystemdNotifier {
  /** False outside systemd. */
  readonly active: boolean;
  readonly #log: Logger;
  readonly #send: Send;
  readonly #watchdogMs: number;
  #last: Promise<void> = Promise.resolve();
  #hasFailed = false;
  #lastStatus = '';

  constructor({ env, log, pid = process.pid, send }: SystemdNotifierOptions) {
    this.active = Boolean(env.NOTIFY_SOCKET);
    this.#log = log;
    this.#send = send ?? (variables => runNotify(variables, env));
    this.#watchdogMs = watchdogMs(env, pid);
  }

  /** The daemon is up and processes files. Also ends `reloading`. */
  ready(): void {
    this.#queue('READY=1');
  }

  /** One line for `systemctl status`. Repeated text is not sent again. */
  status(text: string): void {
    const line = oneLine(text);
    if (line !== this.#lastStatus) this.#queue(`STATUS=${line}`);
    this.#lastStatus = line;
  }

  reloading(): void {
    this.#queue('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  stopping(): void {
    this.#queue('STOPPING=1');
  }

  /** Start or stop takes longer: do not give up for another `ms`. */
  extendTimeout(ms: number): void {
    this.#queue(`EXTEND_TIMEOUT_USEC=${Math.round(ms * 1000)}`);
  }

  /**
   * Feeds the watchdog at half its interval for as long as `alive` says that work can progress; a daemon that only turns its
   * event loop should be killed. Returns a function that ends it. Does nothing if no watchdog is set.
   */
  watch(alive: () => boolean): () => void {
    const everyMs = this.#watchdogMs / 2;
    if (!this.active || !Number.isFinite(everyMs)) return () => {};
    const timer = setInterval(() => {
      if (alive()) this.#queue('WATCHDOG=1');
    }, everyMs);
    timer.unref();
    return () => clearInterval(timer);
  }

  /** Resolves when every message was sent, or gives up after a few seconds. */
  flush(): Promise<void> {
    return this.#last;
  }

  /** One after another: STOPPING must not overtake READY. */
  #queue(...variables: string[]): void {
    if (!this.active) return;
    this.#last = this.#last
      .then(() => this.#send(variables))
      .catch(error => {
        if (!this.#hasFailed) this.#log.warn({ err: error }, `cannot notify systemd: ${TOOL} failed`);
        this.#hasFailed = true;
      });
  }
}

/** Milliseconds within which systemd expects a sign of life; Infinity without a watchdog. */
function watchdogMs(env: NodeJS.ProcessEnv, pid: number): number {
  const usec = Number(env.WATCHDOG_USEC ?? '');
  if (!(usec > 0)) return Number.POSITIVE_INFINITY;
  const meant = env.WATCHDOG_PID;
  return meant === undefined || meant === String(pid) ? usec / 1000 : Number.POSITIVE_INFINITY;
}

/** A newline would begin another variable. */
function oneLine(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 500);
}

function runNotify(variables: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const few = { PATH: env.PATH ?? '/usr/bin:/bin', NOTIFY_SOCKET: env.NOTIFY_SOCKET };
  return new Promise((resolve, reject) => {
    // Not --no-block: it would end before systemd reads the message, and systemd drops one whose sender it cannot find.
    execFile(TOOL, [...variables], { env: few, timeout: SEND_TIMEOUT_MS }, error =>
      error ? reject(error) : resolve(),
    );
  });
}
