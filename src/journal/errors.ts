import { ShrinkError } from '../core/errors.ts';

/** Whatever stopped a write to the journal, as the error the daemon stops with. */
export function writeError(error: unknown, doing: string, path: string): ShrinkError {
  const said = error instanceof Error ? error.message : String(error);
  const full = isErrno(error) && ['ENOSPC', 'EDQUOT', 'EFBIG', 'ESHORT'].includes(error.code);
  const remedy = full ? 'Make room on the disk of the state directory' : 'Check the disk of the state directory';
  return new ShrinkError('journal-write', `the journal cannot be written: ${said}`, {
    doing,
    subject: path,
    hint: `${remedy}, then start shrinkbox again; it continues where the journal ends.`,
    cause: error,
  });
}

export function closedError(): ShrinkError {
  return new ShrinkError('journal-write', 'the journal is closed: shrinkbox is stopping', {
    doing: 'writing the journal',
  });
}

/** An error of the system (or a short write), as opposed to a bug. */
export function isErrno(error: unknown): error is Error & { code: string } {
  if (error instanceof ShrinkError || !(error instanceof Error)) return false;
  return /^E[A-Z0-9]+$/.test(String((error as NodeJS.ErrnoException).code));
}
