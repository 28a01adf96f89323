/** Addresses, words, choices and plain numbers of the config. */
import { z } from 'zod';
import { text, InvalidValue } from './kind.ts';
import { isLoopback } from './loopback.ts';
import { maskUrl, show } from './redact.ts';
import { didYouMean } from './suggest.ts';

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

/** An http or https address without a trailing slash. `secure`: plain http only to this machine, as a token goes along. */
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
    return new InvalidValue(`${show(maskUrl(written))} has a user name or password in it; those do not belong there`);
  }
  if (secure && parsed.protocol === 'http:' && !isLoopback(parsed.hostname)) {
    return new InvalidValue(`${show(written)} would send the token unencrypted; write https://`);
  }
  return written.replace(/\/+$/, '');
}

/** One of a few words. */
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
    error: ({ input }) => `${show(input)} is neither true nor false${input === 'yes' ? '; write true' : ''}`,
  });

/** Words as they stand; `check` returns what is wrong with them. */
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
