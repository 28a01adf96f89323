import { isShrinkError } from '../../core/errors.ts';
import { EXIT, exitCodeFor } from '../support/exit-codes.ts';

/** The outcome of one check; `doctor --json` prints these as its findings. */
export interface CheckResult {
  about: string;
  result: 'ok' | 'warn' | 'bad';
  said: string;
  /** What to do about it. */
  fix?: string;
  /** Exit code of a bad result where a special one fits; else 3. */
  code?: number;
}

/** A bad result from an error. @throws the error itself if it is not a ShrinkError: a bug. */
export function failedCheck(about: string, error: unknown): CheckResult {
  if (!isShrinkError(error)) throw error;
  const code = exitCodeFor(error);
  return {
    about,
    result: 'bad',
    said: error.message,
    fix: error.hint,
    code: code === EXIT.unexpected ? undefined : code,
  };
}
