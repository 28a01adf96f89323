/**
 * What can go wrong, by origin, and what the daemon does about it. An error is decided on by its `code`, never by its
 * text. Every error says what was being done, to what, and what a person can do; secrets never enter one.
 */

/** Closed set of codes; each has exactly one row in ADVICE below. */
export type ErrorCode =
  // platform/files: the file system
  | 'gone'
  | 'changed-underneath'
  | 'no-space'
  | 'denied'
  | 'unavailable'
  | 'io'
  | 'bad-name'
  // platform/subprocess: children
  | 'tool-missing'
  | 'child-failed'
  | 'child-killed'
  | 'child-stalled'
  | 'timed-out'
  | 'out-of-memory'
  | 'cancelled'
  // the source itself
  | 'not-media'
  | 'no-video'
  | 'unsafe-media'
  | 'incomplete-media'
  // what was asked for
  | 'cannot-do'
  | 'cannot-fit'
  // what came out
  | 'verify-failed'
  // engine/nemo: the cloud
  | 'unreachable'
  | 'rate-limited'
  | 'auth-expired'
  | 'auth-missing'
  | 'session-gone'
  | 'out-of-credits'
  | 'plan-blocked'
  | 'unsupported-file'
  | 'file-too-large'
  | 'outcome-unknown'
  | 'unconfirmed'
  | 'still-rendering'
  | 'render-failed'
  | 'bad-answer'
  | 'bad-request'
  // journal and state directory
  | 'locked'
  | 'damaged'
  | 'newer-version'
  | 'journal-write'
  // the person's side
  | 'usage'
  | 'config-invalid';

export interface ErrorFacts {
  /** What was being done, as in "while …": `encoding pass 1`. */
  doing?: string;
  /** The path, job or URL it happened to; no secrets. */
  subject?: string;
  /** What a person can do about it, a whole sentence. */
  hint?: string;
  cause?: unknown;
  /** How long the other side asked us to wait (Retry-After), in milliseconds. */
  retryAfterMs?: number;
}

/** The one error class of ours: anything else that is thrown is a bug (exit 1). */
export class ShrinkError extends Error {
  override readonly name = 'ShrinkError';
  readonly code: ErrorCode;
  readonly doing: string | undefined;
  readonly subject: string | undefined;
  readonly hint: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.doing = facts.doing;
    this.subject = facts.subject;
    this.hint = facts.hint;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

export function isShrinkError(error: unknown, ...codes: ErrorCode[]): error is ShrinkError {
  return error instanceof ShrinkError && (codes.length === 0 || codes.includes(error.code));
}

/**
 * What the queue does about an error.
 * - `wait`: the world's fault; try again by itself, nothing is used up, for as long as it takes.
 * - `retry`: maybe passing; up to `times` further attempts, then `failed`.
 * - `hold`: a person must act. `fail`: the source or the request is at fault; a report says why.
 * - `superseded`: the source is no longer what the job was about; a new version is queued if it is still there.
 * - `pause-engine`: every job of that engine would meet the same; pause the engine once, keep the job.
 * - `ask`: a paid step may have happened: `in-doubt`, never repeated unasked.
 * - `cancel`: somebody asked for it. `stop`: the daemon cannot go on safely.
 */
export type Advice =
  | { kind: 'wait'; firstMs: number; maxMs: number }
  | { kind: 'retry'; times: number; firstMs: number }
  | { kind: 'hold' }
  | { kind: 'fail' }
  | { kind: 'superseded' }
  | { kind: 'pause-engine'; forMs: number }
  | { kind: 'ask' }
  | { kind: 'cancel' }
  | { kind: 'stop'; exitCode: number };

const SECOND = 1000;
const MINUTE = 60 * SECOND;

const ADVICE: Readonly<Record<ErrorCode, Advice>> = {
  gone: { kind: 'superseded' },
  'changed-underneath': { kind: 'superseded' },
  'no-space': { kind: 'wait', firstMs: 30 * SECOND, maxMs: 5 * MINUTE },
  denied: { kind: 'hold' },
  unavailable: { kind: 'wait', firstMs: 10 * SECOND, maxMs: 5 * MINUTE },
  io: { kind: 'wait', firstMs: MINUTE, maxMs: 30 * MINUTE },
  'bad-name': { kind: 'fail' },
  // An upgrade takes ffmpeg away for a moment; nobody should have to retry a folder of jobs for that.
  'tool-missing': { kind: 'wait', firstMs: 30_000, maxMs: 900_000 },
  'child-failed': { kind: 'fail' },
  'child-killed': { kind: 'retry', times: 2, firstMs: 5 * SECOND },
  'child-stalled': { kind: 'retry', times: 1, firstMs: 5 * SECOND },
  'timed-out': { kind: 'retry', times: 1, firstMs: 30 * SECOND },
  // A source that meets this three times is set aside all the same: it may be the source that eats the memory.
  'out-of-memory': { kind: 'retry', times: 2, firstMs: 30 * SECOND },
  cancelled: { kind: 'cancel' },
  'not-media': { kind: 'fail' },
  'no-video': { kind: 'fail' },
  'unsafe-media': { kind: 'fail' },
  'incomplete-media': { kind: 'fail' },
  'cannot-do': { kind: 'hold' },
  'cannot-fit': { kind: 'hold' },
  'verify-failed': { kind: 'retry', times: 1, firstMs: 5 * SECOND },
  unreachable: { kind: 'wait', firstMs: 30 * SECOND, maxMs: 15 * MINUTE },
  'rate-limited': { kind: 'wait', firstMs: 30 * SECOND, maxMs: 15 * MINUTE },
  'auth-expired': { kind: 'hold' },
  'auth-missing': { kind: 'hold' },
  'session-gone': { kind: 'hold' },
  'out-of-credits': { kind: 'pause-engine', forMs: 60 * MINUTE },
  'plan-blocked': { kind: 'pause-engine', forMs: 60 * MINUTE },
  'unsupported-file': { kind: 'fail' },
  'file-too-large': { kind: 'hold' },
  'outcome-unknown': { kind: 'ask' },
  // The engine asked and still does not know: only a person may have a paid step repeated.
  unconfirmed: { kind: 'hold' },
  'still-rendering': { kind: 'hold' },
  'render-failed': { kind: 'hold' },
  'bad-answer': { kind: 'hold' },
  'bad-request': { kind: 'fail' },
  locked: { kind: 'stop', exitCode: 11 },
  damaged: { kind: 'stop', exitCode: 14 },
  'newer-version': { kind: 'stop', exitCode: 14 },
  'journal-write': { kind: 'stop', exitCode: 1 },
  usage: { kind: 'stop', exitCode: 2 },
  'config-invalid': { kind: 'stop', exitCode: 10 },
};

export function adviceFor(code: ErrorCode): Advice {
  return ADVICE[code];
}

/** Delay before try `n` (0-based) of a `wait` advice: doubles from `firstMs` to `maxMs`, milliseconds. */
export function backoffMs(advice: { firstMs: number; maxMs?: number }, n: number): number {
  return Math.min(advice.firstMs * 2 ** Math.min(n, 20), advice.maxMs ?? Number.MAX_SAFE_INTEGER);
}

/** Node's errno codes to ours; the places where files are touched wrap with this. */
function codeOfErrno(errno: string | undefined): ErrorCode {
  switch (errno) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'gone';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'no-space';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'denied';
    case 'ESTALE':
    case 'ENOTCONN':
    case 'EHOSTDOWN':
    case 'ENODEV':
    case 'ENXIO':
      return 'unavailable';
    case 'ENAMETOOLONG':
    case 'EILSEQ':
      return 'bad-name';
    default:
      return 'io';
  }
}

/** Wraps whatever was thrown by a file operation; passes our own errors through unchanged. */
export function fileError(error: unknown, doing: string, path: string, hint?: string): ShrinkError {
  if (error instanceof ShrinkError) return error;
  const errno = (error as NodeJS.ErrnoException | undefined)?.code;
  const code = codeOfErrno(errno);
  const said =
    error instanceof Error ? error.message.replace(/,? (open|stat|lstat|link|rename|unlink).*$/, '') : String(error);
  return new ShrinkError(code, `${doing}: ${said}`, {
    doing,
    subject: path,
    hint: hint ?? FILE_HINTS[code],
    cause: error,
  });
}

/** What the machine did to a call, whoever made it: a disk that fails or is full, no descriptors, no memory, a share that is gone. */
const MACHINE_ERRNOS: ReadonlySet<string> = new Set([
  ...['EIO', 'ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'ENFILE', 'ENOMEM'],
  ...['ESTALE', 'ENOTCONN', 'EHOSTDOWN', 'ENODEV', 'ENXIO'],
]);

/** An error nobody wrapped that is the machine's and no bug of ours, for the job of `path`; `undefined` for any other. */
export function machineError(error: unknown, path: string): ShrinkError | undefined {
  const errno = (error as NodeJS.ErrnoException | undefined)?.code;
  return errno !== undefined && MACHINE_ERRNOS.has(errno) ? fileError(error, 'working on the file', path) : undefined;
}

const FILE_HINTS: Partial<Record<ErrorCode, string>> = {
  'no-space': 'Free some space; shrinkbox goes on by itself.',
  denied: 'Check the permissions of that path for the user shrinkbox runs as (shrinkbox doctor tests every folder).',
  unavailable: 'Check that the disk or share is mounted; shrinkbox goes on by itself when it is back.',
  'bad-name': 'Rename the file to a shorter, plain name.',
};
