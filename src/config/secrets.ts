import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import type { Config, ParseContext } from './load.ts';
import type { ReadFile } from './read.ts';

const HIDDEN = '[secret]';

/** Every secret given to this process: a token of any shape is recognised only by its value. */
const known = new Set<string>();
/** Shorter ones could be any word. */
const MIN_KNOWN_LENGTH = 8;

/** A value that does not reveal itself: not in JSON, logs, templates or `inspect`; only `reveal()` returns it. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    if (value.length >= MIN_KNOWN_LENGTH) known.add(value);
  }

  reveal(): string {
    return this.#value;
  }

  /** Recognises the same secret later without keeping it: 48 bits of its hash, as hex. */
  fingerprint(): string {
    return createHash('sha256').update(this.#value).digest('hex').slice(0, 12);
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}

/** The text with every secret of this process hidden, for text from outside that may repeat one. */
export function hideKnownSecrets(text: string): string {
  let out = text;
  for (const value of known) out = out.replaceAll(value, HIDDEN);
  return out;
}

export interface Secrets {
  nemoToken?: Secret;
  /** What other machines must present over HTTP. */
  httpToken?: Secret;
}

/** Fewer characters can be guessed. */
const MIN_TOKEN_LENGTH = 16;

export const WEAK_TOKEN = `the token for the page is shorter than ${MIN_TOKEN_LENGTH} characters and can be guessed`;
export const WEAK_TOKEN_FIX = 'Make a new one: openssl rand -hex 24 > FILE, with the path of http.token_file for FILE.';

export function isWeakToken(token: Secret): boolean {
  return token.reveal().length < MIN_TOKEN_LENGTH;
}

/** A token is one line; a file with more than this holds something else. */
const MAX_BYTES = 16_384;

/**
 * Reads the secrets that the configuration points to. The cloud token: `NEMO_TOKEN`, else `nemo.token_file`, else the systemd
 * credential `token`; the token for HTTP: `http.token_file`, else the credential `http-token`.
 *
 * @throws ShrinkError `auth-missing` if a file is named and contains no token; never says what is in it.
 */
export function loadSecrets(config: Config, env: ParseContext['env'], readFile: ReadFile): Secrets {
  const credentials = env['CREDENTIALS_DIRECTORY'];
  const credential = (name: string) =>
    credentials ? readToken(join(credentials, name), readFile, 'optional') : undefined;
  const fromFile = (path: string | undefined) => (path ? readToken(path, readFile, 'needed') : undefined);

  const variable = env['NEMO_TOKEN']?.trim();
  const nemoToken =
    (variable ? checked(variable, 'NEMO_TOKEN') : undefined) ?? fromFile(config.nemo.tokenFile) ?? credential('token');
  const httpToken = fromFile(config.http.tokenFile) ?? credential('http-token');
  return { ...(nemoToken && { nemoToken }), ...(httpToken && { httpToken }) };
}

function readToken(path: string, readFile: ReadFile, need: 'needed' | 'optional'): Secret | undefined {
  let text: string;
  try {
    text = readFile(path, MAX_BYTES);
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code;
    if (need === 'optional' && errno === 'ENOENT') return undefined;
    const why = isShrinkError(error)
      ? error.message
      : errno === 'ENOENT'
        ? 'does not exist'
        : `cannot be read (${errno})`;
    throw missing(path, `the token file ${path} ${why}`);
  }
  return checked(text.trim(), path);
}

/** A token goes into a header as it is: one line of ASCII, or somebody meant another file. */
function checked(token: string, from: string): Secret {
  if (token === '') throw missing(from, `the token in ${from} is empty`);
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw missing(from, `the token in ${from} is not one word of plain characters`);
  }
  return new Secret(token);
}

function missing(subject: string, message: string): ShrinkError {
  const hint = 'Put the token alone on one line into that file, readable only to the user shrinkbox runs as.';
  return new ShrinkError('auth-missing', message, { doing: 'reading the token', subject, hint });
}
