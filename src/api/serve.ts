/** Listens for requests: always on the control socket, and on an address if the config names one. */
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import type { ListenAddress } from '../config/fields.ts';
import { isLoopback } from '../config/loopback.ts';
import { isWeakToken, type Secret, WEAK_TOKEN } from '../config/secrets.ts';
import { ShrinkError } from '../core/errors.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { replaceDurably } from '../platform/files/durable.ts';
import { fileError } from '../platform/files/file-error.ts';
import { errnoOf, nodeFiles } from '../platform/files/files.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { loadPage } from './assets.ts';
import type { AccessPolicy } from './authorize.ts';
import { addressOf, Connections } from './connections.ts';
import { isSameUser } from './peer.ts';
import { pageAddress, thisMachine } from './page-address.ts';
import { Pairing, type TakenCodes } from './pairing.ts';
import { errorBody } from './responses.ts';
import { type App, type AppOptions, createApp, unreadable } from './server.ts';
import { claimSocket, releaseSocket } from './socket.ts';

export interface ServeOptions extends Omit<AppOptions, 'page' | 'pairing'> {
  /** `state_dir/control.sock`; its directory exists and belongs to us. */
  socketPath: string;
  /** If absent: the socket only. */
  listen?: ListenAddress;
  /** Required on `listen` if set; must be set if `listen` is not a loopback address. */
  token?: Secret;
  /** Where a reverse proxy serves the page; the proxy may or may not remove a path in it. */
  publicUrl?: string;
  clock: Clock;
  /** Called when the page becomes available after all. */
  onPage?: () => void;
  /** The folder of the built page; by default beside this file. */
  pageDir?: string;
}

export interface Serving {
  /** A path to the socket, for this process. */
  readonly socket: string;
  /** The HTTP address, or null: not configured, or not available (yet). */
  readonly address: { host: string; port: number } | null;
  /** The same, for a browser. */
  readonly page: string | null;
  /** Why there is no address although one is configured. It is tried again every few seconds. */
  readonly pageUnavailable: Sentence | undefined;
  /** Ends event streams and connections and removes the socket, within half a second or so. Safe to call twice. */
  close(): Promise<void>;
}

/** How long unfinished answers may take when the daemon stops, milliseconds. */
const CLOSING_MS = 500;
/** How long to wait until an address that was not available is tried again, milliseconds. */
const RETRY_MS = 5_000;
/** Bytes of headers in one request. */
const MAX_HEADERS = 16 * 1024;

/**
 * Starts answering. An unavailable address is only a warning: the daemon's work needs no page.
 * @throws ShrinkError locked if another daemon answers at the socket; config-invalid for an open address without token.
 */
export async function serve(options: ServeOptions): Promise<Serving> {
  const { listen, log, publicUrl } = options;
  const token = options.token?.reveal();
  if (listen && !token && !isLoopback(listen.host)) throw openWithoutToken(listen.host);
  if (listen && options.token && isWeakToken(options.token)) log.warn(`${WEAK_TOKEN}; "shrinkbox doctor" says more`);
  const real = await claimSocket(options.socketPath);
  const page = await loadPage(options.pageDir ?? join(import.meta.dirname, '../web'));
  const app = createApp({
    ...options,
    page,
    pairing: token ? new Pairing(token, options.clock, takenIn(options)) : undefined,
  });
  const servers: Server[] = [];
  try {
    servers.push(await openSocket(app, real.path));
    const door = listen && new PageDoor(app, { ...options, listen, token });
    await door?.open();
    let closing: Promise<void> | undefined;
    return {
      socket: real.path,
      get address() {
        const { bound } = door ?? {};
        return bound ? { host: bound.address, port: bound.port } : null;
      },
      get page() {
        return door?.bound ? (publicUrl ?? pageAddress(door.bound, thisMachine())) : null;
      },
      get pageUnavailable() {
        return door?.why;
      },
      close() {
        closing ??= (async () => {
          const tcp = await door?.close();
          await shut(app, tcp ? [...servers, tcp] : servers);
          await releaseSocket(options.socketPath, real);
        })();
        return closing;
      },
    };
  } catch (error) {
    await shut(app, servers);
    await releaseSocket(options.socketPath, real);
    throw error;
  }
}

/** Ours speak HTTP/1 only; the library's type names HTTP/2 as well. */
type FetchCallback = Parameters<typeof getRequestListener>[0];

function httpServer(app: App, policy: AccessPolicy): Server {
  const connections = policy.via === 'tcp' ? new Connections() : undefined;
  const answer = (request: Request, { incoming, outgoing }: HttpBindings) =>
    app.fetch(request, {
      policy,
      address: connections ? addressOf(incoming.socket) : '',
      isOwner: () => isSameUser(incoming.socket),
      cut: () => outgoing.destroy(),
    });
  const listener = getRequestListener(answer as FetchCallback, {
    overrideGlobalObjects: false,
    errorHandler: unreadable,
  });
  // A request sent before the answer to the last one would wait unheard: where the connection breaks, Node does not say so of it.
  const answering = new WeakSet<Socket>();
  const server = createServer(
    // A video may take hours to arrive, so whoever reads a body limits its time; answers (event streams) may take for ever.
    { requestTimeout: 0, headersTimeout: 10_000, keepAliveTimeout: 5_000, maxHeaderSize: MAX_HEADERS },
    (incoming, outgoing) => {
      if (namesAnotherHost(incoming)) return refuseTarget(outgoing);
      if (answering.has(incoming.socket)) return refuseCheaply(outgoing, say('api.one-at-a-time'));
      answering.add(incoming.socket);
      outgoing.once('close', () => answering.delete(incoming.socket));
      const isTooMany = connections?.began(incoming, outgoing) && !asksHealth(incoming);
      if (isTooMany) refuseCheaply(outgoing, say('api.too-many-requests'));
      else void listener(incoming, outgoing);
    },
  );
  if (connections) connections.limit(server);
  else server.maxConnections = 256;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else socket.end(refusalOf(error.code));
  });
  return server;
}

/** Of `GET http://other/ HTTP/1.1` the host in the target counts (RFC 9112), not the header, which is what is checked. */
function namesAnotherHost({ url = '', headers }: IncomingMessage): boolean {
  const named = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(url)?.[1];
  return named !== undefined && named.toLowerCase() !== headers.host?.toLowerCase();
}

function refuseTarget(outgoing: ServerResponse): void {
  outgoing.writeHead(400, { 'Content-Type': 'application/json', Connection: 'close' });
  outgoing.end(JSON.stringify(errorBody({ code: 'bad-request', message: say('api.other-target') })));
}

function asksHealth({ url = '' }: IncomingMessage): boolean {
  return url.endsWith('/healthz');
}

/** In a storm every refusal counts: this one takes a tenth of what a request costs. The connection's place is free for others. */
function refuseCheaply(outgoing: ServerResponse, message: Sentence): void {
  outgoing.writeHead(503, { 'Content-Type': 'application/json', 'Retry-After': '5', Connection: 'close' });
  outgoing.end(JSON.stringify(errorBody({ code: 'unavailable', message, hint: say('api.try-later') })));
}

/** Anything but HTTP never becomes a request, but it is still answered in the API's error shape. */
function refusalOf(code: string | undefined): string {
  const [status, message] = UNREADABLE[code ?? ''] ?? ['400 Bad Request', say('api.unreadable')];
  const body = JSON.stringify(errorBody({ code: 'bad-request', message }));
  const headers = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close`;
  return `HTTP/1.1 ${status}\r\n${headers}\r\n\r\n${body}`;
}

const UNREADABLE: Readonly<Record<string, [status: string, message: Sentence]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', say('api.headers-too-large', { bytes: MAX_HEADERS })],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', say('api.headers-too-slow')],
};

/**
 * Before chmod, a socket briefly has the umask's mode: so it is created in a directory that only we can enter, and moved into
 * place once it is 0600.
 */
async function openSocket(app: App, real: string): Promise<Server> {
  const server = httpServer(app, { via: 'socket' });
  let privateDir: string | undefined;
  try {
    privateDir = await mkdtemp(join(dirname(real), '.s-'));
    const fresh = join(privateDir, 's');
    await listening(server, () => server.listen(fresh));
    await chmod(fresh, 0o600);
    await rename(fresh, real);
    return server;
  } catch (error) {
    server.close();
    throw fileError(error, say('api.opening-socket'), real);
  } finally {
    if (privateDir) await rm(privateDir, { recursive: true, force: true });
  }
}

interface AddressOptions {
  listen: ListenAddress;
  token: string | undefined;
  log: Logger;
  clock: Clock;
  publicUrl?: string | undefined;
  onPage?: (() => void) | undefined;
}

/** The server at `http.listen`. While its address is taken, it is tried again: whoever has it may go. */
class PageDoor {
  readonly #app: App;
  readonly #options: AddressOptions;
  #server: Server | undefined;
  #stopRetry: () => void = () => {};
  #trying: Promise<void> | undefined;
  #closed = false;
  /** Why it is not open. */
  why: Sentence | undefined;

  constructor(app: App, options: AddressOptions) {
    this.#app = app;
    this.#options = options;
  }

  get bound(): AddressInfo | undefined {
    return (this.#server?.address() ?? undefined) as AddressInfo | undefined;
  }

  /** @throws ShrinkError `config-invalid` if other machines could reach the page without a token */
  async open(): Promise<void> {
    const { listen, log, clock } = this.#options;
    const before = this.why;
    const opened = await openAddress(this.#app, this.#options);
    if ('server' in opened) {
      this.#server = opened.server;
      this.why = undefined;
      return;
    }
    this.why = opened.why;
    const at = `${listen.host}:${listen.port}`;
    if (!before) log.warn({ listen: at, errno: opened.errno }, `${opened.why.text}; the command line works`);
    if (!this.#closed) this.#stopRetry = clock.after(RETRY_MS, () => void (this.#trying = this.#retry()));
  }

  async #retry(): Promise<void> {
    const { log, onPage } = this.#options;
    try {
      await this.open();
    } catch (error) {
      log.warn({ err: error }, 'the page is not opened');
    }
    if (!this.#server || this.#closed) return;
    log.info({ port: this.bound?.port }, 'the page is available now');
    onPage?.();
  }

  /** Tries no more. Resolves with the server that is still open. */
  async close(): Promise<Server | undefined> {
    this.#closed = true;
    this.#stopRetry();
    await this.#trying;
    return this.#server;
  }
}

type Opened = { server: Server } | { why: Sentence; errno: string | undefined };

async function openAddress(app: App, { listen, token, publicUrl }: AddressOptions): Promise<Opened> {
  const policy: Extract<AccessPolicy, { via: 'tcp' }> = {
    via: 'tcp',
    loopback: false,
    token: token || undefined,
    publicUrl: publicUrl === undefined ? undefined : new URL(publicUrl),
  };
  const server = httpServer(app, policy);
  try {
    await listening(server, () => server.listen({ ...listen, exclusive: true }));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const at = `${listen.host}:${listen.port}`;
    return { why: whyNoPage(code, at), errno: code };
  }
  // The address counts, not the name: /etc/hosts may map localhost to anything.
  policy.loopback = isLoopback((server.address() as AddressInfo).address);
  if (!policy.loopback && !token) {
    server.close();
    throw openWithoutToken(listen.host);
  }
  return { server };
}

function whyNoPage(errno: string | undefined, at: string): Sentence {
  switch (errno) {
    case 'EADDRINUSE':
      return say('api.page-port-taken', { at });
    case 'EACCES':
      return say('api.page-port-denied', { at });
    case 'EADDRNOTAVAIL':
      return say('api.page-no-such-address', { at });
    case 'ENOTFOUND':
      return say('api.page-host-unknown', { at });
    default:
      return say('api.page-cannot-listen', { at, errno: errno ?? '' });
  }
}

function openWithoutToken(host: string): ShrinkError {
  return new ShrinkError('config-invalid', say('api.open-without-token', { host }), {
    hint: say('api.open-without-token-hint'),
  });
}

function listening(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      // For example too many open files while accepting: that connection is lost, the daemon is not.
      server.on('error', () => {});
      resolve();
    });
    start();
  });
}

async function shut(app: App, servers: Server[]): Promise<void> {
  app.close();
  await Promise.all(
    servers.map(
      server =>
        new Promise<void>(resolve => {
          const force = setTimeout(() => server.closeAllConnections(), CLOSING_MS);
          server.close(() => {
            clearTimeout(force);
            resolve();
          });
          server.closeIdleConnections();
        }),
    ),
  );
}

/** In a file beside the socket, which a disk that refuses only makes forget. */
function takenIn({ socketPath, log }: Pick<ServeOptions, 'socketPath' | 'log'>): TakenCodes {
  const path = join(dirname(socketPath), 'paired.json');
  return {
    load() {
      try {
        const kept = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
        return Object.entries(kept).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
      } catch {
        return [];
      }
    },
    async save(taken) {
      const text = `${JSON.stringify(Object.fromEntries(taken))}\n`;
      await replaceDurably(path, text, { files: nodeFiles, log, mode: 0o600 }).catch(error =>
        log.warn({ path, errno: errnoOf(error) }, 'could not keep in mind which links were used'),
      );
    },
  };
}
