/**
 * Tells systemd how the daemon is doing (sd_notify). Node has no unix datagram sockets, so each message is one run of
 * `systemd-notify` (about 10 ms; the unit needs NotifyAccess=all). Outside systemd all of it does nothing.
 */
import { execFile } from 'node:child_process';
import type { Logger } from './log.ts';

export interface Notifier {
  /** False outside systemd: nothing is sent. */
  readonly active: boolean;
  /** Replay and first scan are over: files are being worked at. Also ends `reloading`. */
  ready(): void;
  /** One line for `systemctl status`. Repeated text is not sent again. */
  status(text: string): void;
  reloading(): void;
  stopping(): void;
  /** Start or stop takes longer: do not give up for another `ms`. */
  extendTimeout(ms: number): void;
  /**
   * Feeds the watchdog at half its interval for as long as `alive` says that work can move; a daemon that only turns its
   * event loop is meant to be killed. Returns a function that ends it. Nothing happens where no watchdog is set.
   */
  watch(alive: () => boolean): () => void;
  /** Resolves when everything was handed over, or after a few seconds. */
  flush(): Promise<void>;
}

/** Sends one message; rejects when that failed. */
type Send = (variables: readonly string[]) => Promise<void>;

export interface NotifierOptions {
  env: NodeJS.ProcessEnv;
  log: Logger;
  /** Process id the watchdog is meant for; a child that inherited the environment must not feed it. */
  pid?: number;
  send?: Send;
}

const TOOL = 'systemd-notify';
const SEND_TIMEOUT_MS = 5_000;

export function createNotifier(options: NotifierOptions): Notifier {
  const { env, log } = options;
  if (!env.NOTIFY_SOCKET) return SILENT;
  const send = options.send ?? (variables => execNotify(variables, env));
  let last = Promise.resolve();
  let failed = false;
  let said = '';
  // One after the other: STOPPING must not overtake READY.
  const queue = (...variables: string[]) => {
    last = last
      .then(() => send(variables))
      .catch(error => {
        if (!failed) log.warn({ err: error }, `systemd cannot be told how things are: ${TOOL} failed`);
        failed = true;
      });
  };
  return {
    active: true,
    ready: () => queue('READY=1'),
    status(text) {
      const line = oneLine(text);
      if (line !== said) queue(`STATUS=${line}`);
      said = line;
    },
    reloading: () => queue('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping: () => queue('STOPPING=1'),
    extendTimeout: ms => queue(`EXTEND_TIMEOUT_USEC=${Math.round(ms * 1000)}`),
    watch(alive) {
      const everyMs = watchdogMs(env, options.pid ?? process.pid) / 2;
      if (!Number.isFinite(everyMs)) return () => {};
      const timer = setInterval(() => {
        if (alive()) queue('WATCHDOG=1');
      }, everyMs);
      timer.unref();
      return () => clearInterval(timer);
    },
    flush: () => last,
  };
}

const SILENT: Notifier = {
  active: false,
  ready() {},
  status() {},
  reloading() {},
  stopping() {},
  extendTimeout() {},
  watch: () => () => {},
  flush: async () => {},
};

/** Milliseconds within which systemd wants to hear from us; Infinity where it does not. */
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

function execNotify(variables: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const few = { PATH: env.PATH ?? '/usr/bin:/bin', NOTIFY_SOCKET: env.NOTIFY_SOCKET };
  return new Promise((resolve, reject) => {
    // Not --no-block: it would end before systemd has read the message, which then no longer knows whose it was and drops it.
    execFile(TOOL, [...variables], { env: few, timeout: SEND_TIMEOUT_MS }, error =>
      error ? reject(error) : resolve(),
    );
  });
}
