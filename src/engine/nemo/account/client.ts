import type { Readable } from 'node:stream';
import { isShrinkError, sentenceOf, ShrinkError } from '../../../core/errors.ts';
import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import { type Clock, sleep } from '../../../platform/clock.ts';
import { type HttpAnswer, wasNeverSent } from '../../../platform/http.ts';
import type { Logger } from '../../../platform/log.ts';
import { type Answer, errorFor, REFUSALS } from '../http/errors.ts';
import type { PauseListener } from '../http/rate-limit.ts';
import type { ApiRequest, Reply, Transport } from '../http/transport.ts';
import type { Auth, Token } from './auth.ts';

/** A call with a token; REFUSALS says what each refusal becomes. */
interface Call {
  /** For errors, as in "while …". */
  doing: Sentence;
  method: 'GET' | 'POST';
  path: string;
  /** JSON text of the body. */
  json?: string;
  /** A body created for each attempt, with its headers. */
  body?: { headers: Record<string, string>; make(): AsyncIterable<Uint8Array> };
  signal: AbortSignal;
  /** How often the call is repeated after transient trouble (no answer, 5xx, garbage); only for calls that may be repeated. */
  repeats: number;
  /** A 429 refuses this request alone: it is not repeated, and nobody else waits. */
  ownLimit?: boolean;
  silenceMs?: number;
  /** Whether a reply has the shape the caller needs; one that has not counts as garbled on the way. */
  isUsable?(text: string): boolean;
}

type StreamCall = Omit<Call, 'repeats' | 'body'>;

type Success = Extract<Answer, { ok: true }> & { headers: Record<string, string> };
type Refused = Extract<Answer, { ok: false }>;

/** The outcome of sending a message. Only `refused` means that it was certainly not accepted. */
type Opened =
  | { kind: 'stream'; body: Readable }
  /** Whole instead of as a stream; it may hold no event at all. */
  | { kind: 'answered'; text: string; status: number }
  | { kind: 'refused'; error: ShrinkError }
  | { kind: 'unknown'; why: Sentence };

interface FileRequest {
  /** A full URL on the API's own host. */
  url: string;
  headers: Record<string, string>;
  signal: AbortSignal;
  silenceMs: number;
}

export interface ClientOptions {
  transport: Transport;
  auth: Auth;
  clock: Clock;
  log: Logger;
  /** Told while a call waits for a pause to end. */
  onPause?: PauseListener;
}

/** Pauses before repeats after transient trouble. */
const REPEAT_AFTER_MS = [2000, 8000];

/** Calls to the service with the current token, renewed if the service refuses it. */
export class Client {
  readonly #transport: Transport;
  readonly #auth: Auth;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    const { transport, auth, clock, log } = options;
    this.#options = options;
    this.#transport = transport;
    this.#auth = auth;
    this.#clock = clock;
    this.#log = log;
  }

  /** The same for one job, which learns when it has to wait. */
  telling(onPause: PauseListener): Client {
    return new Client({ ...this.#options, onPause });
  }

  /** @throws ShrinkError from the refusal's row, or `unreachable`. */
  async call(call: Call): Promise<Success> {
    for (let tries = 0; ; tries += 1) {
      const outcome = await this.#tryCall(call);
      if ('answer' in outcome) return outcome.answer;
      if (tries >= call.repeats || !outcome.passing) throw outcome.error;
      this.#log.debug({ code: outcome.error.code, tries }, `${call.doing.text}: trying again`);
      const pauseMs = REPEAT_AFTER_MS[Math.min(tries, REPEAT_AFTER_MS.length - 1)] ?? 0;
      await sleep(this.#clock, pauseMs, call.signal);
    }
  }

  /** Sends a message, and never again unless it was certainly not accepted (once after a new token, once after a 429). */
  async openStream(call: StreamCall): Promise<Opened> {
    let stream: Readable | undefined;
    // True while a message is out and its fate unknown.
    let isOut = false;
    const send = async (token: Token): Promise<Reply> => {
      const request = { ...streamRequest(call, token), onPause: this.#options.onPause };
      isOut = true;
      const answer = await this.#transport.open(request);
      if (answer.status === 200 && !/json|html|xml/i.test(answer.headers['content-type'] ?? '')) {
        stream = answer.body;
        return EMPTY_REPLY;
      }
      const reply = await this.#transport.read(answer, request);
      isOut = reply.answer.ok || REFUSALS[reply.answer.refusal].taken === 'maybe';
      return reply;
    };
    try {
      const { answer, retryAfterMs } = await this.#authorised(call, send);
      if (stream) return { kind: 'stream', body: stream };
      if (answer.ok) return { kind: 'answered', text: answer.text, status: answer.status };
      const error = this.#refusalError(call.doing, answer, retryAfterMs);
      return isOut ? { kind: 'unknown', why: sentenceOf(error) } : { kind: 'refused', error };
    } catch (error) {
      if (!(error instanceof ShrinkError)) throw error;
      // The limiter reports `rate-limited` before anything is sent.
      const mayBeSent = isOut && !wasNeverSent(error) && error.code !== 'rate-limited';
      return mayBeSent ? { kind: 'unknown', why: sentenceOf(error) } : { kind: 'refused', error };
    }
  }

  /**
   * Checks without a token whether the service is there: any answer of its own will do. Resolves with the reply's headers.
   * @throws ShrinkError `unreachable`, `bad-answer`.
   */
  async ping(signal: AbortSignal): Promise<Record<string, string>> {
    const { answer, headers } = await this.#transport.request({ method: 'GET', path: BALANCE_PATH, signal });
    if (answer.ok || REFUSALS[answer.refusal].code === 'auth-expired') return headers;
    throw this.#refusalError(say('nemo.doing-ping'), answer);
  }

  /** Opens a file on the API's own host. The caller handles the answer, whatever it is. */
  async openFile({ url, headers, signal, silenceMs }: FileRequest): Promise<HttpAnswer> {
    const authorised = { accept: '*/*', ...bearer(await this.#auth.token(signal)), ...headers };
    return this.#transport.open({
      method: 'GET',
      path: url,
      headers: authorised,
      signal,
      silenceMs,
      onPause: this.#options.onPause,
    });
  }

  /** `passing`: a repeat may well succeed (no answer, trouble at the service, a reply garbled on the way). */
  async #tryCall(call: Call): Promise<{ answer: Success } | { error: ShrinkError; passing: boolean }> {
    try {
      const { onPause } = this.#options;
      const send = (token: Token) => this.#transport.request({ ...apiRequest(call, token), onPause });
      const { answer, headers, retryAfterMs } = await this.#authorised(call, send);
      if (answer.ok && (call.isUsable?.(answer.text) ?? true)) return { answer: { ...answer, headers } };
      if (answer.ok) return { error: this.#refusalError(call.doing, misshapen(answer)), passing: true };
      const passing = REFUSALS[answer.refusal].repeat === 'later';
      return { error: this.#refusalError(call.doing, answer, retryAfterMs), passing };
    } catch (error) {
      if (!isShrinkError(error)) throw error;
      return { error, passing: error.code === 'unreachable' || error.code === 'bad-answer' };
    }
  }

  /** Sends with a token; once more with a new one if it was refused, and once more after a pause if the service asked for one. */
  async #authorised({ signal, doing, ownLimit }: StreamCall, send: (token: Token) => Promise<Reply>): Promise<Reply> {
    let token = await this.#auth.token(signal);
    let reply = await send(token);
    let renewed = false;
    let paused = false;
    for (;;) {
      if (reply.answer.ok) return reply;
      const { repeat } = REFUSALS[reply.answer.refusal];
      if (repeat === 'with-new-token' && !renewed) {
        renewed = true;
        token = await this.#auth.afterRefusal(token, this.#refusalError(doing, reply.answer), signal);
      } else if (repeat === 'after-waiting' && !paused && !ownLimit) {
        // The limiter waits, on behalf of everybody.
        paused = true;
      } else return reply;
      reply = await send(token);
    }
  }

  #refusalError(doing: Sentence, { refusal, status, detail, url }: Refused, retryAfterMs?: number): ShrinkError {
    return errorFor(refusal, { ...this.#auth.refusalFacts(doing), status, detail, url, retryAfterMs });
  }
}

/** Reading the balance costs nothing; it also shows whether the service is there. */
export const BALANCE_PATH = '/api/credits/balance/simple';

/** What was understood as an answer, and is none to this question. */
function misshapen({ status }: Extract<Answer, { ok: true }>): Refused {
  return { ok: false, refusal: 'wrong-type', status, detail: '', code: undefined, url: undefined };
}

const EMPTY_REPLY: Reply = {
  answer: { ok: true, status: 200, text: '', payload: null, body: null },
  headers: {},
  retryAfterMs: undefined,
};

function streamRequest(call: StreamCall, token: Token): ApiRequest {
  const request = apiRequest({ ...call, repeats: 0 }, token, 'text/event-stream');
  // A generation may be silent for minutes; the caller enforces the deadlines.
  return { ...request, silenceMs: 0, fresh: true };
}

function apiRequest(call: Call, token: Token, accept = 'application/json') {
  const { method, path, json, body, signal, silenceMs, ownLimit } = call;
  return {
    method,
    path,
    headers: {
      accept,
      ...bearer(token),
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...body?.headers,
    },
    body: body ? body.make() : json,
    silenceMs,
    signal,
    ownLimit,
  };
}

function bearer(token: Token): Record<string, string> {
  return { authorization: `Bearer ${token.value.reveal()}` };
}
