/** How an error is told: known ones in a sentence with what to do, anything else as the bug it is. */
import { ShrinkError } from '../../core/errors.ts';
import { exitCodeFor } from './exit-codes.ts';
import { safe } from './terminal.ts';
import type { fileError } from '../../platform/files/file-error.ts';

interface ListedProblem {
  file: string;
  line: number;
  column: number;
  path: string;
  message: string;
}

/** Lines for stderr. */
export function tell(error: unknown): string[] {
  if (!(error instanceof ShrinkError)) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return [
      'shrinkbox: this is a bug in shrinkbox. Nothing of yours is lost by it.',
      ...stack.split('\n').map(safe),
      'Please report it with the lines above and what you did.',
    ];
  }
  const problems = problemsOf(error);
  const hint = error.hint ? [safe(error.hint)] : [];
  if (problems.length === 0) return [`shrinkbox: ${safe(error.message)}`, ...hint];
  const count = problems.length === 1 ? 'one mistake' : `${problems.length} mistakes`;
  return [
    `shrinkbox: the configuration has ${count}:`,
    ...problems.map(problem => `  ${safe(placed(problem))}`),
    ...hint,
  ];
}

/** The same for `--json`. */
export function tellJson(error: unknown): object {
  if (!(error instanceof ShrinkError)) {
    const message = error instanceof Error ? error.message : String(error);
    const stack = error instanceof Error ? error.stack : undefined;
    return {
      error: { code: 'unexpected', message, hint: 'Please report this bug.', exit_code: exitCodeFor(error), stack },
    };
  }
  const problems = problemsOf(error);
  const { code, message, hint } = error;
  const list = problems.length > 0 ? { problems } : {};
  return { error: { code, message, hint: hint ?? null, exit_code: exitCodeFor(error), ...list } };
}

/** By shape, so that telling an error does not load the configuration's code. */
function problemsOf(error: ShrinkError): readonly ListedProblem[] {
  return 'problems' in error && Array.isArray(error.problems) ? (error.problems as ListedProblem[]) : [];
}

function placed({ file, line, column, path, message }: ListedProblem): string {
  const place = line > 0 ? `${file}:${line}:${column}` : file;
  return path ? `${place}: ${path}: ${message}` : `${place}: ${message}`;
}

/** `fileError`, loaded once something failed: `--help` does without the words of every room. */
export async function fileErrorOf(...failure: Parameters<typeof fileError>): Promise<ShrinkError> {
  const files = await import('../../platform/files/file-error.ts');
  return files.fileError(...failure);
}
