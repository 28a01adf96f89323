import { type ErrorCode, ShrinkError } from '../../core/errors.ts';
import type { Sentence } from '../../core/message.ts';
import { say } from '../../messages/say.ts';

/** The evidence behind an error about a child: its `cause`. Decisions use the error's code. */
export class ChildEnd extends Error {
  override readonly name = 'ChildEnd';
  readonly exitCode: number | null;
  readonly endSignal: NodeJS.Signals | null;
  readonly stderrTail: string;

  constructor(exitCode: number | null, endSignal: NodeJS.Signals | null, stderrTail: string) {
    super(endSignal ? `ended by ${endSignal}` : `exit code ${exitCode}`);
    this.exitCode = exitCode;
    this.endSignal = endSignal;
    this.stderrTail = stderrTail;
  }
}

/** Which error an unrequested end is. Decided from the signal and from the C library's messages on stderr. */
export function errorOfEnd(
  request: { doing: Sentence | string; command: string; ownFileLimit?: number | undefined },
  end: ChildEnd,
): ShrinkError {
  const { doing, command, ownFileLimit } = request;
  const { endSignal, exitCode, stderrTail } = end;
  const error = (code: ErrorCode, message: Sentence, hint?: Sentence) =>
    new ShrinkError(code, message, { doing, subject: command, hint, cause: end });
  if (FULL_DISK.test(stderrTail)) {
    return error('no-space', say('child.disk-full', { doing }), say('child.disk-full-hint'));
  }
  if (NO_MEMORY.test(stderrTail)) return error('out-of-memory', say('child.out-of-memory', { doing }));
  if (endSignal === 'SIGKILL') return error('out-of-memory', say('child.killed-outside', { doing }));
  if (endSignal === 'SIGXCPU') return error('timed-out', say('child.cpu-limit', { doing }));
  if (endSignal === 'SIGXFSZ' && ownFileLimit !== undefined) {
    const message = say('child.own-file-limit', { doing, bytes: ownFileLimit });
    return error('denied', message, say('child.own-file-limit-hint'));
  }
  if (endSignal === 'SIGXFSZ') {
    return error('unsafe-media', say('child.file-limit', { doing }), say('child.file-limit-hint'));
  }
  if (endSignal) return error('child-killed', say('child.signalled', { doing, signal: endSignal }));
  if (wasToldToEnd(end)) return error('child-killed', say('child.signalled-outside', { doing }));
  const said = lastWords(stderrTail);
  const message = said ? say('child.failed', { doing, said }) : say('child.exit-code', { doing, exit: exitCode ?? -1 });
  return error('child-failed', message);
}

/** x264's first pass says it about its own file; the rest is the C library's text. */
const FULL_DISK = /No space left on device|Disk quota exceeded|stats file could not be written/;
const NO_MEMORY = /Cannot allocate memory|std::bad_alloc|Out of memory|malloc.*fail/i;

/**
 * ffmpeg catches SIGINT, SIGTERM and SIGQUIT, closes its files and exits with 255. Since ffmpeg 6, 255 is also what EPERM
 * looks like, but then it prints that.
 */
function wasToldToEnd({ exitCode, stderrTail }: ChildEnd): boolean {
  return exitCode === 255 && (lastWords(stderrTail) === '' || /received signal \d+/.test(stderrTail));
}

/** What ffmpeg adds behind its reason: of its options, which people here don't write. */
const NO_REASON = /^(?:Conversion failed!?|To ignore this, add a trailing .*)$/;

/** The last line of stderr with words in it, without ffmpeg's `[mov @ 0x55...]`, for people. */
export function lastWords(stderrTail: string): string {
  const lines = stderrTail
    .split('\n')
    .map(line => line.replace(/\[[^\]]* @ 0x[0-9a-f]+\] ?/g, '').trim())
    .filter(line => line !== '' && !NO_REASON.test(line));
  return (lines.at(-1) ?? '').slice(0, 300);
}
