import { ShrinkError } from '../../../core/errors.ts';
import { say } from '../../../messages/say.ts';
import type { Clock } from '../../../platform/clock.ts';
import { type Http, type HttpAnswer, readText } from '../../../platform/http.ts';
import { type Answer, readAnswer, retryAfterMs } from './errors.ts';
import type { Pass, PauseListener, RateLimiter } from './rate-limit.ts';

/** One request to the API. */
export interface ApiRequest {
  method: 'GET' | 'POST';
  /** A path below the API's base address, or a full URL on its host. */
  path: string;
  headers?: Record<string, string>;
  body?: string | AsyncIterable<Uint8Array>;
  signal: AbortSignal;
  /** See HttpRequest; the transport's own by default. */
  silenceMs?: number;
  /** Send over a connection of its own. */
  fresh?: boolean;
  /** Told while the request waits for a pause to end. */
  onPause?: PauseListener;
  /** It has its own rate limit: a 429 does not make other requests wait. */
  ownLimit?: boolean;
}

export interface Reply {
  answer: Answer;
  headers: Record<string, string>;
  /** The pause requested by a 429, milliseconds. */
  retryAfterMs: number | undefined;
}

export interface TransportOptions {
  http: Http;
  /** For requests that must not get a connection that is just being closed. */
  freshHttp: Http;
  limiter: RateLimiter;
  apiUrl: string;
  attribution: Record<string, string>;
  clock: Clock;
  /** Longest silence of an ordinary request, milliseconds. */
  silenceMs: number;
  /** Longest time the body of a reply may take, milliseconds. */
  readingMs: number;
}

/** A state with a long draft is a few megabytes; no reply of the service is longer than this. */
const MAX_REPLY_BYTES = 64 * 2 ** 20;

/** Sends requests through the rate limiter, with the attribution headers; repeats nothing. */
export class Transport {
  readonly #options: TransportOptions;
  readonly #base: string;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#base = options.apiUrl.replace(/\/+$/, '');
  }

  /** @throws ShrinkError `unreachable`, `rate-limited` (the pause is too long to wait for), `bad-answer` (the reply is too long). */
  async request(request: ApiRequest): Promise<Reply> {
    const { answer, pass } = await this.#send(request);
    try {
      // A 429 is known by its head. Any other reply may still tell of a rate limit in its body.
      if (answer.status === 429) report(pass, 'refused', this.#askedMs(answer), request);
      const reply = await this.#reply(answer, request);
      report(pass, isRateLimit(reply) ? 'refused' : 'accepted', reply.retryAfterMs, request);
      return reply;
    } finally {
      pass.unanswered();
    }
  }

  /** The head of the answer, with its body still unread. */
  async open(request: ApiRequest): Promise<HttpAnswer> {
    const { answer, pass } = await this.#send(request);
    report(pass, answer.status === 429 ? 'refused' : 'accepted', this.#askedMs(answer), request);
    return answer;
  }

  /** Reads the rest of an opened answer. */
  async read(answer: HttpAnswer, request: ApiRequest): Promise<Reply> {
    const reply = await this.#reply(answer, request);
    // The limiter has not yet seen a rate limit that only the body mentions.
    const isNews = isRateLimit(reply) && answer.status !== 429;
    if (isNews && !request.ownLimit) this.#options.limiter.pause(reply.retryAfterMs);
    return reply;
  }

  async #send(request: ApiRequest): Promise<{ answer: HttpAnswer; pass: Pass }> {
    const { limiter, attribution, silenceMs } = this.#options;
    const pass = await limiter.pass(request.signal, request.onPause);
    const http = request.fresh ? this.#options.freshHttp : this.#options.http;
    try {
      const answer = await http.request({
        method: request.method,
        url: this.#urlOf(request),
        headers: { accept: 'application/json', 'accept-encoding': 'identity', ...attribution, ...request.headers },
        body: request.body,
        signal: request.signal,
        silenceMs: request.silenceMs ?? silenceMs,
      });
      return { answer, pass };
    } catch (error) {
      pass.unanswered();
      throw error;
    }
  }

  async #reply(answer: HttpAnswer, request: ApiRequest): Promise<Reply> {
    const text = await this.#readInTime(answer, request);
    const read = readAnswer(answer.status, answer.headers['content-type'], text);
    return { answer: read, headers: answer.headers, retryAfterMs: this.#askedMs(answer) };
  }

  #askedMs({ headers }: HttpAnswer): number | undefined {
    return retryAfterMs(headers, this.#options.clock.now());
  }

  #urlOf({ path }: ApiRequest): string {
    return path.startsWith('/') ? `${this.#base}${path}` : path;
  }

  /** A reply that drips byte by byte is never silent and never ends. */
  async #readInTime(answer: HttpAnswer, request: ApiRequest): Promise<string> {
    const { clock, readingMs } = this.#options;
    const late = new AbortController();
    const disarm = clock.after(readingMs, () => {
      const error = new ShrinkError('unreachable', say('nemo.endless-reply'));
      late.abort(error);
      answer.body.destroy(error);
    });
    try {
      const signal = AbortSignal.any([request.signal, late.signal]);
      return await readText(answer, this.#urlOf(request), MAX_REPLY_BYTES, signal);
    } finally {
      disarm();
    }
  }
}

function isRateLimit({ answer }: Reply): boolean {
  return !answer.ok && answer.refusal === 'http-429';
}

function report(pass: Pass, said: 'refused' | 'accepted', askedMs: number | undefined, { ownLimit }: ApiRequest): void {
  if (said === 'refused' && !ownLimit) pass.refused(askedMs);
  else pass.accepted();
}
