/** How an error is printed: a known one as a sentence with what to do, anything else as the bug it is. */
import { ShrinkError } from '../../core/errors.ts';
import { escapeForTerminal } from '../../core/escape.ts';
import { plural } from '../../core/units.ts';
import type { fileError } from '../../platform/files/file-error.ts';
import { exitCodeFor } from './exit-codes.ts';

interface ConfigProblem {
  file: string;
  line: number;
  column: number;
  path: string;
  message: string;
}

/**
 * A shortage of the machine that reached us as it is, from wherever a file was opened or code was loaded, in words; every
 * other error unchanged.
 */
export function withoutShortage(error: unknown): unknown {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof ShrinkError) return error;
    const shortage = SHORTAGES[(at as NodeJS.ErrnoException).code ?? ''];
    if (shortage) return new ShrinkError('io', shortage.said, { hint: shortage.hint, cause: error });
  }
  return error;
}

const SHORTAGES: Readonly<Record<string, { said: string; hint: string }>> = {
  EMFILE: {
    said: 'the limit of open files is too low for shrinkbox; nothing was lost',
    hint: 'Raise it to 1024 or more: ulimit -n 1024 in a shell, LimitNOFILE=1024 in a systemd unit, --ulimit nofile=1024 with Docker.',
  },
  ENFILE: {
    said: 'the system cannot open any more files; nothing was lost',
    hint: 'End some programs, or raise the limit: sudo sysctl fs.file-max=1000000',
  },
  ENOMEM: { said: 'the machine has no memory left; nothing was lost', hint: 'End some programs, and try again.' },
};

/** Lines for stderr, escaped. */
export function errorLines(error: unknown): string[] {
  if (!(error instanceof ShrinkError)) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return [
      'shrinkbox: internal error. This is a bug in shrinkbox; your files are safe.',
      ...stack.split('\n').map(escapeForTerminal),
      'Please report it with the lines above and what you did.',
    ];
  }
  const problems = problemsOf(error);
  const hint = error.hint ? [escapeForTerminal(error.hint)] : [];
  if (problems.length === 0) return [`shrinkbox: ${escapeForTerminal(error.message)}`, ...hint];
  return [
    `shrinkbox: the configuration has ${plural(problems.length, 'mistake')}:`,
    ...problems.map(problem => `  ${escapeForTerminal(problemLine(problem))}`),
    ...hint,
  ];
}

/** The same for `--json`. */
export function errorAsJson(error: unknown): object {
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

/** Recognised by its shape, so that printing an error does not load the configuration's code. */
function problemsOf(error: ShrinkError): readonly ConfigProblem[] {
  return 'problems' in error && Array.isArray(error.problems) ? (error.problems as ConfigProblem[]) : [];
}

/** As many mistakes as a warning lists. */
const MAX_MISTAKES = 3;

/** The first mistakes of a configuration, for a command that does without it; not escaped yet. */
export function mistakeLines(problems: readonly ConfigProblem[]): string[] {
  const more = problems.length - MAX_MISTAKES;
  const lines = problems.slice(0, MAX_MISTAKES).map(problem => `  ${problemLine(problem)}`);
  return more > 0 ? [...lines, `  and ${more} more; \`shrinkbox check\` lists them`] : lines;
}

function problemLine({ file, line, column, path, message }: ConfigProblem): string {
  const place = line > 0 ? `${file}:${line}:${column}` : file;
  return path ? `${place}: ${path}: ${message}` : `${place}: ${message}`;
}

/** `fileError`, loaded once something failed: `--help` does without the words of every room. */
export async function fileErrorOf(...failure: Parameters<typeof fileError>): Promise<ShrinkError> {
  const files = await import('../../platform/files/file-error.ts');
  return files.fileError(...failure);
}
