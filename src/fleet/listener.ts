/** The address of the workers: HTTPS, and nothing without a token. Who may do what is decided in coordinator.ts; this reads and answers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import type { ListenAddress } from '../config/fields.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { KeyAndCertificate } from './certificate.ts';
import type { Coordinator, FleetMeter } from './coordinator.ts';
import { Refused } from './refused.ts';
import {
  BEAT,
  FAILED,
  HELLO,
  isSameText,
  JOIN,
  LEASE,
  LEASE_HEADER,
  MAC_HEADER,
  MADE_HEADER,
  OFFSET_HEADER,
  type Welcome,
} from './protocol.ts';
import type { Roster, RosterEntry } from './roster.ts';
import { sendSlice, takeUpload, uploadedBytes, Uploads } from './transfer.ts';

export interface ListenerOptions {
  listen: ListenAddress;
  tls: KeyAndCertificate;
  roster: Roster;
  coordinator: Coordinator;
  /** What a worker is told, its password for the queue made good there. */
  welcome(worker: RosterEntry): Promise<Welcome>;
  /** By which any worker may join. */
  sharedToken: string | undefined;
  meter?: FleetMeter | undefined;
  clock: Clock;
  log: Logger;
}

/** Bytes; whatever is no result is small. */
const MAX_BODY = 64 * 1024;
/** A test of the line by `worker doctor`. */
const MAX_SPEED_TEST = 256 * 1024 * 1024;
/** Of the addresses in requests, which are paths. */
const BASE = 'https://fleet';
const HEADERS_MS = 20_000;
/** Whoever sends more slowly than that would hold a descriptor for as long as he likes, without a token. */
const BODY_MS = 30_000;
/** A wrong token or code is answered this late: guessing takes for ever. */
const WRONG_TOKEN_MS = 500;

interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  worker: RosterEntry;
}

type Ref = { task: string; n: number; worker: string };

export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #uploads = new Uploads();

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#server = createServer({
      ...options.tls,
      minVersion: 'TLSv1.2',
      headersTimeout: HEADERS_MS,
      requestTimeout: 0,
    });
    this.#server.on('request', (request, response) => void this.#answer(request, response));
    this.#server.on('tlsClientError', () => {});
  }

  /** @throws the errno error of listening */
  async open(): Promise<{ host: string; port: number }> {
    const { host, port } = this.#options.listen as { host: string; port: number };
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    const { address, port: bound } = this.#server.address() as AddressInfo;
    return { host: address, port: bound };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>(resolve => this.#server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => {});
    response.on('error', () => {});
    try {
      await this.#route(request, response);
    } catch (error) {
      this.#refuse(request, response, error);
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = urlOf(request);
    const path = /^\/fleet\/v1\/(.+)$/.exec(pathname)?.[1];
    if (path === undefined) throw new Refused(404, 'not-found', 'there is nothing here');
    if (path === 'join' && request.method === 'POST')
      return json(response, await this.#join(await this.#bodyOf(request, JOIN)));
    const worker = await this.#callerOf(request);
    const call = { request, response, worker };
    if (path === 'hello' && request.method === 'POST') return json(response, await this.#hello(call));
    if (path === 'speed' && request.method === 'GET') return sendNothing(response, Number(searchParams.get('bytes')));
    const [, task = '', what = ''] = /^tasks\/([a-z0-9.]{1,80})\/([a-z]+)$/.exec(path) ?? [];
    const key = `${request.method} ${what}`;
    const { coordinator } = this.#options;
    if (key === 'POST lease') {
      if (worker.benched)
        throw new Refused(403, 'benched', 'a person has sent this worker away: shrinkbox fleet bench');
      return json(response, await coordinator.lease(worker.name, task, await this.#bodyOf(request, LEASE)));
    }
    const act = this.#ofLease[key];
    if (!act) throw new Refused(404, 'not-found', 'there is nothing here');
    const ref = { task, n: Number(request.headers[LEASE_HEADER]), worker: worker.name };
    coordinator.authorize(ref, String(request.headers[MAC_HEADER] ?? ''), isSameText);
    await act(ref, call);
  }

  /** What whoever has a lease may ask. */
  readonly #ofLease: Readonly<Record<string, (ref: Ref, call: Call) => Promise<void>>> = {
    'POST beat': async (ref, { request, response }) => {
      const beat = await this.#bodyOf(request, BEAT);
      json(response, this.#options.coordinator.beat(ref, beat));
    },
    'POST failed': async (ref, { request, response }) => {
      await this.#options.coordinator.failed(ref, await this.#bodyOf(request, FAILED));
      json(response, {});
    },
    'GET slice': (ref, call) => this.#slice(ref, call),
    'HEAD slice': (ref, call) => this.#slice(ref, call),
    'HEAD result': async (ref, { response }) => {
      const { coordinator } = this.#options;
      const spec = coordinator.heldPart(ref);
      const offset = spec ? await uploadedBytes(coordinator.uploadPath(ref, spec)) : 0;
      response.writeHead(200, spec ? { [OFFSET_HEADER]: offset } : { 'upload-complete': '?1' }).end();
    },
    'PATCH result': (ref, call) => this.#result(ref, call),
  };

  async #slice(ref: Ref, { request, response }: Call): Promise<void> {
    const known = /^"([0-9a-f]{64})"$/.exec(request.headers['if-none-match'] ?? '')?.[1];
    const sent = await sendSlice(request, response, await this.#options.coordinator.slice(ref, known));
    this.#options.meter?.moved('out', sent);
  }

  async #result(ref: Ref, { request, response }: Call): Promise<void> {
    const answer = await this.#uploads.inTurn(`${ref.task}.${ref.n}`, request, () => this.#take(ref, request));
    json(response, answer);
  }

  async #take(ref: Ref, request: IncomingMessage): Promise<{ offset: number } | { complete: true }> {
    const { coordinator, meter } = this.#options;
    const spec = coordinator.heldPart(ref);
    // The answer to the last try was lost: no failure.
    if (!spec) {
      request.resume();
      return { complete: true };
    }
    const path = coordinator.uploadPath(ref, spec);
    const taken = await takeUpload(path, request, spec.maxBytes).catch((error: unknown) => {
      throw error instanceof Refused ? error : coordinator.failHere(ref, error);
    });
    const end = 'sha256' in taken ? taken.bytes : taken.offset;
    meter?.moved('in', end - Number(request.headers[OFFSET_HEADER]));
    if (!('sha256' in taken)) return { offset: taken.offset };
    await coordinator.deliver(ref, madeIn(request), taken);
    return { complete: true };
  }

  async #join({ code, name, token }: z.infer<typeof JOIN>): Promise<object> {
    const { roster, sharedToken, clock, log } = this.#options;
    const isShared = sharedToken !== undefined && isSameText(code, sharedToken);
    const joined = isShared
      ? name !== undefined && (await roster.admit(name, token))
      : await roster.redeem(code, clock.now(), token);
    if (isShared && !joined)
      throw new Refused(409, 'name-taken', 'another worker has this name: set worker.name, or revoke the other');
    if (!joined) throw await this.#unauthorized();
    log.info({ worker: joined.name }, `worker ${joined.name} has used its invitation`);
    return joined;
  }

  async #hello({ request, worker }: Call): Promise<Welcome> {
    // The number comes first: of a protocol nobody knows, the rest may look different.
    const body = await this.#bodyOf(request, z.looseObject({ protocol: z.number().int() }));
    const { coordinator, welcome } = this.#options;
    coordinator.mustSpeak(worker.name, body.protocol);
    const hello = HELLO.safeParse(body);
    if (!hello.success) throw badRequest(hello.error);
    if (!hello.data.probe) coordinator.hello(worker.name, hello.data);
    return await welcome(worker);
  }

  /** Of everything but a result: small, and here within BODY_MS. */
  async #bodyOf<T>(request: IncomingMessage, schema: z.ZodType<T>): Promise<T> {
    const stop = this.#options.clock.after(BODY_MS, () => request.destroy());
    const pieces: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const piece of request as AsyncIterable<Buffer>) {
        bytes += piece.length;
        if (bytes > MAX_BODY) throw new Refused(413, 'too-large', 'the request is too large');
        pieces.push(piece);
      }
    } finally {
      stop();
    }
    return parsed(schema, Buffer.concat(pieces).toString('utf8'));
  }

  async #callerOf({ headers }: IncomingMessage): Promise<RosterEntry> {
    const token = /^Bearer ([\w.-]{16,200})$/.exec(headers.authorization ?? '')?.[1];
    const worker = token === undefined ? undefined : await this.#options.roster.whose(token);
    if (!worker) throw await this.#unauthorized();
    return worker;
  }

  async #unauthorized(): Promise<Refused> {
    await new Promise<void>(resolve => void this.#options.clock.after(WRONG_TOKEN_MS, resolve));
    return new Refused(401, 'unauthorized', 'the daemon does not know this token; it may have been revoked');
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (response.headersSent) return void response.destroy();
    const refused = error instanceof Refused ? error : new Refused(500, 'internal', 'internal error');
    if (refused !== error && !request.destroyed)
      this.#options.log.error({ err: error }, 'a request of a worker failed');
    const { status, code, message } = refused;
    const retry = status === 503 ? { 'retry-after': '2' } : {};
    const body = JSON.stringify({ error: { code, message } });
    // What is left of a body that nobody reads would be taken for the next request.
    response.writeHead(status, { ...retry, 'content-type': 'application/json', connection: 'close' });
    response.end(request.method === 'HEAD' ? undefined : body);
  }
}

/** @throws Refused for a target that is no path */
function urlOf({ url = '/' }: IncomingMessage): URL {
  if (URL.canParse(url, BASE)) return new URL(url, BASE);
  throw new Refused(404, 'not-found', 'there is nothing here');
}

function json(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Zeros for a test of the line. */
function sendNothing(response: ServerResponse, bytes: number): void {
  if (!Number.isInteger(bytes) || bytes < 0 || bytes > MAX_SPEED_TEST)
    throw new Refused(400, 'bad-request', 'bytes is missing');
  response.writeHead(200, { 'content-length': bytes });
  const piece = Buffer.alloc(64 * 1024);
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const next = piece.subarray(0, Math.min(left, piece.length));
      left -= next.length;
      if (!response.write(next)) return void response.once('drain', more);
    }
    response.end();
  };
  more();
}

/** What was measured; looked at by whoever asked for it. */
function madeIn({ headers }: IncomingMessage): unknown {
  const written = headers[MADE_HEADER];
  if (typeof written !== 'string') throw new Refused(400, 'bad-request', `${MADE_HEADER} is missing`);
  return parsed(z.unknown(), Buffer.from(written, 'base64url').toString('utf8'));
}

function parsed<T>(schema: z.ZodType<T>, text: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refused(400, 'bad-request', 'this is no JSON');
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw badRequest(result.error);
}

function badRequest(error: z.ZodError): Refused {
  const [issue] = error.issues;
  return new Refused(400, 'bad-request', `${issue?.path.join('.') || 'the body'}: ${issue?.message ?? 'wrong'}`);
}
