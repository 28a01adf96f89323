import { isShrinkError } from '../core/errors.ts';

/** What a folder that is not there, not reachable or not ours to read answers. */
const AWAY: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ESTALE',
  'EIO',
  'ENOTCONN',
  'EHOSTDOWN',
  'ENODEV',
  'ENXIO',
  'ETIMEDOUT',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EACCES',
  'EPERM',
  'ELOOP',
]);

/** Whether an error says that a folder is away, and may be back; anything else is a mistake of ours. */
export function meansAway(error: unknown): boolean {
  return isShrinkError(error, 'unavailable') || AWAY.has((error as NodeJS.ErrnoException).code ?? '');
}

/** Why a folder is away, for people; the folder itself is named beside it. */
export function whyAway(error: unknown): string {
  if (isShrinkError(error)) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'it does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'it may not be read by the user shrinkbox runs as';
  return `it cannot be read (${message})`;
}
