import type { Readable } from 'node:stream';
import { isShrinkError, ShrinkError } from '../../../core/errors.ts';
import { type Clock, sleep } from '../../../platform/clock.ts';
import { type HttpAnswer, wasNeverSent } from '../../../platform/http.ts';
import type { Logger } from '../../../platform/log.ts';
import type { Auth, Token } from './auth.ts';
import { type Answer, errorFor, REFUSALS, type RefusalFacts } from '../http/errors.ts';
import type { Exchange, Reply, Wire } from '../http/transport.ts';

/** Calls with a token; see REFUSALS for what each refusal becomes. */
interface Call {
  /** For errors, as in "while …". */
  doing: string;
  method: 'GET' | 'POST';
  path: string;
  /** JSON text of the body. */
  json?: string;
  /** A body made anew for each try, with its headers. */
  body?: { headers: Record<string, string>; make(): AsyncIterable<Uint8Array> };
  signal: AbortSignal;
  /** How often trouble on the way (no answer, 5xx, garbage) may be met by asking again; only for calls that can bear it. */
  repeats: number;
  silenceMs?: number;
}

type Success = Extract<Answer, { ok: true }> & { headers: Record<string, string> };

/** What came of sending a message. Only `refused` means that it was certainly not taken. */
type Opened =
  | { kind: 'stream'; body: Readable }
  | { kind: 'answered'; text: string }
  | { kind: 'refused'; error: ShrinkError }
  | { kind: 'unknown'; why: string };

export interface Client {
  /** @throws ShrinkError by the row of the refusal, or `unreachable`. */
  call(call: Call): Promise<Success>;
  /** Sends a message and never sends it again unless it was certainly not taken (once after a new token, once after a 429). */
  openStream(call: Omit<Call, 'repeats' | 'body'>): Promise<Opened>;
  /** Asks without a token whether the service is there: any answer of its own says so. @throws ShrinkError `unreachable`, `bad-answer`. */
  knock(signal: AbortSignal): Promise<Record<string, string>>;
  /** Opens a file that lies at the API's own host: `url` is a whole address there. Whatever the answer is, it is the caller's. */
  openFile(request: {
    url: string;
    headers: Record<string, string>;
    signal: AbortSignal;
    silenceMs: number;
  }): Promise<HttpAnswer>;
}

export interface ClientOptions {
  wire: Wire;
  auth: Auth;
  facts(doing: string): Omit<RefusalFacts, 'status' | 'said'>;
  clock: Clock;
  log: Logger;
}

/** Pauses before asking again after trouble on the way. */
const REPEAT_AFTER_MS = [2000, 8000];

export function createClient(options: ClientOptions): Client {
  const { wire, auth, clock, log } = options;
  return { call, openStream, openFile, knock };

  async function call(request: Call): Promise<Success> {
    for (let tries = 0; ; tries += 1) {
      const outcome = await tryCall(request);
      if ('answer' in outcome) return outcome.answer;
      if (tries >= request.repeats || !outcome.passing) throw outcome.error;
      log.debug({ code: outcome.error.code, tries }, `${request.doing}: asking again`);
      await sleep(clock, REPEAT_AFTER_MS[Math.min(tries, REPEAT_AFTER_MS.length - 1)] ?? 0, request.signal);
    }
  }

  /** `passing`: trouble that asking again may well end (no answer, the service's own trouble, something in between that garbled it). */
  async function tryCall(request: Call): Promise<{ answer: Success } | { error: ShrinkError; passing: boolean }> {
    try {
      const send = (token: Token) => wire.ask(exchangeOf(request, token));
      const { answer, headers, retryAfterMs } = await signed(request.signal, request.doing, send);
      if (answer.ok) return { answer: { ...answer, headers } };
      const passing = REFUSALS[answer.refusal].repeat === 'later';
      return { error: refusalError(request.doing, answer, retryAfterMs), passing };
    } catch (error) {
      if (!isShrinkError(error)) throw error;
      return { error, passing: error.code === 'unreachable' || error.code === 'bad-answer' };
    }
  }

  /** Sends with a token; once more with a new one when it was refused, and once more after a pause when there was one to make. */
  async function signed(signal: AbortSignal, doing: string, send: (token: Token) => Promise<Reply>): Promise<Reply> {
    let token = await auth.token(signal);
    let reply = await send(token);
    let renewed = false;
    let paused = false;
    for (;;) {
      if (reply.answer.ok) return reply;
      const { repeat } = REFUSALS[reply.answer.refusal];
      if (repeat === 'with-new-token' && !renewed) {
        renewed = true;
        token = await auth.afterRefusal(token, refusalError(doing, reply.answer), signal);
      } else if (repeat === 'after-waiting' && !paused) {
        // The gate makes everybody wait; a 429 in the body only is news to it.
        paused = true;
      } else return reply;
      reply = await send(token);
    }
  }

  async function openStream(request: Omit<Call, 'repeats' | 'body'>): Promise<Opened> {
    let stream: Readable | undefined;
    // True while a message is out whose fate is not known.
    let out = false;
    const send = async (token: Token): Promise<Reply> => {
      const exchange = streamExchange(request, token);
      out = true;
      const answer = await wire.open(exchange);
      if (answer.status === 200 && !/json|html|xml/i.test(answer.headers['content-type'] ?? '')) {
        stream = answer.body;
        return EMPTY_REPLY;
      }
      const reply = await wire.read(answer, exchange);
      out = reply.answer.ok || REFUSALS[reply.answer.refusal].taken === 'maybe';
      return reply;
    };
    try {
      const { answer, retryAfterMs } = await signed(request.signal, request.doing, send);
      if (stream) return { kind: 'stream', body: stream };
      if (answer.ok) return { kind: 'answered', text: answer.text };
      const error = refusalError(request.doing, answer, retryAfterMs);
      return out ? { kind: 'unknown', why: error.message } : { kind: 'refused', error };
    } catch (error) {
      if (!(error instanceof ShrinkError)) throw error;
      // The gate says `rate-limited` before anything is sent.
      const sent = out && !wasNeverSent(error) && error.code !== 'rate-limited';
      return sent ? { kind: 'unknown', why: error.message } : { kind: 'refused', error };
    }
  }

  function streamExchange(request: Omit<Call, 'repeats' | 'body'>, token: Token): Exchange {
    const exchange = exchangeOf({ ...request, repeats: 0 }, token, 'text/event-stream');
    // A generation may be silent for minutes; the caller has its own clock for that.
    return { ...exchange, silenceMs: 0, fresh: true };
  }

  async function knock(signal: AbortSignal): Promise<Record<string, string>> {
    const { answer, headers } = await wire.ask({ method: 'GET', path: BALANCE, signal });
    if (answer.ok || REFUSALS[answer.refusal].code === 'auth-expired') return headers;
    throw refusalError('asking whether the service is there', answer);
  }

  async function openFile({ url, headers, signal, silenceMs }: Parameters<Client['openFile']>[0]): Promise<HttpAnswer> {
    const signed = { accept: '*/*', ...bearer(await auth.token(signal)), ...headers };
    return wire.open({ method: 'GET', path: url, headers: signed, signal, silenceMs });
  }

  function exchangeOf(request: Call, token: Token, accept = 'application/json'): Exchange {
    const { method, path, json, body, signal, silenceMs } = request;
    return {
      method,
      path,
      headers: {
        accept,
        ...bearer(token),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...body?.headers,
      },
      ...(json === undefined ? {} : { body: json }),
      ...(body ? { body: body.make() } : {}),
      ...(silenceMs === undefined ? {} : { silenceMs }),
      signal,
    };
  }

  function refusalError(doing: string, answer: Extract<Answer, { ok: false }>, retryAfterMs?: number): ShrinkError {
    return errorFor(answer.refusal, {
      ...options.facts(doing),
      status: answer.status,
      said: answer.said,
      ...(answer.url === undefined ? {} : { url: answer.url }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }
}

/** Also what is asked to see whether the service is there: it costs nothing. */
export const BALANCE = '/api/credits/balance/simple';

const EMPTY_REPLY: Reply = {
  answer: { ok: true, status: 200, text: '', payload: null, body: null },
  headers: {},
  retryAfterMs: undefined,
};

function bearer(token: Token): Record<string, string> {
  return { authorization: `Bearer ${token.value.reveal()}` };
}
