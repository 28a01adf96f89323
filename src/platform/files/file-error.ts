import { type ErrorCode, ShrinkError } from '../../core/errors.ts';
import type { Sentence } from '../../core/message.ts';
import { say } from '../../messages/say.ts';

/** Our code for an errno of Node's; a file operation that fails with any other errno is `io`. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'gone',
  ENOTDIR: 'gone',
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
  EAGAIN: 'unavailable',
  ETXTBSY: 'unavailable',
  ESTALE: 'unavailable',
  ENOTCONN: 'unavailable',
  EHOSTDOWN: 'unavailable',
  ENODEV: 'unavailable',
  ENXIO: 'unavailable',
  ENAMETOOLONG: 'bad-name',
  EILSEQ: 'bad-name',
};

/** What a person can do about each, unless the caller knows something better. */
const HINTS: Readonly<Partial<Record<ErrorCode, Sentence>>> = {
  'no-space': say('files.hint-no-space'),
  denied: say('files.hint-denied'),
  unavailable: say('files.hint-unavailable'),
  'bad-name': say('files.hint-bad-name'),
};

/** The same where the code says less than the errno. */
const HINTS_BY_ERRNO: Readonly<Record<string, Sentence>> = {
  EAGAIN: say('files.hint-leased'),
  ETXTBSY: say('files.hint-being-run'),
  EDQUOT: say('files.hint-quota'),
  EROFS: say('files.hint-read-only'),
  ESTALE: say('files.hint-stale'),
};

/**
 * Turns whatever a file operation threw into an error of ours; our own errors pass through unchanged.
 * @param doing completes "while ...", with the path where it helps: `reading /a/b`
 */
export function fileError(
  error: unknown,
  doing: Sentence | string,
  path: string,
  hint?: Sentence | string,
): ShrinkError {
  if (error instanceof ShrinkError) return error;
  const errno = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const code = CODES[errno] ?? 'io';
  const message = say('files.failed', { doing, said: systemWords(error), errno });
  return new ShrinkError(code, message, {
    doing,
    subject: path,
    hint: hint ?? (keepsNames(error) ? say('files.hint-append-only') : HINTS_BY_ERRNO[errno]) ?? HINTS[code],
    cause: error,
  });
}

/** Whether a folder lets nobody take a name away, not even its owner: an attribute of it, where files could be made. */
export function keepsNames(error: unknown): boolean {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return code === 'EPERM' && (syscall === 'unlink' || syscall === 'rename');
}

/** Node's `ENOENT: no such file or directory, open '/a/b'` without the code before it and the call after it. */
function systemWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  const words = code !== undefined && message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message;
  const call = syscall === undefined ? -1 : words.lastIndexOf(`, ${syscall}`);
  return call < 0 ? words : words.slice(0, call);
}

/** What a disk answers that has no room, or a quota that is used up; `ESHORT` is ours, for a write that ended early. */
const FULL_ERRNOS: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'ESHORT']);

/** Whether an error, or what caused it, is a disk without room: that passes, and nothing else has to be put right. */
export function isOutOfRoom(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof ShrinkError && error.code === 'no-space') return true;
  return FULL_ERRNOS.has((error as NodeJS.ErrnoException).code ?? '') || isOutOfRoom(error.cause);
}

/** Failures of the machine, whoever made the call: a disk that fails or is full, no descriptors, no memory, a missing share. */
const MACHINE_ERRNOS: ReadonlySet<string> = new Set([
  ...['EIO', 'ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'ENFILE', 'ENOMEM'],
  ...['ESTALE', 'ENOTCONN', 'EHOSTDOWN', 'ENODEV', 'ENXIO'],
]);

/** An unwrapped error that is the machine's fault and not a bug of ours, for the job of `path`; `undefined` for any other. */
export function machineError(error: unknown, path: string): ShrinkError | undefined {
  const errno = (error as NodeJS.ErrnoException | undefined)?.code;
  if (errno === undefined || !MACHINE_ERRNOS.has(errno)) return undefined;
  return fileError(error, say('files.working'), path);
}
