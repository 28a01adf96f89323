/** The kinds of values a configuration has, and how each reads: addresses, words, choices, numbers and paths. */
import { z } from 'zod';
import { isLoopback } from './loopback.ts';
import { maskUrl, show } from './redact.ts';
import { didYouMean } from './unknown-keys.ts';

/** A kind of value, with the text that explains it to whoever wrote a wrong one. */
export interface Kind<T> {
  /** What it is, with its article: `a size`. */
  what: string;
  /** What to write instead, as examples: `50MB, 10MiB or 25%`. */
  write: string;
  /** For editors; the parser has the last word. */
  pattern?: string;
  examples?: string[];
  /** The value, `undefined` if the text is not of this kind, or an InvalidValue with its own message. */
  parse(text: string): T | undefined | InvalidValue;
}

/** A value of the right kind that cannot be used; the message says why. */
export class InvalidValue {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** A value written as text and parsed by `kind`. */
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

/** `50 mb` is nearly right: suggests the right spelling. */
function unitHint<T>(input: unknown, kind: Kind<T>): string {
  const match = typeof input === 'string' && /^([\d.]+) ?([kmgt])(i)?b?$/i.exec(input.trim());
  if (!match) return '';
  const prefix = match[2]?.toUpperCase() ?? '';
  const near = `${match[1]}${match[3] ? `${prefix}iB` : `${prefix === 'K' ? 'k' : prefix}B`}`;
  const value = kind.parse(near);
  return value === undefined || value instanceof InvalidValue ? '' : ` (did you mean ${near}?)`;
}

export interface ListenAddress {
  host: string;
  port: number;
}

export const listen = () =>
  text<ListenAddress | 'off'>({
    what: 'an address to listen on',
    write: '127.0.0.1:8788, [::1]:8788, 0.0.0.0:8788 or off',
    examples: ['127.0.0.1:8788', 'off'],
    parse: written => {
      if (written === 'off') return 'off';
      const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+)):(\d{1,5})$/i.exec(written);
      const port = Number(match?.[3]);
      if (!match || port > 65_535) return undefined;
      return { host: match[1] ?? match[2] ?? '', port };
    },
  });

/** An http or https address, trailing slashes removed. With `secure`, for addresses that get a token: plain http only to this machine. */
export const url = (example: string, { secure = false } = {}) =>
  text({
    what: 'a web address',
    write: `one like ${example}`,
    pattern: '^https?://',
    parse: written => parseUrl(written, secure),
  });

function parseUrl(written: string, secure: boolean): string | undefined | InvalidValue {
  if (!URL.canParse(written)) return undefined;
  const parsed = new URL(written);
  if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:') return undefined;
  if (secure && (parsed.username || parsed.password)) {
    return new InvalidValue(`${show(maskUrl(written))} contains a user name or password; remove it`);
  }
  if (secure && parsed.protocol === 'http:' && !isLoopback(parsed.hostname)) {
    return new InvalidValue(`${show(written)} would send the token unencrypted; use https://`);
  }
  return written.replace(/\/+$/, '');
}

/** Where a browser finds the page: an http or https address, with a path that ends in a slash. */
export const pageUrl = (example: string) =>
  text({
    what: 'a web address',
    write: `one like ${example}`,
    pattern: '^https?://',
    examples: [example],
    parse: written => {
      const parsed = URL.canParse(written) ? new URL(written) : undefined;
      if (parsed?.protocol !== 'https:' && parsed?.protocol !== 'http:') return undefined;
      if (parsed.username || parsed.password || parsed.search || parsed.hash) {
        return new InvalidValue(
          `${show(maskUrl(written))} must end with its path: no user, no password, no ? and no #`,
        );
      }
      return `${parsed.origin}${parsed.pathname.replace(/\/*$/, '/')}`;
    },
  });

/** One word of a closed set. */
export const oneOf = <const T extends string>(...words: [T, ...T[]]) =>
  z.enum(words, {
    error: ({ input }) => {
      const list = words.length === 1 ? words[0] : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
      if (input === undefined) return `is missing; write ${list}`;
      if (input === null) return `has no value; write ${list}, or remove the line`;
      return `${show(input)} is not one of ${list}${typeof input === 'string' ? didYouMean(input, words) : ''}`;
    },
  });

/** A number between two bounds, both allowed. */
export const number = (least: number, most: number, { whole = true } = {}) => {
  const what = `${whole ? 'a whole number' : 'a number'} from ${least} to ${most}`;
  const error = ({ input }: { input?: unknown }) => {
    if (input === undefined) return `is missing; write ${what}`;
    if (input === null) return `has no value; write ${what}, or remove the line`;
    const unquoted = typeof input === 'string' && /^\d+(\.\d+)?$/.test(input) ? ' (without quotes)' : '';
    return `${show(input)} is not ${what}${unquoted}`;
  };
  const base = whole ? z.int({ error }) : z.number({ error });
  return base.min(least, { error, abort: true }).max(most, { error });
};

export const yesNo = () =>
  z.boolean({
    error: ({ input }) => `${show(input)} is not true or false${input === 'yes' ? '; write true' : ''}`,
  });

/** Any text that is not empty; `check` returns what is wrong with it, as the rest of a sentence. */
export const words = (what: string, write: string, check: (written: string) => string | undefined = () => undefined) =>
  text({
    what,
    write,
    parse: written => {
      if (written === '') return undefined;
      const wrong = check(written);
      return wrong === undefined ? written : new InvalidValue(`${show(written)} ${wrong}`);
    },
  });

/** A path, made absolute by `resolve`. */
export const path = (resolve: (written: string) => string, example: string) =>
  text({
    what: 'a path',
    write: `one like ${example}`,
    parse: written => {
      if (written === '') return undefined;
      return written.includes('\0') ? new InvalidValue('a path cannot contain a NUL character') : resolve(written);
    },
  });

/** One value or a list of them; always a list afterwards. The list comes first: load.ts picks the branch to report. */
export const oneOrMore = <T extends z.ZodType>(item: T, what: string) =>
  z
    .union([z.array(item).min(1, { error: `is an empty list; write ${what}, or remove the line` }), item])
    .transform((value): z.output<T>[] => (Array.isArray(value) ? value : [value]) as z.output<T>[]);
