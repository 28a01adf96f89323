import { isShrinkError } from '../../core/errors.ts';
import { EXIT, exitCodeFor } from '../support/exit-codes.ts';

/** One thing `doctor` looked at. */
export interface CheckResult {
  about: string;
  result: 'ok' | 'warn' | 'bad';
  said: string;
  /** What to do about it. */
  fix?: string;
  /** Exit code of a bad finding; 3 where none of the special ones fits. */
  code?: number;
}

/** What went wrong, as a finding. @throws what is not a ShrinkError: a bug. */
export function bad(about: string, error: unknown): CheckResult {
  if (!isShrinkError(error)) throw error;
  const code = exitCodeFor(error);
  return {
    about,
    result: 'bad',
    said: error.message,
    ...(error.hint ? { fix: error.hint } : {}),
    ...(code === EXIT.unexpected ? {} : { code }),
  };
}
