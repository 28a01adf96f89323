import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { Conf } from './conf.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import { ShrinkError } from '../../../core/errors.ts';
import { Secret } from '../../../config/secrets.ts';

/** The free token's life when the service does not say: 7 days. */
export const TOKEN_LIFE_MS = 7 * 86_400_000;

export interface AnonymousToken {
  value: Secret;
  /** Epoch ms. */
  expiresAt: number;
  /** `anon_…`; registering carries its credits over. */
  userId: string | undefined;
}

/**
 * Who this installation is to the service, kept in identity.json (0600). The client id is made once and never changed to get around a
 * limit; the free token is kept because the service hands out one per client id in seven days, so a restart must not ask again.
 */
export interface Identity {
  /** The id to ask for tokens with; made and kept on first use. */
  clientId(): string;
  /** A new id, after the service did not accept the old one. */
  renewClientId(): string;
  /** The kept token, whatever its age; `undefined` where none was given by this API. */
  token(): AnonymousToken | undefined;
  /** @throws ShrinkError `no-space`, ...: then it is not kept beyond this process. */
  keepToken(token: AnonymousToken): void;
  forgetToken(): void;
}

export interface IdentityOptions {
  /** Directory of identity.json: the state directory. */
  dir: string;
  /** A token goes to the API that gave it and to no other. */
  apiUrl: string;
  /** `NEMO_CLIENT_ID` or the config's; wins over the kept one. */
  clientId?: string;
}

type Kept = {
  clientId?: string;
  token?: { value: string; expiresAt: number; userId?: string; apiUrl: string };
};

/** Opens identity.json lazily: nothing is read or written before it is needed. */
export function createIdentity({ dir, apiUrl, clientId: configured }: IdentityOptions): Identity {
  let opened: Conf<Kept> | undefined;
  const store = () => {
    opened ??= reading(dir, () => open(dir));
    return opened;
  };
  const stored = <K extends keyof Kept>(key: K): Kept[K] => {
    const from = store();
    return reading(dir, () => from.get(key));
  };
  let clientId = configured && isClientId(configured) ? configured : undefined;
  const change = (write: (to: Conf<Kept>) => void) => {
    const to = store();
    try {
      write(to);
      syncFolder(dir);
    } catch (error) {
      throw hasErrno(error) ? fileError(error, 'keeping identity.json', dir) : unreadable(dir, error);
    }
  };
  const newClientId = () => {
    const made = randomUUID();
    change(to => to.set('clientId', made));
    clientId = made;
    return made;
  };
  return {
    clientId() {
      if (clientId !== undefined) return clientId;
      const known = stored('clientId');
      if (typeof known !== 'string' || !isClientId(known)) return newClientId();
      clientId = known;
      return known;
    },
    renewClientId: newClientId,
    token() {
      // Looking alone makes no files.
      if (!opened && !existsSync(join(dir, 'identity.json'))) return undefined;
      const known = stored('token');
      if (!known || known.apiUrl !== apiUrl || typeof known.value !== 'string' || known.value === '') return undefined;
      return { value: new Secret(known.value), expiresAt: known.expiresAt, userId: known.userId };
    },
    keepToken(token) {
      const { expiresAt, userId } = token;
      const record = { value: token.value.reveal(), expiresAt, apiUrl, ...(userId === undefined ? {} : { userId }) };
      change(to => to.set('token', record));
    },
    forgetToken() {
      change(to => to.delete('token'));
    },
  };
}

/** What the service takes as a client id: any stable string of at most 64 characters that a header can carry. */
function isClientId(text: string): boolean {
  return /^[\x21-\x7E]{1,64}$/.test(text);
}

function open(dir: string): Conf<Kept> {
  // Before the first start of a daemon `shrinkbox credits` may be who makes it: conf would leave it open to everybody.
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return new Conf<Kept>({
    cwd: dir,
    configName: 'identity',
    projectSuffix: '',
    configFileMode: 0o600,
    // Dots in keys and values are data here.
    accessPropertiesByDotNotation: false,
  });
}

/** conf syncs the file it writes before it renames it; that the new one is there to stay is for the folder to keep. */
function syncFolder(dir: string): void {
  const folder = openSync(dir, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** conf makes what is missing on the way, so that looking may meet a full disk as well. */
function reading<T>(dir: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    const known = hasErrno(error) ? fileError(error, 'reading identity.json', dir) : undefined;
    throw known && ['no-space', 'io', 'unavailable'].includes(known.code) ? known : unreadable(dir, error);
  }
}

/** A syntax error would quote the file, and the file holds the token: so no cause. */
function unreadable(dir: string, error: unknown): ShrinkError {
  const errno = hasErrno(error) ? error.code : undefined;
  return new ShrinkError('auth-missing', `identity.json cannot be read${errno ? ` (${errno})` : ': it is damaged'}`, {
    doing: 'reading the identity',
    subject: dir,
    hint: errno
      ? 'Check the permissions of the state directory, then retry.'
      : 'Move identity.json away to get a new client id, or put NEMO_TOKEN into the environment; then retry.',
  });
}

function hasErrno(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}
