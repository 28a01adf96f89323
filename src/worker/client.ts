/** The worker's side of /fleet/v1: every call goes to one daemon, recognised by the key it was invited with. */
import { createReadStream } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import type { TLSSocket } from 'node:tls';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import type { z } from 'zod';
import { ShrinkError } from '../core/errors.ts';
import { pinOf } from '../fleet/certificate.ts';
import {
  type Beat,
  BEAT_ANSWER,
  type Failure,
  GRANT,
  type Hello,
  JOINED,
  LEASE_HEADER,
  type LeaseRequest,
  LENGTH_HEADER,
  MAC_HEADER,
  MADE_HEADER,
  OFFSET_HEADER,
  SHA256_HEADER,
  WELCOME,
  type Welcome,
} from '../fleet/protocol.ts';
import type { Ticket } from '../fleet/roster.ts';
import { say } from '../messages/say.ts';
import { writeAll } from '../platform/files/durable.ts';
import { fileError } from '../platform/files/file-error.ts';
import { networkError } from '../platform/http.ts';

/** The daemon answered, and says no. */
export class SaysNo extends Error {
  readonly status: number;
  readonly code: string;
  readonly retryAfterMs: number | undefined;
  constructor(status: number, code: string, message: string, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface LeaseKey {
  task: string;
  n: number;
  mac: string;
}

export interface Granted extends LeaseKey {
  order: unknown;
}

/** A line that says nothing for this long is given up; what it carried is asked for again. */
const SILENCE_MS = 30_000;
const CONNECT_MS = 10_000;
const WRONG_KEY = 'ERR_PINNED_CERT';
const MAX_ANSWER = 4 * 1024 * 1024;

export class DaemonClient {
  readonly #url: string;
  readonly #secret: string;
  readonly #agent: Agent;
  readonly #silenceMs: number;
  /** By how much this machine's clock is ahead of the daemon's, by its last answer; to a second or so. */
  clockAheadMs: number | undefined;

  constructor({ url, pin, secret }: Omit<Ticket, 'isInvitation'>, { silenceMs = SILENCE_MS } = {}) {
    this.#url = url;
    this.#secret = secret;
    this.#silenceMs = silenceMs;
    this.#agent = new Agent({
      connect: pinned(pin),
      pipelining: 1,
      keepAliveTimeout: 2_000,
      keepAliveMaxTimeout: 10_000,
    });
  }

  /**
   * The token for an invitation, or for the fleet's own token and a name.
   * @param token the one it will have: asked for again, it is the same join
   */
  async join({ name, token }: { name?: string; token?: string }, signal: AbortSignal): Promise<z.infer<typeof JOINED>> {
    const body = { code: this.#secret, name, token };
    return this.#parsed(JOINED, await this.#post('join', body, signal, {}));
  }

  async hello(hello: Hello, signal: AbortSignal): Promise<Welcome> {
    return this.#parsed(WELCOME, await this.#post('hello', hello, signal));
  }

  async lease(task: string, request: LeaseRequest, signal: AbortSignal): Promise<Granted> {
    const { n, mac, order } = this.#parsed(GRANT, await this.#post(`tasks/${task}/lease`, request, signal));
    return { task, n, mac, order };
  }

  async beat(lease: LeaseKey, beat: Beat, signal: AbortSignal): Promise<{ pause: boolean; cancel: boolean }> {
    return this.#parsed(BEAT_ANSWER, await this.#post(`tasks/${lease.task}/beat`, beat, signal, this.#of(lease)));
  }

  async failed(lease: LeaseKey, failure: Failure, signal: AbortSignal): Promise<void> {
    await this.#post(`tasks/${lease.task}/failed`, failure, signal, this.#of(lease));
  }

  /** Bytes a second of the line from the daemon, by so many of them. */
  async speed(bytes: number, signal: AbortSignal): Promise<void> {
    const answer = await this.#request({ method: 'GET', path: `speed?bytes=${bytes}`, signal });
    for await (const piece of answer.body) void piece;
  }

  /**
   * Fetches the rest of what the part is made from into `path`. Resolves with its hash and size, as the daemon says; it may have been
   * cut off before. `same` if it is what has the hash `known`: then nothing was sent.
   */
  async slice(
    lease: LeaseKey,
    { path, known }: { path: string; known: string | undefined },
    signal: AbortSignal,
  ): Promise<{ sha256: string; bytes: number; state: 'same' | 'whole' | 'part' }> {
    const has = await stat(path).then(
      ({ size }) => size,
      () => 0,
    );
    const headers: Record<string, string> = { ...this.#of(lease) };
    if (has > 0) headers['range'] = `bytes=${has}-`;
    if (known !== undefined) headers['if-none-match'] = `"${known}"`;
    const target = `tasks/${lease.task}/slice`;
    let answer: Dispatcher.ResponseData;
    try {
      answer = await this.#request({ method: 'GET', path: target, headers, signal });
    } catch (error) {
      if (has === 0 || !(error instanceof SaysNo) || error.status !== 416) throw error;
      // What is here is longer than all of it: of an earlier film plan.
      await rm(path, { force: true });
      return { sha256: '', bytes: 0, state: 'part' };
    }
    const sha256 = String(answer.headers[SHA256_HEADER] ?? '');
    if (answer.statusCode === 304) return { sha256, bytes: 0, state: 'same' };
    const rest = Number(answer.headers['content-length'] ?? 0);
    const from = answer.statusCode === 206 ? has : 0;
    const file = await open(path, from > 0 ? 'r+' : 'w', 0o600);
    let at = from;
    try {
      for await (const piece of answer.body as AsyncIterable<Buffer>) {
        at = await writeAll(file, piece, at).catch((error: unknown) => {
          throw fileError(error, say('files.writing', { path }), path);
        });
      }
    } catch (error) {
      throw networkError(error, this.#url, signal);
    } finally {
      await file.close();
    }
    return { sha256, bytes: from + rest, state: at === from + rest ? 'whole' : 'part' };
  }

  /** Sends what is missing of a result. Resolves once the daemon has accepted the whole. */
  async upload(lease: LeaseKey, result: Result, signal: AbortSignal): Promise<void> {
    const target = `tasks/${lease.task}/result`;
    const head = await this.#request({ method: 'HEAD', path: target, headers: this.#of(lease), signal });
    await head.body.dump();
    if (head.headers['upload-complete'] !== undefined) return;
    const has = Number(head.headers[OFFSET_HEADER] ?? 0);
    // All of it may be there and be looked at: nothing is sent twice.
    const offset = has <= result.bytes ? has : 0;
    const answer = await this.#request({
      method: 'PATCH',
      path: target,
      headers: {
        ...this.#of(lease),
        [OFFSET_HEADER]: String(offset),
        [LENGTH_HEADER]: String(result.bytes),
        [SHA256_HEADER]: result.sha256,
        [MADE_HEADER]: Buffer.from(JSON.stringify(result.made)).toString('base64url'),
        'content-length': String(result.bytes - offset),
      },
      body:
        result.path === undefined || offset === result.bytes ? '' : createReadStream(result.path, { start: offset }),
      signal,
    });
    await answer.body.dump();
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #of({ n, mac }: LeaseKey): Record<string, string> {
    return { [LEASE_HEADER]: String(n), [MAC_HEADER]: mac };
  }

  async #post(path: string, body: object, signal: AbortSignal, headers: Record<string, string> = {}): Promise<unknown> {
    const type = { 'content-type': 'application/json', ...headers };
    const answer = await this.#request({ method: 'POST', path, headers: type, body: JSON.stringify(body), signal });
    return parsedJson(await this.#text(answer, signal));
  }

  async #text(answer: Dispatcher.ResponseData, signal: AbortSignal): Promise<string> {
    const pieces: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const piece of answer.body as AsyncIterable<Buffer>) {
        bytes += piece.length;
        if (bytes > MAX_ANSWER) throw new Error('the answer is too long');
        pieces.push(piece);
      }
    } catch (error) {
      throw networkError(error, this.#url, signal);
    }
    return Buffer.concat(pieces).toString('utf8');
  }

  async #request(request: {
    method: 'GET' | 'HEAD' | 'POST' | 'PATCH';
    path: string;
    headers?: Record<string, string>;
    body?: Dispatcher.DispatchOptions['body'];
    signal: AbortSignal;
  }): Promise<Dispatcher.ResponseData> {
    const { method, path, headers, body = null, signal } = request;
    const login: Record<string, string> = path === 'join' ? {} : { authorization: `Bearer ${this.#secret}` };
    let answer: Dispatcher.ResponseData;
    try {
      answer = await this.#agent.request({
        ...{ origin: this.#url, path: `/fleet/v1/${path}`, method, body, signal },
        headers: { ...login, ...headers },
        headersTimeout: this.#silenceMs,
        bodyTimeout: this.#silenceMs,
      });
    } catch (error) {
      throw wrongKey(error, this.#url) ?? networkError(error, this.#url, signal);
    }
    answer.body.on('error', () => {});
    const said = Date.parse(String(answer.headers['date']));
    if (Number.isFinite(said)) this.clockAheadMs = Date.now() - said;
    if (answer.statusCode < 400) return answer;
    const { error } = parsedJson(await this.#text(answer, signal).catch(() => '')) as { error?: Partial<SaysNo> };
    const retry = Number(answer.headers['retry-after']);
    const { code = 'unknown', message = `the daemon answered ${answer.statusCode}` } = error ?? {};
    throw new SaysNo(answer.statusCode, code, message, Number.isFinite(retry) ? retry * 1000 : undefined);
  }

  #parsed<T>(schema: z.ZodType<T>, value: unknown): T {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    throw new ShrinkError('bad-answer', say('fleet.not-a-daemon', { url: this.#url }), { subject: this.#url });
  }
}

export interface Result {
  /** Absent where nothing but figures is sent. */
  path: string | undefined;
  bytes: number;
  sha256: string;
  made: unknown;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** Somebody in between, or a daemon that lost its state. */
function wrongKey(error: unknown, url: string): ShrinkError | undefined {
  if ((error as NodeJS.ErrnoException).code !== WRONG_KEY) return undefined;
  return new ShrinkError('unreachable', say('fleet.other-key', { url }), {
    subject: url,
    hint: say('fleet.other-key-hint'),
    cause: error,
  });
}

/** Trusts one key, whatever its certificate says; without a pin, what every program trusts. */
function pinned(pin: string | undefined): buildConnector.connector {
  const connect = buildConnector({
    timeout: CONNECT_MS,
    // A resumed session shows no certificate.
    ...(pin !== undefined && { rejectUnauthorized: false, maxCachedSessions: 0 }),
  });
  return (options, done) =>
    connect(options, (...[error, socket]) => {
      if (error) return done(error, null);
      const shown = pin === undefined ? undefined : (socket as TLSSocket).getPeerX509Certificate()?.raw;
      if (pin === undefined || (shown && pinOf(shown) === pin)) return done(null, socket);
      socket?.destroy();
      done(Object.assign(new Error('another key than the one of the invitation'), { code: WRONG_KEY }), null);
    });
}
