import { ShrinkError } from '../core/errors.ts';
import type { Sentence } from '../core/message.ts';

/** A mistake in the configuration, and where it is. */
export interface Problem {
  /** The config file, or `environment` for a variable. */
  file: string;
  /** 1-based; 0 if there is no position to point to. */
  line: number;
  column: number;
  /** `rules[0].size`; empty for the file as a whole. */
  path: string;
  /** What is wrong and what would be right; never a secret. */
  message: string;
}

/** The configuration cannot be used; the message lists every problem, one a line. */
export class ConfigError extends ShrinkError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], hint?: Sentence | string) {
    super('config-invalid', problems.map(formatProblem).join('\n'), {
      doing: 'reading the configuration',
      subject: problems[0]?.file,
      hint: hint ?? 'Correct these lines; `shrinkbox check` shows what is left.',
    });
    this.problems = problems;
  }
}

/** `config.yaml:3:9: rules[0].size: "50 megs" is not a size; write 50MB, 10MiB or 25%`. */
export function formatProblem(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  return problem.path ? `${place}: ${problem.path}: ${problem.message}` : `${place}: ${problem.message}`;
}

export type KeyPath = readonly PropertyKey[];

/** `rules[0].size`. */
export function formatPath(path: KeyPath): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i ? '.' : ''}${String(part)}`)).join('');
}
