import type { Config } from '../../../config/load.ts';
import { Secret } from '../../../config/secrets.ts';
import { isShrinkError, ShrinkError } from '../../../core/errors.ts';
import type { Sentence } from '../../../core/message.ts';
import { formatDuration } from '../../../core/units.ts';
import { say } from '../../../messages/say.ts';
import { orAborted } from '../../../platform/async.ts';
import { type Clock, sleep } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/log.ts';
import { errorFor, type RefusalFacts } from '../http/errors.ts';
import { idAt, pick, pickString } from '../http/json.ts';
import type { Reply, Transport } from '../http/transport.ts';
import { type AnonymousToken, type Identity, TOKEN_LIFE_MS } from './identity.ts';

/** What authorises requests, and whose it is. */
export interface Token {
  value: Secret;
  kind: 'own' | 'anonymous';
  userId: string | undefined;
  /** Recognises the same token later; see Secret.fingerprint. */
  print: string;
}

export interface AuthOptions {
  transport: Transport;
  identity: Identity;
  /** The person's own: NEMO_TOKEN or its substitute. */
  own?: Secret;
  /** `retryAfter`: pause before the one repeat after a 429 without Retry-After. */
  config: Pick<Config['nemo'], 'retryAfter' | 'webUrl' | 'maxUpload'>;
  clock: Clock;
  log: Logger;
}

/** After a second refusal no job asks again for this long: the answer would be the same. */
const REST_AFTER_REFUSAL_MS = 15 * 60_000;
/** A longer Retry-After is not waited for. */
const MAX_WAIT_MS = 5 * 60_000;

const DOING = say('nemo.doing-free-token');

/** The token for every request: the person's own, else the stored free one while it is valid, else a new free one. */
export class Auth {
  readonly #options: AuthOptions;
  readonly #own: Token | undefined;
  #current: Token | undefined;
  #expiresAt = Number.POSITIVE_INFINITY;
  /** The current request for a free token, shared by everyone who needs one. */
  #asking: Promise<Token> | undefined;
  #refusedUntil: { at: number; error: ShrinkError } | undefined;
  /** Issued but not saved yet, because writing to disk failed. */
  #unsaved: AnonymousToken | undefined;

  constructor(options: AuthOptions) {
    this.#options = options;
    this.#own = options.own && tokenOf(options.own, 'own', undefined);
    this.#current = this.#own;
  }

  /** The last token used, without asking the service; `undefined` before the first `token`. */
  get current(): Token | undefined {
    return this.#current;
  }

  /** What `token` would return without asking the service for anything. */
  available(): Token | undefined {
    if (!this.#own && !this.#isFresh()) this.#useStored();
    return this.#isFresh() ? this.#current : undefined;
  }

  /** @throws ShrinkError `auth-missing`, `unreachable`. */
  async token(signal: AbortSignal): Promise<Token> {
    signal.throwIfAborted();
    if (this.#own) return this.#own;
    if (this.#unsaved) this.#save(this.#unsaved);
    // Another process of ours may have got one meanwhile.
    if (!this.#isFresh()) this.#useStored();
    return this.#current && this.#isFresh() ? this.#current : this.#renew(signal);
  }

  /**
   * The service refused `token` (1001): returns the token to repeat the request with, once. @throws ShrinkError `auth-expired`
   * for a person's own token, since another token would be another account.
   */
  async afterRefusal(token: Token, refusal: ShrinkError, signal: AbortSignal): Promise<Token> {
    if (token.kind === 'own') throw refusal;
    // Somebody else may have renewed it meanwhile, here or in another process.
    if (this.#current?.print === token.print) this.#useStored();
    if (this.#current && this.#current.print !== token.print) return this.#current;
    this.#unsaved = undefined;
    this.#options.identity.forgetToken();
    this.#current = undefined;
    return this.#askShared(signal);
  }

  /** What an error has to say about the account. */
  refusalFacts(doing: Sentence): Omit<RefusalFacts, 'status' | 'detail'> {
    const { webUrl, maxUpload } = this.#options.config;
    const { kind = 'anonymous', userId } = this.#current ?? {};
    return { doing, webUrl, maxUploadBytes: maxUpload, account: kind, userId };
  }

  #isFresh(): boolean {
    return this.#current !== undefined && this.#options.clock.now() < this.#expiresAt;
  }

  /** A new one; while none is issued, the old one has to do: this machine's clock may be wrong. */
  async #renew(signal: AbortSignal): Promise<Token> {
    const old = this.#current;
    try {
      return await this.#askShared(signal);
    } catch (error) {
      if (!old || !isShrinkError(error, 'auth-missing')) throw error;
      const { log, clock } = this.#options;
      log.info('the free token has expired and the service issues no new one; using it until it is refused');
      return this.#use(old, clock.now() + REST_AFTER_REFUSAL_MS);
    }
  }

  #useStored(): void {
    const stored = this.#options.identity.token();
    if (stored) this.#use(tokenOf(stored.value, 'anonymous', stored.userId), stored.expiresAt);
  }

  #use(token: Token, until: number): Token {
    this.#current = token;
    this.#expiresAt = until;
    return token;
  }

  /** One request for everyone who needs a token now; it continues even if one of them stops waiting. */
  #askShared(signal: AbortSignal): Promise<Token> {
    const { clock } = this.#options;
    if (this.#refusedUntil && clock.now() < this.#refusedUntil.at) return Promise.reject(this.#refusedUntil.error);
    this.#asking ??= this.#ask(new AbortController().signal).finally(() => {
      this.#asking = undefined;
    });
    return orAborted(this.#asking, signal);
  }

  async #ask(signal: AbortSignal): Promise<Token> {
    const { identity, config, clock, log } = this.#options;
    let reply = await this.#askOnce(identity.clientId(), signal);
    if (isRefused(reply, 'http-400')) reply = await this.#askOnce(identity.renewClientId(), signal);
    if (isRefused(reply, 'http-429')) {
      const waitMs = reply.retryAfterMs ?? config.retryAfter;
      if (waitMs <= MAX_WAIT_MS) {
        log.info({ waitMs }, 'the service issues no token at the moment; asking once more after a pause');
        await sleep(clock, waitMs, signal);
        // Another process of ours may have received it, under the same client id.
        this.#useStored();
        if (this.#current && this.#isFresh()) return this.#current;
        reply = await this.#askOnce(identity.clientId(), signal);
      }
    }
    return this.#accept(reply);
  }

  #askOnce(clientId: string, signal: AbortSignal): Promise<Reply> {
    return this.#options.transport.request({
      method: 'POST',
      path: '/api/auth/anonymous-token',
      headers: { 'X-Client-Id': clientId },
      signal,
      ownLimit: true,
    });
  }

  #accept({ answer, headers, retryAfterMs }: Reply): Token {
    if (!answer.ok) {
      if (answer.refusal === 'http-429') throw this.#rest(retryAfterMs);
      const { status, detail } = answer;
      throw errorFor(answer.refusal, { ...this.refusalFacts(DOING), status, detail });
    }
    const value = pickString(answer.payload, 'token', 'access_token', 'accessToken');
    if (value === undefined || !isToken(value)) {
      throw new ShrinkError('bad-answer', say('nemo.while', { doing: DOING, problem: say('nemo.no-token-in-reply') }), {
        doing: DOING.text,
        hint: say('nemo.check-api-url-hint'),
      });
    }
    const { clock, log } = this.#options;
    const userId = idAt(answer.text, 'data.user_id', 'data.userId', 'user_id', 'userId');
    const now = clock.now();
    const until = now + lifeOf(pick(answer.payload, 'expires_at', 'expiresAt'), Date.parse(headers['date'] ?? ''), now);
    const token = tokenOf(new Secret(value), 'anonymous', userId);
    this.#save({ value: token.value, expiresAt: until, userId });
    log.info({ validFor: formatDuration(until - clock.now()) }, 'got a free token');
    return this.#use(token, until);
  }

  /** The service issues no second one for days: a token that cannot be saved is used all the same, and saved later. */
  #save(token: AnonymousToken): void {
    try {
      this.#options.identity.keepToken(token);
      this.#unsaved = undefined;
    } catch (error) {
      if (!this.#unsaved)
        this.#options.log.warn({ err: error }, 'the free token could not be saved; it is lost when shrinkbox ends');
      this.#unsaved = token;
    }
  }

  #rest(retryAfterMs: number | undefined): ShrinkError {
    const error = new ShrinkError('auth-missing', say('nemo.no-free-token'), {
      doing: DOING.text,
      hint: say('nemo.no-free-token-hint'),
      retryAfterMs,
    });
    const restMs = Math.max(REST_AFTER_REFUSAL_MS, retryAfterMs ?? 0);
    this.#refusedUntil = { at: this.#options.clock.now() + restMs, error };
    return error;
  }
}

function tokenOf(value: Secret, kind: Token['kind'], userId: string | undefined): Token {
  return { value, kind, userId, print: value.fingerprint() };
}

function isRefused({ answer }: Reply, refusal: string): boolean {
  return !answer.ok && answer.refusal === refusal;
}

/** Accepts what a header can carry, and nothing longer than any token. */
function isToken(text: string): boolean {
  return /^[\x21-\x7e]{1,4096}$/.test(text);
}

/**
 * How many milliseconds a new token stays valid, by the service's clock (`serviceNow`, NaN if unknown): this machine's clock (`now`)
 * may be wrong. If the token seems to have expired already, its expiry is unreadable, and the documented lifetime applies.
 */
export function lifeOf(expiry: unknown, serviceNow: number, now: number): number {
  const from = Number.isFinite(serviceNow) ? serviceNow : now;
  const lifeMs = expiryOf(expiry, from) - from;
  return lifeMs > 0 ? lifeMs : TOKEN_LIFE_MS;
}

/** Epoch ms of an expiry given as a date, epoch seconds or epoch ms; seven days from now if it is absent or unreadable. */
function expiryOf(value: unknown, now: number): number {
  const at = epochOf(value);
  return Number.isFinite(at) ? at : now + TOKEN_LIFE_MS;
}

function epochOf(value: unknown): number {
  if (typeof value === 'string' && !/^\d+$/.test(value)) return Date.parse(value);
  const number = typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN;
  return number < 1e11 ? number * 1000 : number;
}
