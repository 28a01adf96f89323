import { type Http, type HttpAnswer, readText } from '../../../platform/http.ts';
import { ShrinkError } from '../../../core/errors.ts';
import type { Clock } from '../../../platform/clock.ts';
import { type Answer, readAnswer, retryAfterMs } from './errors.ts';
import type { Pass, RateLimiter } from './rate-limit.ts';

/** One request to the API and its answer: through the gate, with the attribution headers, nothing repeated. */
export interface Exchange {
  method: 'GET' | 'POST';
  /** Below the API's base address; or a whole address on its host. */
  path: string;
  headers?: Record<string, string>;
  body?: string | AsyncIterable<Uint8Array>;
  signal: AbortSignal;
  /** See HttpRequest; a minute unless told otherwise. */
  silenceMs?: number;
  /** Send over a connection of its own. */
  fresh?: boolean;
  /** It has a limit of its own: that it is refused (429) is no reason for others to wait. */
  ownLimit?: boolean;
}

export interface Reply {
  answer: Answer;
  headers: Record<string, string>;
  /** What a 429 asked for, milliseconds. */
  retryAfterMs: number | undefined;
}

export interface Wire {
  /** The whole answer. @throws ShrinkError `unreachable`, `rate-limited` (a pause too long to sit out), `bad-answer` (too much of it). */
  ask(exchange: Exchange): Promise<Reply>;
  /** The head of the answer, its body still to be read. */
  open(exchange: Exchange): Promise<HttpAnswer>;
  /** Reads the rest of an opened answer. */
  read(answer: HttpAnswer, exchange: Exchange): Promise<Reply>;
}

export interface WireOptions {
  http: Http;
  /** For requests that must not meet a connection that is just being closed. */
  freshHttp: Http;
  limiter: RateLimiter;
  apiUrl: string;
  attribution: Record<string, string>;
  clock: Clock;
  /** Longest silence of an ordinary request, milliseconds. */
  silenceMs: number;
  /** Longest time the body of an answer may take, milliseconds. */
  readingMs: number;
}

/** A state with a long draft is a few megabytes; nothing the service says is longer than this. */
const MAX_REPLY_BYTES = 64 * 2 ** 20;

export function createWire(options: WireOptions): Wire {
  const { limiter, apiUrl, attribution, clock, silenceMs } = options;
  const base = apiUrl.replace(/\/+$/, '');

  async function open(exchange: Exchange): Promise<HttpAnswer> {
    const pass = await limiter.pass(exchange.signal);
    const http = exchange.fresh ? options.freshHttp : options.http;
    try {
      const answer = await http.request({
        method: exchange.method,
        url: urlOf(exchange),
        headers: { accept: 'application/json', 'accept-encoding': 'identity', ...attribution, ...exchange.headers },
        ...(exchange.body === undefined ? {} : { body: exchange.body }),
        signal: exchange.signal,
        silenceMs: exchange.silenceMs ?? silenceMs,
      });
      tellGate(pass, answer, exchange);
      return answer;
    } finally {
      pass.unanswered();
    }
  }

  function urlOf({ path }: Exchange): string {
    return path.startsWith('/') ? `${base}${path}` : path;
  }

  function tellGate(pass: Pass, answer: HttpAnswer, { ownLimit }: Exchange): void {
    if (answer.status === 429 && !ownLimit) pass.refused(retryAfterMs(answer.headers, clock.now()));
    else pass.accepted();
  }

  async function read(answer: HttpAnswer, exchange: Exchange): Promise<Reply> {
    const text = await inTime(
      exchange.signal,
      signal => readText(answer, urlOf(exchange), MAX_REPLY_BYTES, signal),
      answer,
    );
    const read = readAnswer(answer.status, answer.headers['content-type'], text);
    const askedMs = retryAfterMs(answer.headers, clock.now());
    // A refusal that only the body speaks of (HTTP 200) is news to the gate.
    const isNews = !read.ok && read.refusal === 'http-429' && answer.status !== 429;
    if (isNews && !exchange.ownLimit) limiter.pause(askedMs);
    return { answer: read, headers: answer.headers, retryAfterMs: askedMs };
  }

  /** An answer that drips byte by byte never is silent, and never ends. */
  async function inTime<T>(
    signal: AbortSignal,
    read: (signal: AbortSignal) => Promise<T>,
    answer: HttpAnswer,
  ): Promise<T> {
    const late = new AbortController();
    const disarm = clock.after(options.readingMs, () => {
      const error = new ShrinkError('unreachable', 'the answer of the service did not end');
      late.abort(error);
      answer.body.destroy(error);
    });
    try {
      return await read(AbortSignal.any([signal, late.signal]));
    } finally {
      disarm();
    }
  }

  return { open, read, ask: async exchange => read(await open(exchange), exchange) };
}
