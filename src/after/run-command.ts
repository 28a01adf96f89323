/** One program, run without a shell: the job on its standard input, bounded in time and output, with what it needs of our environment. */
import { isShrinkError } from '../core/errors.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { ChildEnd } from '../platform/process/exit-status.ts';
import { TailOfLines } from '../platform/process/lines.ts';
import { runChild } from '../platform/process/run-child.ts';

/** Of what it prints, this many characters are kept for the log. */
const MAX_SAID = 4_000;
const MAX_LINE = 1_000;

export interface CommandOutcome {
  /** Why it failed; absent if it ended with exit code 0. */
  problem?: Sentence;
  /** The last lines it printed. */
  said: string;
}

/** @param command `run`: the program and its arguments; `timeout`: milliseconds until it is ended, with all in its process group */
export async function runCommand(
  { run: [program = '', ...args], timeout }: { run: readonly string[]; timeout: number },
  { input, env, signal }: { input: string; env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<CommandOutcome> {
  const said = new TailOfLines(MAX_SAID);
  const keep = (line: string) => said.add(line);
  try {
    await runChild({
      ...{ command: program, args, input, env: neededOf(env), signal, timeoutMs: timeout },
      ...{ doing: say('after.running'), onStdoutLine: keep, onStderrLine: keep, maxLineChars: MAX_LINE },
    });
    return { said: said.text() };
  } catch (error) {
    return { problem: problemOf(error, timeout), said: said.text() };
  }
}

function problemOf(error: unknown, ms: number): Sentence {
  if (!isShrinkError(error)) throw error;
  if (error.code === 'tool-missing') return say('after.not-found');
  if (error.code === 'timed-out') return say('after.too-slow', { ms });
  if (error.code === 'cancelled') return say('after.interrupted');
  const end = error.cause;
  if (end instanceof ChildEnd && end.endSignal) return say('after.signalled', { signal: end.endSignal });
  return say('after.exit-code', { exit: (end instanceof ChildEnd ? end.exitCode : undefined) ?? -1 });
}

/**
 * What programs need of ours to be found, to speak the user's language, to keep their files and to reach the network. Everything
 * else may be a secret of the daemon's, whatever its name.
 */
const NEEDED = new Set([
  ...[
    'PATH',
    'LD_LIBRARY_PATH',
    'HOME',
    'USER',
    'LOGNAME',
    'SHELL',
    'PWD',
    'HOSTNAME',
    'TZ',
    'TERM',
    'LANG',
    'LANGUAGE',
  ],
  ...[
    'TMPDIR',
    'TMP',
    'TEMP',
    'SSL_CERT_FILE',
    'SSL_CERT_DIR',
    'DISPLAY',
    'WAYLAND_DISPLAY',
    'DBUS_SESSION_BUS_ADDRESS',
  ],
]);
/** Locale, the user's folders, proxies. */
const NEEDED_KINDS = /^(LC_[A-Z]+|XDG_[A-Z_]+|(?:https?|ftp|all|no)_proxy)$/i;
/** `http://user:password@proxy` */
const SECRET_VALUE = /:\/\/[^/?#\s]*@/;

/** The environment of a command: of ours, what it needs and nothing else. Pure. */
export function neededOf(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isNeeded = (name: string) => NEEDED.has(name) || NEEDED_KINDS.test(name);
  return Object.fromEntries(
    Object.entries(env).filter(([name, value]) => isNeeded(name) && !SECRET_VALUE.test(value ?? '')),
  );
}
