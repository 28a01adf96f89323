import { ShrinkError } from '../../core/errors.ts';

/** The evidence behind an error about a child: its `cause`. For decisions use the error's code. */
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

/** Which error an end that nobody asked for is. Decided from the signal and from what the C library says on stderr. */
export function errorOfEnd(request: { doing: string; command: string }, end: ChildEnd): ShrinkError {
  const facts = { doing: request.doing, subject: request.command, cause: end };
  if (FULL_DISK.test(end.stderrTail)) {
    return new ShrinkError('no-space', `${request.doing}: the disk is full`, {
      ...facts,
      hint: 'Free some space where state_dir is; shrinkbox goes on by itself.',
    });
  }
  if (/Cannot allocate memory|std::bad_alloc|Out of memory|malloc.*fail/i.test(end.stderrTail)) {
    return new ShrinkError('out-of-memory', `${request.doing}: there was not enough memory`, facts);
  }
  if (end.endSignal === 'SIGKILL') {
    return new ShrinkError(
      'out-of-memory',
      `${request.doing}: it was killed from outside, usually because memory ran out`,
      facts,
    );
  }
  if (end.endSignal === 'SIGXCPU') {
    return new ShrinkError('timed-out', `${request.doing}: it used more processor time than it may`, facts);
  }
  if (end.endSignal === 'SIGXFSZ') {
    return new ShrinkError('unsafe-media', `${request.doing}: it wrote far more than the source can hold`, {
      ...facts,
      hint: 'The file says that it is much longer than it is; copy or export it again.',
    });
  }
  if (end.endSignal || wasToldToEnd(end)) {
    const by = end.endSignal ?? 'a signal from outside';
    return new ShrinkError('child-killed', `${request.doing}: it was ended by ${by}`, facts);
  }
  return new ShrinkError(
    'child-failed',
    `${request.doing}: ${lastWords(end.stderrTail) || `exit code ${end.exitCode}`}`,
    facts,
  );
}

/**
 * ffmpeg catches SIGINT, SIGTERM and SIGQUIT, closes its files and exits with 255. From ffmpeg 6 on 255 is also what EPERM
 * looks like, but then it says so.
 */
function wasToldToEnd({ exitCode, stderrTail }: ChildEnd): boolean {
  return exitCode === 255 && (lastWords(stderrTail) === '' || /received signal \d+/.test(stderrTail));
}

/** The last line of stderr that says something, without ffmpeg's `[mov @ 0x55...]`, for people. */
export function lastWords(stderrTail: string): string {
  const lines = stderrTail
    .split('\n')
    .map(line => line.replace(/\[[^\]]* @ 0x[0-9a-f]+\] ?/g, '').trim())
    .filter(line => line !== '' && !/^Conversion failed!?$/.test(line));
  return (lines.at(-1) ?? '').slice(0, 300);
}

/** The last is how x264 says it of the notes of a first pass. */
const FULL_DISK = /No space left on device|Disk quota exceeded|stats file could not be written/;
