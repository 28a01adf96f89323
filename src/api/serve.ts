/** Listens for requests: always on the control socket, and on an address if the config names one. */
import { chmod, mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import type { ListenAddress } from '../config/fields.ts';
import { isLoopback } from '../config/loopback.ts';
import { isWeakToken, type Secret, WEAK_TOKEN } from '../config/secrets.ts';
import { ShrinkError } from '../core/errors.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { fileError } from '../platform/files/file-error.ts';
import type { Logger } from '../platform/log.ts';
import { loadPage } from './assets.ts';
import type { AccessPolicy } from './authorize.ts';
import { addressOf, Connections } from './connections.ts';
import { errorBody } from './responses.ts';
import { type App, type AppOptions, createApp, unreadable } from './server.ts';
import { claimSocket, releaseSocket } from './socket.ts';

export interface ServeOptions extends Omit<AppOptions, 'page'> {
  /** `state_dir/control.sock`; its directory exists and belongs to us. */
  socketPath: string;
  /** If absent: the socket only. */
  listen?: ListenAddress;
  /** Required on `listen` if set; must be set if `listen` is not a loopback address. */
  token?: Secret;
  /** Where a reverse proxy serves the page; the proxy may or may not remove a path in it. */
  publicUrl?: string;
  /** For XDG_RUNTIME_DIR, when the socket's path is too long. */
  env?: NodeJS.ProcessEnv;
  /** The folder of the built page; by default beside this file. */
  pageDir?: string;
}

export interface Serving {
  /** The socket's real path. */
  readonly socket: string;
  /** The HTTP address, or null: not configured, or not available (logged). */
  readonly address: { host: string; port: number } | null;
  /** The same, for a browser. */
  readonly page: string | null;
  /** Ends event streams and connections and removes the socket, within half a second or so. Safe to call twice. */
  close(): Promise<void>;
}

/** How long unfinished answers may take when the daemon stops, milliseconds. */
const CLOSING_MS = 500;
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
  const real = await claimSocket(options.socketPath, options.env ?? process.env);
  const page = await loadPage(options.pageDir ?? join(import.meta.dirname, '../web'));
  const app = createApp({ ...options, page });
  const servers: Server[] = [];
  try {
    servers.push(await openSocket(app, real));
    const tcp = listen && (await openAddress(app, { listen, token, log, publicUrl }));
    if (tcp) servers.push(tcp);
    const bound = tcp?.address() as AddressInfo | undefined;
    let closing: Promise<void> | undefined;
    return {
      socket: real,
      address: bound ? { host: bound.address, port: bound.port } : null,
      page: bound ? (publicUrl ?? pageAt(bound)) : null,
      close() {
        closing ??= shut(app, servers).then(() => releaseSocket(options.socketPath, real));
        return closing;
      },
    };
  } catch (error) {
    await shut(app, servers);
    await releaseSocket(options.socketPath, real);
    throw error;
  }
}

/** If it listens on every address, other machines can use this machine's name. */
function pageAt({ address, port, family }: AddressInfo): string {
  const isEverywhere = address === '0.0.0.0' || address === '::';
  const host = isEverywhere ? hostname() : family === 'IPv6' ? `[${address}]` : address;
  return `http://${host}:${port}/`;
}

/** Ours speak HTTP/1 only; the library's type names HTTP/2 as well. */
type FetchCallback = Parameters<typeof getRequestListener>[0];

function httpServer(app: App, policy: AccessPolicy): Server {
  const connections = policy.via === 'tcp' ? new Connections() : undefined;
  const answer = (request: Request, { incoming }: HttpBindings) =>
    app.fetch(request, { policy, address: connections ? addressOf(incoming.socket) : '' });
  const listener = getRequestListener(answer as FetchCallback, {
    overrideGlobalObjects: false,
    errorHandler: unreadable,
  });
  const server = createServer(
    // A video may take hours to arrive, so whoever reads a body limits its time; answers (event streams) may take for ever.
    { requestTimeout: 0, headersTimeout: 10_000, keepAliveTimeout: 5_000, maxHeaderSize: MAX_HEADERS },
    (incoming, outgoing) => {
      const isTooMany = connections?.began(incoming, outgoing) && !asksHealth(incoming);
      if (isTooMany) refuseCheaply(outgoing);
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

function asksHealth({ url = '' }: IncomingMessage): boolean {
  return url.endsWith('/healthz');
}

/** In a storm every refusal counts: this one takes a tenth of what a request costs. The connection's place is free for others. */
function refuseCheaply(outgoing: ServerResponse): void {
  const message = say('api.too-many-requests');
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
  publicUrl: string | undefined;
}

async function openAddress(app: App, options: AddressOptions): Promise<Server | undefined> {
  const { listen, token, log } = options;
  const policy: Extract<AccessPolicy, { via: 'tcp' }> = {
    via: 'tcp',
    loopback: false,
    token: token || undefined,
    publicUrl: options.publicUrl === undefined ? undefined : new URL(options.publicUrl),
  };
  const server = httpServer(app, policy);
  try {
    await listening(server, () => server.listen({ ...listen, exclusive: true }));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    log.warn(
      { listen: `${listen.host}:${listen.port}`, errno: code },
      `${WHY[code ?? ''] ?? 'cannot listen on http.listen'}; the page is not available, the command line is`,
    );
    return undefined;
  }
  // The address counts, not the name: /etc/hosts may map localhost to anything.
  policy.loopback = isLoopback((server.address() as AddressInfo).address);
  if (!policy.loopback && !token) {
    server.close();
    throw openWithoutToken(listen.host);
  }
  return server;
}

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses the port of http.listen',
  EACCES: 'this user may not use the port of http.listen (ports below 1024 need a privilege)',
  EADDRNOTAVAIL: 'this machine does not have the address of http.listen',
  ENOTFOUND: 'the host name of http.listen is unknown',
};

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
