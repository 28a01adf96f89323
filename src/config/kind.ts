import { z } from 'zod';
import { show } from './redact.ts';

/** A kind of value that says in words what it takes, so that a wrong one explains itself. */
export interface Kind<T> {
  /** What it is, with its article: `a size`. */
  what: string;
  /** What to write instead, as examples: `50MB, 10MiB or 25%`. */
  write: string;
  /** For editors; the parser has the last word. */
  pattern?: string;
  examples?: string[];
  /** The value, or `undefined` (not of that kind), or a sentence of its own that says what is wrong. */
  parse(text: string): T | undefined | InvalidValue;
}

/** A value of the right kind that cannot be meant; the message says why. */
export class InvalidValue {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** A value written as a word or phrase, parsed by `kind`. */
export function text<T>(kind: Kind<T>) {
  const complain = (input: unknown) => {
    if (input === undefined) return `is missing; write ${kind.write}`;
    if (input === null) return `has no value; write ${kind.write}, or remove the line`;
    return `${show(input)} is not ${kind.what}; write ${kind.write}${unitHint(input, kind)}`;
  };
  return z
    .string({ error: issue => complain(issue.input) })
    .meta({ ...(kind.pattern && { pattern: kind.pattern }), ...(kind.examples && { examples: kind.examples }) })
    .transform((written, context): T => {
      const value = kind.parse(written.trim());
      if (value !== undefined && !(value instanceof InvalidValue)) return value;
      context.addIssue({ code: 'custom', message: value instanceof InvalidValue ? value.message : complain(written) });
      return z.NEVER;
    });
}

/** `50 mb` is nearly right: says how it would be. */
function unitHint<T>(input: unknown, kind: Kind<T>): string {
  const match = typeof input === 'string' && /^([\d.]+) ?([kmgt])(i)?b?$/i.exec(input.trim());
  if (!match) return '';
  const prefix = match[2]?.toUpperCase() ?? '';
  const near = `${match[1]}${match[3] ? `${prefix}iB` : `${prefix === 'K' ? 'k' : prefix}B`}`;
  const value = kind.parse(near);
  return value === undefined || value instanceof InvalidValue ? '' : ` (did you mean ${near}?)`;
}
