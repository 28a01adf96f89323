import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { Secret } from '../../../config/secrets.ts';
import { ShrinkError } from '../../../core/errors.ts';
import { say } from '../../../messages/say.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import { Conf } from './conf.ts';

/** Lifetime of the free token if the service does not say: 7 days. */
export const TOKEN_LIFE_MS = 7 * 86_400_000;

export interface AnonymousToken {
  value: Secret;
  /** Epoch ms. */
  expiresAt: number;
  /** `anon_…`; registering transfers its credits. */
  userId: string | undefined;
}

export interface IdentityOptions {
  /** Directory of identity.json: the state directory. */
  dir: string;
  /** A token is sent only to the API that issued it. */
  apiUrl: string;
  /** `NEMO_CLIENT_ID` or the config's; overrides the stored one. */
  clientId?: string;
}

type Stored = {
  clientId?: string;
  token?: { value: string; expiresAt: number; userId?: string; apiUrl: string };
};

/**
 * This installation's identity at the service, kept in identity.json (0600), which is opened when first needed. The client id is
 * generated once and never changed to get around a limit; the free token is kept because the service issues one per client id in
 * seven days, so a restart must not ask for another.
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

  /** The id to request tokens with; generated and saved on first use. */
  clientId(): string {
    if (this.#clientId !== undefined) return this.#clientId;
    const stored = this.#read('clientId');
    if (typeof stored !== 'string' || !isClientId(stored)) return this.renewClientId();
    this.#clientId = stored;
    return stored;
  }

  /** A new id, after the service rejected the old one. */
  renewClientId(): string {
    const clientId = randomUUID();
    this.#write(store => store.set('clientId', clientId));
    this.#clientId = clientId;
    return clientId;
  }

  /** The stored token, whatever its age; `undefined` if there is none for this API. */
  token(): AnonymousToken | undefined {
    // Merely asking must not create the file.
    if (!this.#opened && !existsSync(join(this.#dir, 'identity.json'))) return undefined;
    const stored = this.#read('token');
    if (!stored || stored.apiUrl !== this.#apiUrl || typeof stored.value !== 'string' || stored.value === '') {
      return undefined;
    }
    return { value: new Secret(stored.value), expiresAt: stored.expiresAt, userId: stored.userId };
  }

  /** @throws ShrinkError `no-space`, ...: the token is then lost when the process ends. */
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

  /** conf creates missing files even while reading, so a full disk can fail here as well. */
  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      const known = hasErrno(error) ? fileError(error, say('nemo.doing-identity'), this.#dir) : undefined;
      throw known && ['no-space', 'io', 'unavailable'].includes(known.code) ? known : unreadable(this.#dir, error);
    }
  }
}

/** What the service accepts as a client id: any stable string of at most 64 characters that a header can carry. */
function isClientId(text: string): boolean {
  return /^[\x21-\x7E]{1,64}$/.test(text);
}

function openStore(dir: string): Conf<Stored> {
  // `shrinkbox credits` may come before a daemon's first start; conf would leave the directory open to everybody.
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return new Conf<Stored>({
    cwd: dir,
    configName: 'identity',
    projectSuffix: '',
    configFileMode: 0o600,
    // Here, dots in keys and values are data.
    accessPropertiesByDotNotation: false,
  });
}

/** conf syncs the file before renaming it into place; the folder's entry must be synced as well. */
function syncFolder(dir: string): void {
  const folder = openSync(dir, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** A syntax error would quote the file, which holds the token, so it is not kept as the cause. */
function unreadable(dir: string, error: unknown): ShrinkError {
  const errno = hasErrno(error) ? error.code : undefined;
  const message = errno ? say('nemo.identity-unreadable', { errno }) : say('nemo.identity-damaged');
  const hint = errno ? say('nemo.identity-unreadable-hint') : say('nemo.identity-damaged-hint');
  return new ShrinkError('auth-missing', message, { doing: say('nemo.doing-identity'), subject: dir, hint });
}

function hasErrno(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}
