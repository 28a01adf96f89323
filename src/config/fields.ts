/** The kinds of values a configuration has, and how each reads: addresses, words, choices, numbers and paths. */
import { z } from 'zod';
import { isLoopback } from './loopback.ts';
import { maskUrl, show } from './redact.ts';
import { either, saidBy, shown, tell } from './told.ts';
import { closest } from './unknown-keys.ts';

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
    if (input === undefined || input === null) return absent(input, kind.write);
    const said = { value: shown(input), what: saidBy(kind.what), write: saidBy(kind.write) };
    const near = nearly(input, kind);
    return near === undefined ? tell('config.not-a', said) : tell('config.not-a-but', { ...said, near });
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

function absent(input: undefined | null, write: string): string {
  return tell(input === undefined ? 'config.missing' : 'config.no-value', { write: saidBy(write) });
}

/** `50 mb` is nearly right: the right spelling. */
function nearly<T>(input: unknown, kind: Kind<T>): string | undefined {
  const match = typeof input === 'string' && /^([\d.]+) ?([kmgt])(i)?b?$/i.exec(input.trim());
  if (!match) return undefined;
  const prefix = match[2]?.toUpperCase() ?? '';
  const near = `${match[1]}${match[3] ? `${prefix}iB` : `${prefix === 'K' ? 'k' : prefix}B`}`;
  const value = kind.parse(near);
  return value === undefined || value instanceof InvalidValue ? undefined : near;
}

export interface ListenAddress {
  host: string;
  port: number;
}

export const listen = () =>
  text<ListenAddress | 'off'>({
    what: tell('config.a-listen-address'),
    write: either(['127.0.0.1:8788', '[::1]:8788', '0.0.0.0:8788', 'off']),
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
    what: tell('config.a-web-address'),
    write: tell('config.one-like', { example }),
    pattern: '^https?://',
    parse: written => parseUrl(written, secure),
  });

function parseUrl(written: string, secure: boolean): string | undefined | InvalidValue {
  if (!URL.canParse(written)) return undefined;
  const parsed = new URL(written);
  if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:') return undefined;
  if (secure && (parsed.username || parsed.password)) {
    return new InvalidValue(tell('config.url-user', { value: show(maskUrl(written)) }));
  }
  if (secure && parsed.protocol === 'http:' && !isLoopback(parsed.hostname)) {
    return new InvalidValue(tell('config.url-plain', { value: show(written) }));
  }
  return written.replace(/\/+$/, '');
}

/** Where a browser finds the page: an http or https address, with a path that ends in a slash. */
export const pageUrl = (example: string) =>
  text({
    what: tell('config.a-web-address'),
    write: tell('config.one-like', { example }),
    pattern: '^https?://',
    examples: [example],
    parse: written => {
      const parsed = URL.canParse(written) ? new URL(written) : undefined;
      if (parsed?.protocol !== 'https:' && parsed?.protocol !== 'http:') return undefined;
      if (parsed.username || parsed.password || parsed.search || parsed.hash) {
        return new InvalidValue(tell('config.url-path', { value: show(maskUrl(written)) }));
      }
      return `${parsed.origin}${parsed.pathname.replace(/\/*$/, '/')}`;
    },
  });

/** One word of a closed set. */
export const oneOf = <const T extends string>(...words: [T, ...T[]]) =>
  z.enum(words, {
    error: ({ input }) => {
      const list = either(words);
      if (input === undefined || input === null) return absent(input, list);
      const near = typeof input === 'string' ? closest(input, words) : undefined;
      const said = { value: shown(input), words: saidBy(list) };
      return near === undefined ? tell('config.not-one-of', said) : tell('config.not-one-of-but', { ...said, near });
    },
  });

/** A number between two bounds, both allowed. */
export const number = (least: number, most: number, { whole = true } = {}) => {
  const error = ({ input }: { input?: unknown }) => {
    const what = tell(whole ? 'config.whole-number' : 'config.number', { least, most });
    if (input === undefined || input === null) return absent(input, what);
    const isQuoted = typeof input === 'string' && /^\d+(\.\d+)?$/.test(input);
    return tell(isQuoted ? 'config.unquoted' : 'config.not-that', { value: shown(input), what: saidBy(what) });
  };
  const base = whole ? z.int({ error }) : z.number({ error });
  return base.min(least, { error, abort: true }).max(most, { error });
};

export const yesNo = () =>
  z.boolean({
    error: ({ input }) =>
      tell(input === 'yes' ? 'config.not-yes-no-but' : 'config.not-yes-no', { value: shown(input) }),
  });

/** Any text that is not empty; `check` returns what is wrong with it, as the rest of a sentence. */
export const words = (what: string, write: string, check: (written: string) => string | undefined = () => undefined) =>
  text({
    what,
    write,
    parse: written => {
      if (written === '') return undefined;
      const wrong = written.includes('\0') ? tell('config.nul', { what: saidBy(what) }) : check(written);
      if (wrong === undefined) return written;
      return new InvalidValue(tell('config.wrong', { value: show(written), wrong: saidBy(wrong) }));
    },
  });

/** A path, made absolute by `resolve`. */
export const path = (resolve: (written: string) => string, example: string) =>
  text({
    what: tell('config.a-path'),
    write: tell('config.one-like', { example }),
    parse: written => {
      if (written === '') return undefined;
      return written.includes('\0') ? new InvalidValue(tell('config.path-nul')) : resolve(written);
    },
  });

/** One value or a list of them; always a list afterwards. The list comes first: load.ts picks the branch to report. */
export const oneOrMore = <T extends z.ZodType>(item: T, what: string) =>
  z
    .union([z.array(item).min(1, { error: () => tell('config.empty-list', { what: saidBy(what) }) }), item])
    .transform((value): z.output<T>[] => (Array.isArray(value) ? value : [value]) as z.output<T>[]);
