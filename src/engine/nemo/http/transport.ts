import { ShrinkError } from '../../../core/errors.ts';
import { say } from '../../../messages/say.ts';
import type { Clock } from '../../../platform/clock.ts';
import { type Http, type HttpAnswer, readText } from '../../../platform/http.ts';
import { type Answer, readAnswer, retryAfterMs } from './errors.ts';
import type { Pass, RateLimiter } from './rate-limit.ts';

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
    return this.read(await this.open(request), request);
  }

  /** The head of the answer, with its body still unread. */
  async open(request: ApiRequest): Promise<HttpAnswer> {
    const { limiter, attribution, silenceMs } = this.#options;
    const pass = await limiter.pass(request.signal);
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
      this.#report(pass, answer, request);
      return answer;
    } finally {
      pass.unanswered();
    }
  }

  /** Reads the rest of an opened answer. */
  async read(answer: HttpAnswer, request: ApiRequest): Promise<Reply> {
    const { limiter, clock } = this.#options;
    const text = await this.#readInTime(answer, request);
    const read = readAnswer(answer.status, answer.headers['content-type'], text);
    const askedMs = retryAfterMs(answer.headers, clock.now());
    // The limiter has not yet seen a rate limit that only the body mentions (HTTP 200).
    const isNews = !read.ok && read.refusal === 'http-429' && answer.status !== 429;
    if (isNews && !request.ownLimit) limiter.pause(askedMs);
    return { answer: read, headers: answer.headers, retryAfterMs: askedMs };
  }

  #urlOf({ path }: ApiRequest): string {
    return path.startsWith('/') ? `${this.#base}${path}` : path;
  }

  #report(pass: Pass, answer: HttpAnswer, { ownLimit }: ApiRequest): void {
    if (answer.status === 429 && !ownLimit) pass.refused(retryAfterMs(answer.headers, this.#options.clock.now()));
    else pass.accepted();
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
