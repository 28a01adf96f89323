/** Opens the doors of the control API: the socket always, an address where the config names one. */
import { chmod, mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import type { ListenAddress } from '../config/fields.ts';
import { isLoopback } from '../config/loopback.ts';
import type { Secret } from '../config/secrets.ts';
import { fileError } from '../platform/files/file-error.ts';
import { ShrinkError } from '../core/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { Control } from './types.ts';
import type { Policy } from './authorize.ts';
import { loadPage } from './assets.ts';
import { type App, type AppOptions, createApp, type ErrorBody, type Metering, unreadable } from './server.ts';
import { claimSocket, releaseSocket } from './socket.ts';

export interface ServeOptions extends Pick<AppOptions, 'drop' | 'pictures' | 'bodyMs'> {
  control: Control;
  /** `state_dir/control.sock`; its directory exists and belongs to us. */
  socketPath: string;
  /** Absent: the socket only. */
  listen?: ListenAddress;
  /** Asked for on `listen` where set; needed when `listen` is no loopback address. */
  token?: Secret | undefined;
  log: Logger;
  metering?: Metering | undefined;
  /** For XDG_RUNTIME_DIR, when the socket's path is too long. */
  env?: NodeJS.ProcessEnv;
  heartbeatMs?: number;
  /** Where the built page lies; beside this file unless given. */
  pageDir?: string;
}

export interface Serving {
  /** Where the socket really is. */
  readonly socket: string;
  /** Where HTTP is answered, or null: not asked for, or the address could not be had (logged). */
  readonly address: { host: string; port: number } | null;
  /** The same for a browser. */
  readonly page: string | null;
  /** Ends event streams and connections and removes the socket; takes at most a moment. Safe to call twice. */
  close(): Promise<void>;
}

/** Answers under way get this long when the daemon stops. */
const CLOSING_MS = 500;

/**
 * Starts answering. An address that cannot be had is a warning, not an end: the daemon's work needs no page.
 * @throws ShrinkError locked when another daemon answers at the socket; config-invalid for an open address without token.
 */
export async function serve(options: ServeOptions): Promise<Serving> {
  const { listen, log } = options;
  const token = options.token?.reveal();
  if (listen && !token && !isLoopback(listen.host)) throw openWithoutToken(listen.host);
  const real = await claimSocket(options.socketPath, options.env ?? process.env);
  const page = await loadPage(options.pageDir ?? join(import.meta.dirname, '../web'));
  const app = createApp({ ...options, ...(page ? { page } : {}) });
  const servers: Server[] = [];
  try {
    servers.push(await openSocket(app, real));
    const tcp = listen && (await openAddress(app, listen, token, log));
    if (tcp) servers.push(tcp);
    const bound = tcp?.address() as AddressInfo | undefined;
    let closing: Promise<void> | undefined;
    return {
      socket: real,
      address: bound ? { host: bound.address, port: bound.port } : null,
      page: bound ? pageAt(bound) : null,
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

/** Listened at everywhere, the machine's name is what others can use. */
function pageAt({ address, port, family }: AddressInfo): string {
  const isEverywhere = address === '0.0.0.0' || address === '::';
  const host = isEverywhere ? hostname() : family === 'IPv6' ? `[${address}]` : address;
  return `http://${host}:${port}/`;
}

function httpServer(app: App, policy: Policy): Server {
  const listener = getRequestListener((request: Request) => app.fetch(request, { policy }), {
    overrideGlobalObjects: false,
    errorHandler: unreadable,
  });
  const server = createServer(
    // A video may take hours to arrive, so whoever reads a body limits its time; answers (event streams) take what they like.
    { requestTimeout: 0, headersTimeout: 10_000, keepAliveTimeout: 5_000, maxHeaderSize: 16 * 1024 },
    (incoming, outgoing) => void listener(incoming, outgoing),
  );
  server.maxConnections = 256;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else socket.end(refusalOf(error.code));
  });
  return server;
}

/** What is no HTTP never becomes a request: it gets the API's error shape all the same. */
function refusalOf(code: string | undefined): string {
  const [status, message] = UNREADABLE[code ?? ''] ?? ['400 Bad Request', 'this is not a request that can be read'];
  const body = JSON.stringify({ error: { code: 'bad-request', message, hint: null } } satisfies ErrorBody);
  const headers = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close`;
  return `HTTP/1.1 ${status}\r\n${headers}\r\n\r\n${body}`;
}

const UNREADABLE: Readonly<Record<string, [status: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'the headers of this request are larger than 16 kB'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'the headers of this request did not arrive in 10 s'],
};

/**
 * A socket exists with the umask's mode for a moment before chmod: it is made in a directory only we can enter, and moved
 * to its place when it is 0600.
 */
async function openSocket(app: App, real: string): Promise<Server> {
  const server = httpServer(app, { via: 'socket' });
  let nursery: string | undefined;
  try {
    nursery = await mkdtemp(join(dirname(real), '.s-'));
    const newborn = join(nursery, 's');
    await listening(server, () => server.listen(newborn));
    await chmod(newborn, 0o600);
    await rename(newborn, real);
    return server;
  } catch (error) {
    server.close();
    throw fileError(error, 'opening the control socket', real);
  } finally {
    if (nursery) await rm(nursery, { recursive: true, force: true });
  }
}

async function openAddress(
  app: App,
  listen: ListenAddress,
  token: string | undefined,
  log: Logger,
): Promise<Server | undefined> {
  const policy: Extract<Policy, { via: 'tcp' }> = { via: 'tcp', loopback: false, ...(token ? { token } : {}) };
  const server = httpServer(app, policy);
  try {
    await listening(server, () => server.listen({ ...listen, exclusive: true }));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    log.warn(
      { listen: `${listen.host}:${listen.port}`, errno: code },
      `${WHY[code ?? ''] ?? 'http.listen could not be opened'}; going on without the page (the command line works)`,
    );
    return undefined;
  }
  // What the name was resolved to counts, not the name: /etc/hosts may say anything about localhost.
  policy.loopback = isLoopback((server.address() as AddressInfo).address);
  if (!policy.loopback && !token) {
    server.close();
    throw openWithoutToken(listen.host);
  }
  return server;
}

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses the port of http.listen',
  EACCES: 'the port of http.listen is not ours to use (ports under 1024 need a privilege)',
  EADDRNOTAVAIL: 'this machine does not have the address of http.listen',
  ENOTFOUND: 'the host name of http.listen is not known',
};

function openWithoutToken(host: string): ShrinkError {
  return new ShrinkError(
    'config-invalid',
    `http.listen is ${host}, which other machines can reach, and there is no token`,
    {
      hint: 'Set http.token_file to a file with a secret in it (or give the systemd credential http-token), or listen at 127.0.0.1.',
    },
  );
}

function listening(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      // Too many open files while accepting, say: that connection is lost, not the daemon.
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
          const hurry = setTimeout(() => server.closeAllConnections(), CLOSING_MS);
          server.close(() => {
            clearTimeout(hurry);
            resolve();
          });
          server.closeIdleConnections();
        }),
    ),
  );
}
