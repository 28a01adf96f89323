import type { LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { Agent, type Dispatcher } from 'undici';
import { ShrinkError } from '../core/errors.ts';
import { say } from '../messages/say.ts';

/** HTTP/1.1 without opinions: no redirects followed, no retries, no cookies, bodies streamed both ways. */
export interface Http {
  /** @throws ShrinkError `unreachable` if no answer came; see `wasNeverSent`. The signal's reason if it aborted. */
  request(request: HttpRequest): Promise<HttpAnswer>;
  close(): Promise<void>;
}

export interface HttpRequest {
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
  body?: string | AsyncIterable<Uint8Array>;
  signal: AbortSignal;
  /** Longest wait for the head of the answer, and between two pieces of its body, milliseconds; 0: no limit. */
  silenceMs: number;
}

export interface HttpAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** Must be read to the end or destroyed. */
  body: Readable;
}

export interface HttpOptions {
  connectMs?: number;
  /** A new connection for every request, so that none is sent into one that is just being closed. */
  fresh?: boolean;
  /** Resolves host names; may refuse an address before a connection is made. */
  lookup?: LookupFunction;
}

export function createHttp(options: HttpOptions = {}): Http {
  const agent = new Agent({
    connect: { timeout: options.connectMs ?? 20_000, lookup: options.lookup },
    pipelining: options.fresh ? 0 : 1,
    // The other side may close an older connection just as something is sent into it.
    keepAliveTimeout: 2000,
    keepAliveMaxTimeout: 10_000,
  });
  return {
    request: request => send(agent, request),
    close: () => agent.destroy(),
  };
}

/** Counts requests by the HTTP status they were answered with. */
export interface RequestMeter {
  requested(status: number | 'none'): void;
}

/** The same, with every answer, or the lack of one, counted by `meter`. */
export function countingHttp(http: Http, meter: RequestMeter | undefined): Http {
  if (!meter) return http;
  return {
    async request(request) {
      try {
        const answer = await http.request(request);
        meter.requested(answer.status);
        return answer;
      } catch (error) {
        meter.requested('none');
        throw error;
      }
    },
    close: () => http.close(),
  };
}

/** True if the failure happened before anything of the request can have reached the other side. */
export function wasNeverSent(error: unknown): boolean {
  return error instanceof ShrinkError && error.code === 'unreachable' && NEVER_SENT.has(errnoOf(error.cause) ?? '');
}

/** Names, routes, refused connections and certificates fail before the first byte of a request. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** Failures of a host that was reached: it ended the connection, or fell silent. */
const AFTER_CONNECTING: Readonly<Record<string, 'cut' | 'silent'>> = {
  UND_ERR_SOCKET: 'cut',
  ECONNRESET: 'cut',
  EPIPE: 'cut',
  UND_ERR_HEADERS_TIMEOUT: 'silent',
  UND_ERR_BODY_TIMEOUT: 'silent',
};

const CERTIFICATE = /CERT|SIGNED|VERIFY|ISSUER/;

/**
 * Wraps an error of a request or of its body. Our own errors pass through unchanged, and if `signal` has aborted, its reason
 * takes precedence.
 */
export function networkError(error: unknown, url: string, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  if (error instanceof ShrinkError) return error;
  const errno = errnoOf(error) ?? '';
  const { host } = new URL(url);
  const isUntrusted = CERTIFICATE.test(errno);
  const problem = isUntrusted ? 'untrusted' : (AFTER_CONNECTING[errno] ?? 'unreachable');
  return new ShrinkError('unreachable', say(`http.${problem}`, { host, errno }), {
    doing: say('http.talking', { host }),
    subject: host,
    hint: say(isUntrusted ? 'http.untrusted-hint' : 'http.unreachable-hint'),
    cause: error,
  });
}

function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string' && code !== '') return code;
  // Several addresses were tried and none reached: each error of the bundle is about connecting.
  if (error instanceof AggregateError) return errnoOf(error.errors[0]);
  return errnoOf(error.cause);
}

async function send(agent: Agent, request: HttpRequest): Promise<HttpAnswer> {
  const { url, signal } = request;
  try {
    const answer = await agent.request({
      origin: new URL(url).origin,
      path: pathOf(url),
      method: request.method,
      headers: request.headers,
      body: (request.body ?? null) as Dispatcher.DispatchOptions['body'],
      signal,
      headersTimeout: request.silenceMs,
      bodyTimeout: request.silenceMs,
    });
    // An abandoned body ends in an error event; only a reader needs to see it.
    answer.body.on('error', () => {});
    return { status: answer.statusCode, headers: flat(answer.headers), body: answer.body };
  } catch (error) {
    throw networkError(error, url, signal);
  }
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url);
  return `${pathname}${search}`;
}

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) out[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return out;
}

/** The whole body as text, at most `limit` bytes. @throws ShrinkError `bad-answer` if there is more. */
export async function readText(answer: HttpAnswer, url: string, limit: number, signal?: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > limit) {
        answer.body.destroy();
        const { host } = new URL(url);
        throw new ShrinkError('bad-answer', say('http.too-long', { host, bytes: limit }), { subject: host });
      }
      chunks.push(chunk);
    }
  } catch (error) {
    throw networkError(error, url, signal);
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
}
