import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { Secret } from '../../../config/secrets.ts';
import { ShrinkError } from '../../../core/errors.ts';
import { say } from '../../../messages/say.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import { Conf } from './conf.ts';

/** The free token's life when the service does not say: 7 days. */
export const TOKEN_LIFE_MS = 7 * 86_400_000;

export interface AnonymousToken {
  value: Secret;
  /** Epoch ms. */
  expiresAt: number;
  /** `anon_…`; registering carries its credits over. */
  userId: string | undefined;
}

export interface IdentityOptions {
  /** Directory of identity.json: the state directory. */
  dir: string;
  /** A token goes to the API that issued it and to no other. */
  apiUrl: string;
  /** `NEMO_CLIENT_ID` or the config's; wins over the stored one. */
  clientId?: string;
}

type Stored = {
  clientId?: string;
  token?: { value: string; expiresAt: number; userId?: string; apiUrl: string };
};

/**
 * Who this installation is to the service, kept in identity.json (0600), which is opened when it is first needed. The client id is made
 * once and never changed to get around a limit; the free token is kept because the service issues one per client id in seven days, so
 * that a restart must not ask again.
 */
export class Identity {
  readonly #dir: string;
  readonly #apiUrl: string;
  #clientId: string | undefined;
  #opened: Conf<Stored> | undefined;

  constructor({ dir, apiUrl, clientId }: IdentityOptions) {
    this.#dir = dir;
    this.#apiUrl = apiUrl;
    this.#clientId = clientId && isClientId(clientId) ? clientId : undefined;
  }

  /** The id to ask for tokens with; made and kept on first use. */
  clientId(): string {
    if (this.#clientId !== undefined) return this.#clientId;
    const stored = this.#read('clientId');
    if (typeof stored !== 'string' || !isClientId(stored)) return this.renewClientId();
    this.#clientId = stored;
    return stored;
  }

  /** A new id, after the service did not accept the old one. */
  renewClientId(): string {
    const clientId = randomUUID();
    this.#write(store => store.set('clientId', clientId));
    this.#clientId = clientId;
    return clientId;
  }

  /** The stored token, whatever its age; `undefined` where there is none of this API. */
  token(): AnonymousToken | undefined {
    // Asking alone must not create the file.
    if (!this.#opened && !existsSync(join(this.#dir, 'identity.json'))) return undefined;
    const stored = this.#read('token');
    if (!stored || stored.apiUrl !== this.#apiUrl || typeof stored.value !== 'string' || stored.value === '') {
      return undefined;
    }
    return { value: new Secret(stored.value), expiresAt: stored.expiresAt, userId: stored.userId };
  }

  /** @throws ShrinkError `no-space`, ...: then the token is lost with this process. */
  keepToken({ value, expiresAt, userId }: AnonymousToken): void {
    const record = { value: value.reveal(), expiresAt, userId, apiUrl: this.#apiUrl };
    this.#write(store => store.set('token', record));
  }

  forgetToken(): void {
    this.#write(store => store.delete('token'));
  }

  #store(): Conf<Stored> {
    this.#opened ??= this.#reading(() => openStore(this.#dir));
    return this.#opened;
  }

  #read<K extends keyof Stored>(key: K): Stored[K] {
    const store = this.#store();
    return this.#reading(() => store.get(key));
  }

  #write(change: (store: Conf<Stored>) => void): void {
    const store = this.#store();
    try {
      change(store);
      syncFolder(this.#dir);
    } catch (error) {
      throw hasErrno(error)
        ? fileError(error, say('nemo.doing-save-identity'), this.#dir)
        : unreadable(this.#dir, error);
    }
  }

  /** conf creates what is missing while it reads, so that the disk may be full here as well. */
  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      const known = hasErrno(error) ? fileError(error, say('nemo.doing-identity'), this.#dir) : undefined;
      throw known && ['no-space', 'io', 'unavailable'].includes(known.code) ? known : unreadable(this.#dir, error);
    }
  }
}

/** What the service takes as a client id: any stable string of at most 64 characters that a header can carry. */
function isClientId(text: string): boolean {
  return /^[\x21-\x7E]{1,64}$/.test(text);
}

function openStore(dir: string): Conf<Stored> {
  // `shrinkbox credits` may come before the first start of a daemon; conf would leave the directory open to everybody.
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return new Conf<Stored>({
    cwd: dir,
    configName: 'identity',
    projectSuffix: '',
    configFileMode: 0o600,
    // Dots in keys and values are data here.
    accessPropertiesByDotNotation: false,
  });
}

/** conf syncs the file before it renames it into place; the folder has to keep the new name. */
function syncFolder(dir: string): void {
  const folder = openSync(dir, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** A syntax error would quote the file, and the file holds the token: so no cause. */
function unreadable(dir: string, error: unknown): ShrinkError {
  const errno = hasErrno(error) ? error.code : undefined;
  const message = errno ? say('nemo.identity-unreadable', { errno }) : say('nemo.identity-damaged');
  const hint = errno ? say('nemo.identity-unreadable-hint') : say('nemo.identity-damaged-hint');
  return new ShrinkError('auth-missing', message, { doing: say('nemo.doing-identity'), subject: dir, hint });
}

function hasErrno(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}
