/**
 * `Control` as HTTP, the same on the control socket and on `http.listen`: who may send requests, which routes exist, and how
 * every error is answered.
 */
import { Hono, type MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { getPath } from 'hono/utils/url';
import { say } from '../messages/say.ts';
import type { Logger } from '../platform/log.ts';
import type { BuiltPage } from './assets.ts';
import { type AccessPolicy, authorize } from './authorize.ts';
import { EventLog } from './events.ts';
import { type Bindings, errorBody, type Failure, failure, failureOf, notFound } from './responses.ts';
import { descriptionOf } from './openapi.ts';
import type { Route } from './route.ts';
import { daemonRoutes } from './routes/daemon.ts';
import { jobRoutes } from './routes/jobs.ts';
import { pageRoutes, UPLOAD_PATH } from './routes/page.ts';
import type { Thumbnails } from './thumbnails.ts';
import type { Control, Metering } from './types.ts';
import type { Uploads } from './uploads.ts';
import { WrongTokens } from './wrong-tokens.ts';

export interface AppOptions {
  control: Control;
  log: Logger;
  /** If absent, there is no `/metrics`. */
  metering?: Metering;
  /** How long an event stream may be silent before a comment is sent, milliseconds; proxies cut silent ones after 60 s. */
  heartbeatMs?: number;
  /** Any body except an upload must arrive within this time, milliseconds. */
  bodyMs?: number;
  /** The built page; if absent, a few lines of HTML replace it. */
  page?: BuiltPage;
  /** If absent, the page cannot add files. */
  uploads?: Uploads;
  /** If absent, there are no pictures. */
  thumbnails?: Thumbnails;
}

export interface App {
  fetch(request: Request, bindings: Bindings): Response | Promise<Response>;
  /** Ends every event stream and stops listening to the daemon. */
  close(): void;
}

const HEARTBEAT_MS = 15_000;
/** Bytes; the bodies of our requests are empty or nearly so, except for uploads. */
const MAX_BODY = 64 * 1024;
const BODY_MS = 30_000;

export function createApp(options: AppOptions): App {
  const { control, metering, log } = options;
  const events = new EventLog();
  const unsubscribe = control.subscribe(event => events.push(event));
  const app = new Hono<{ Bindings: Bindings }>({ getPath: pathOf });
  app.use(async (c, next) => {
    await next();
    metering?.answered(c.env.policy.via, c.res.status);
  });
  app.use(secureHeaders(HEADERS));
  checkCallers(app, { wrongTokens: new WrongTokens(log), metering });
  app.use(addSlash);
  drainBodies(app, options.bodyMs ?? BODY_MS);
  const routes = [
    ...pageRoutes(options.page, options.uploads),
    ...daemonRoutes({ control, events, metering, heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS }),
    ...jobRoutes(control, options.thumbnails),
  ];
  addRoutes(app, [...routes, descriptionOf(routes)]);
  app.notFound(notFound);
  app.onError((error, c) => failureOf(c, error, log));
  return {
    fetch: (request, bindings) => app.fetch(request, bindings),
    close() {
      unsubscribe();
      events.close();
    },
  };
}

type HonoApp = Hono<{ Bindings: Bindings }>;

function checkCallers(
  app: HonoApp,
  { wrongTokens, metering }: { wrongTokens: WrongTokens; metering: Metering | undefined },
): void {
  app.use(async (c, next) => {
    const { policy, address } = c.env;
    const sendsToken =
      c.req.header('authorization') !== undefined && policy.via === 'tcp' && policy.token !== undefined;
    const refusal = authorize(policy, {
      method: c.req.method,
      path: c.req.path,
      host: c.req.header('host'),
      origin: c.req.header('origin'),
      fetchSite: c.req.header('sec-fetch-site'),
      authorization: c.req.header('authorization'),
    });
    if (!refusal) return next();
    if (refusal.status !== 401) return failure(c, refusal);
    c.header('WWW-Authenticate', 'Bearer');
    if (!sendsToken) return failure(c, refusal);
    metering?.wrongToken();
    const waitMs = wrongTokens.add(address);
    if (waitMs === 0) return failure(c, refusal);
    c.header('Retry-After', String(Math.ceil(waitMs / 1000)));
    return failure(c, TOO_MANY_TOKENS);
  });
}

const TOO_MANY_TOKENS: Failure = {
  status: 429,
  code: 'unauthorized',
  message: say('api.too-many-tokens'),
  hint: say('api.too-many-tokens-hint'),
};

/** The path of a request, without that of `public_url` if the proxy left it in. */
function pathOf(request: Request, options?: { env?: Bindings }): string {
  const path = getPath(request);
  const prefix = prefixOf(options?.env?.policy);
  if (prefix === '/' || !`${path}/`.startsWith(prefix)) return path;
  return `/${path.slice(prefix.length)}`;
}

function prefixOf(policy: AccessPolicy | undefined): string {
  return policy?.via === 'tcp' ? (policy.publicUrl?.pathname ?? '/') : '/';
}

/** The page's addresses are relative, so the path it is served under must end in a slash. */
const addSlash: MiddlewareHandler<{ Bindings: Bindings }> = (c, next) => {
  const prefix = prefixOf(c.env.policy);
  if (prefix === '/' || `${getPath(c.req.raw)}/` !== prefix) return next();
  return Promise.resolve(c.redirect(prefix, 308));
};

/**
 * Reads and drops request bodies, up to a limit: only uploads have one worth keeping. (hono's bodyLimit works only with the
 * global Request replaced.)
 */
function drainBodies(app: HonoApp, limitMs: number): void {
  app.use(async (c, next) => {
    if (c.req.method === 'POST' && c.req.path === UPLOAD_PATH) return next();
    const problem = await drain(c.req.raw, limitMs);
    if (!problem) return next();
    c.header('Connection', 'close');
    if (problem === 'slow') return failure(c, { status: 408, code: 'timed-out', message: say('api.body-too-slow') });
    return failure(c, { status: 413, code: 'too-large', message: say('api.body-too-large', { bytes: MAX_BODY }) });
  });
}

async function drain(request: Request, limitMs: number): Promise<'large' | 'slow' | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY) return 'large';
  // These have no body here. Asking for it builds a whole Request around the connection, a quarter of what an answer costs.
  if (request.method === 'GET' || request.method === 'HEAD' || !request.body) return undefined;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'slow'>(resolve => {
    timer = setTimeout(() => resolve('slow'), limitMs);
  });
  try {
    return await Promise.race([measure(request.body as unknown as AsyncIterable<Uint8Array>), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function measure(body: AsyncIterable<Uint8Array>): Promise<'large' | undefined> {
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_BODY) return 'large';
  }
  return undefined;
}

/** Adds the routes, and for each path the answer to methods it does not have. */
function addRoutes(app: HonoApp, routes: readonly Route[]): void {
  for (const { method, path, handler } of routes) app.on(method, path, handler);
  for (const path of new Set(routes.map(route => route.path))) {
    const allowed = routes
      .filter(route => route.path === path)
      .map(route => route.method)
      .join(', ');
    app.all(path, c => {
      c.header('Allow', allowed);
      const message = say('api.wrong-method', { method: c.req.method, allowed });
      return failure(c, { status: 405, code: 'method-not-allowed', message });
    });
  }
}

/** The answer to a request that cannot even be parsed. */
export function unreadable(): Response {
  const body = errorBody({ code: 'bad-request', message: say('api.unreadable') });
  return Response.json(body, { status: 400, headers: { 'X-Content-Type-Options': 'nosniff' } });
}

const HEADERS: Parameters<typeof secureHeaders>[0] = {
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    // Pictures are fetched with the token, which works only through a blob.
    imgSrc: ["'self'", 'blob:'],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
  xFrameOptions: 'DENY',
  // Plain HTTP on a home network: promising HTTPS to the browser would lock people out.
  strictTransportSecurity: false,
};
