import { isShrinkError, ShrinkError } from '../../../core/errors.ts';
import { formatDuration } from '../../../core/units.ts';
import { type Clock, sleep } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/log.ts';
import { type AnonymousToken, type Identity, TOKEN_LIFE_MS } from './identity.ts';
import { idAt, pick, pickString } from '../http/json.ts';
import { orAborted } from '../../../platform/async.ts';
import { Secret } from '../../../config/secrets.ts';
import type { Reply, Wire } from '../http/transport.ts';
import { errorFor, type RefusalFacts } from '../http/errors.ts';

/** What requests are signed with, and whose it is. */
export interface Token {
  value: Secret;
  kind: 'own' | 'anonymous';
  userId: string | undefined;
  /** Recognises the same token later; see Secret.fingerprint. */
  print: string;
}

export interface Auth {
  /** The person's own token; else the kept free one while it lasts; else a new free one. @throws ShrinkError `auth-missing`, `unreachable`. */
  token(signal: AbortSignal): Promise<Token>;
  /**
   * The service refused `token` (1001): the token to repeat the request with, once. @throws ShrinkError `auth-expired` for a
   * person's own token: another one would be another account.
   */
  afterRefusal(token: Token, refusal: ShrinkError, signal: AbortSignal): Promise<Token>;
  /** Without asking the service; `undefined` before the first `token`. */
  readonly current: Token | undefined;
  /** What `token` would give without asking the service for anything. */
  available(): Token | undefined;
}

export interface AuthOptions {
  wire: Wire;
  identity: Identity;
  /** NEMO_TOKEN or what stands in for it. */
  own?: Secret;
  /** Pause before the one repeat after a 429 that names none, milliseconds. */
  retryAfterMs: number;
  facts(doing: string): Omit<RefusalFacts, 'status' | 'said'>;
  clock: Clock;
  log: Logger;
}

const DOING = 'asking for a free token';
/** After a second refusal nobody asks again for this long: every job would meet the same. */
const REST_AFTER_REFUSAL_MS = 15 * 60_000;
/** A Retry-After beyond this is not sat out. */
const MAX_WAIT_MS = 5 * 60_000;

export function createAuth(options: AuthOptions): Auth {
  const { wire, identity, clock, log } = options;
  const own = options.own ? tokenOf(options.own, 'own', undefined) : undefined;
  let current: Token | undefined = own;
  let expiresAt = Number.POSITIVE_INFINITY;
  let asking: Promise<Token> | undefined;
  let refusedUntil: { at: number; error: ShrinkError } | undefined;
  /** Given, but not written down yet: the disk would not have it. */
  let unwritten: AnonymousToken | undefined;

  return {
    get current() {
      return current;
    },
    available() {
      if (!own && !isFresh()) useKept();
      return isFresh() ? current : undefined;
    },
    async token(signal) {
      signal.throwIfAborted();
      if (own) return own;
      if (unwritten) writeDown(unwritten);
      // Another process of ours may have got one meanwhile.
      if (!isFresh()) useKept();
      return current && isFresh() ? current : renewed(signal);
    },
    async afterRefusal(token, refusal, signal) {
      if (token.kind === 'own') throw refusal;
      // Somebody else may have renewed it meanwhile, here or in another process.
      if (current?.print === token.print) useKept();
      if (current && current.print !== token.print) return current;
      unwritten = undefined;
      identity.forgetToken();
      current = undefined;
      return shared(signal);
    },
  };

  function isFresh(): boolean {
    return current !== undefined && clock.now() < expiresAt;
  }

  /** A new one; while there is none to be had the old one has to do: this machine's clock may be what is wrong. */
  async function renewed(signal: AbortSignal): Promise<Token> {
    const old = current;
    try {
      return await shared(signal);
    } catch (error) {
      if (!old || !isShrinkError(error, 'auth-missing')) throw error;
      log.info('the free token should be over and no new one is given; going on with it until it is refused');
      return keep(old, clock.now() + REST_AFTER_REFUSAL_MS);
    }
  }

  function useKept(): void {
    const stored = identity.token();
    if (stored) keep(tokenOf(stored.value, 'anonymous', stored.userId), stored.expiresAt);
  }

  function keep(token: Token, until: number): Token {
    current = token;
    expiresAt = until;
    return token;
  }

  /** One request for all who need a token at the moment; it goes on when one of them stops waiting. */
  function shared(signal: AbortSignal): Promise<Token> {
    if (refusedUntil && clock.now() < refusedUntil.at) return Promise.reject(refusedUntil.error);
    asking ??= ask(new AbortController().signal).finally(() => {
      asking = undefined;
    });
    return orAborted(asking, signal);
  }

  async function ask(signal: AbortSignal): Promise<Token> {
    let reply = await askOnce(identity.clientId(), signal);
    if (isRefused(reply, 'http-400')) reply = await askOnce(identity.renewClientId(), signal);
    if (isRefused(reply, 'http-429')) {
      const waitMs = reply.retryAfterMs ?? options.retryAfterMs;
      if (waitMs <= MAX_WAIT_MS) {
        log.info({ waitMs }, 'the service gives no token at the moment; asking once more after a pause');
        await sleep(clock, waitMs, signal);
        // It may have been given to another process of ours, under the same client id.
        useKept();
        if (current && isFresh()) return current;
        reply = await askOnce(identity.clientId(), signal);
      }
    }
    return accept(reply);
  }

  function askOnce(clientId: string, signal: AbortSignal): Promise<Reply> {
    return wire.ask({
      method: 'POST',
      path: '/api/auth/anonymous-token',
      headers: { 'X-Client-Id': clientId },
      signal,
      ownLimit: true,
    });
  }

  function accept({ answer, headers, retryAfterMs }: Reply): Token {
    if (!answer.ok) {
      if (answer.refusal === 'http-429') throw restAfterRefusal(retryAfterMs);
      throw errorFor(answer.refusal, { ...options.facts(DOING), status: answer.status, said: answer.said });
    }
    const value = pickString(answer.payload, 'token', 'access_token', 'accessToken');
    if (value === undefined || !isToken(value)) {
      throw new ShrinkError('bad-answer', `${DOING}: the answer holds no token`, {
        doing: DOING,
        hint: 'Check NEMO_API_URL.',
      });
    }
    const userId = idAt(answer.text, 'data.user_id', 'data.userId', 'user_id', 'userId');
    const now = clock.now();
    const until = now + lifeOf(pick(answer.payload, 'expires_at', 'expiresAt'), Date.parse(headers['date'] ?? ''), now);
    const token = tokenOf(new Secret(value), 'anonymous', userId);
    writeDown({ value: token.value, expiresAt: until, userId });
    log.info({ validFor: formatDuration(until - clock.now()) }, 'got a free token');
    return keep(token, until);
  }

  /** The service gives no second one for days: one the disk does not take is worked with all the same, and written down later. */
  function writeDown(token: AnonymousToken): void {
    try {
      identity.keepToken(token);
      unwritten = undefined;
    } catch (error) {
      if (!unwritten)
        log.warn({ err: error }, 'the free token could not be written down; it is lost when shrinkbox ends');
      unwritten = token;
    }
  }

  function restAfterRefusal(retryAfterMs: number | undefined): ShrinkError {
    const error = new ShrinkError(
      'auth-missing',
      'the service gives no free token: it gives one per installation in seven days',
      {
        doing: DOING,
        hint: 'Set NEMO_TOKEN to a token of your own, or wait up to seven days; then retry.',
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      },
    );
    refusedUntil = { at: clock.now() + Math.max(REST_AFTER_REFUSAL_MS, retryAfterMs ?? 0), error };
    return error;
  }
}

function tokenOf(value: Secret, kind: Token['kind'], userId: string | undefined): Token {
  return { value, kind, userId, print: value.fingerprint() };
}

function isRefused({ answer }: Reply, refusal: string): boolean {
  return !answer.ok && answer.refusal === refusal;
}

/** What a header can carry, and no more of it than a token has. */
function isToken(text: string): boolean {
  return /^[\x21-\x7e]{1,4096}$/.test(text);
}

/**
 * Milliseconds a token just given has to live, by the clock of who gave it (`there`, NaN where it did not say): the one here may be wrong.
 * A token that is over before it begins is one whose time cannot be told.
 */
export function lifeOf(expiry: unknown, there: number, here: number): number {
  const now = Number.isFinite(there) ? there : here;
  const lifeMs = expiryOf(expiry, now) - now;
  return lifeMs > 0 ? lifeMs : TOKEN_LIFE_MS;
}

/** Epoch ms of an expiry given as a date, epoch seconds or epoch ms; seven days from now where it is absent or unreadable. */
function expiryOf(value: unknown, now: number): number {
  const number =
    typeof value === 'number' ? value : typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : undefined;
  const at =
    number === undefined
      ? typeof value === 'string'
        ? Date.parse(value)
        : Number.NaN
      : number < 1e11
        ? number * 1000
        : number;
  return Number.isFinite(at) ? at : now + TOKEN_LIFE_MS;
}
