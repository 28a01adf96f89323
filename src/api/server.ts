/**
 * `Control` as HTTP, the same on the control socket and on `http.listen`: who may send requests, which routes exist, and how
 * every error is answered.
 */
import { Hono, type MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { getPath } from 'hono/utils/url';
import { say } from '../messages/say.ts';
import { type Clock, systemClock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { BuiltPage } from './assets.ts';
import { type AccessPolicy, authorize } from './authorize.ts';
import { Bodies, MAX_BODY } from './bodies.ts';
import { EventLog } from './events.ts';
import { Links } from './links.ts';
import { type Bindings, errorBody, type Failure, failure, failureOf, notFound, type Variables } from './responses.ts';
import { descriptionOf } from './openapi.ts';
import type { Pairing } from './pairing.ts';
import type { Route } from './route.ts';
import { daemonRoutes } from './routes/daemon.ts';
import { libraryRoutes } from './routes/library.ts';
import { jobRoutes } from './routes/jobs.ts';
import { pageRoutes } from './routes/page.ts';
import { pairingRoutes } from './routes/pairing.ts';
import { isFile, resultRoutes } from './routes/results.ts';
import { settingsRoutes } from './routes/settings.ts';
import { isFileBody } from './routes/uploads.ts';
import type { Results } from './results.ts';
import type { Thumbnails } from './thumbnails.ts';
import type { Control, Metering, Settings } from './types.ts';
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
  /** If absent, results cannot be fetched. */
  results?: Results;
  /** If absent, originals cannot be fetched. */
  originals?: Results;
  /** If absent, rules and settings are not shown. */
  settings?: Settings;
  /** If absent, there is no token. */
  pairing?: Pairing;
  /** By default the system's. */
  clock?: Pick<Clock, 'now'>;
}

export interface App {
  fetch(request: Request, bindings: Bindings): Response | Promise<Response>;
  /** Ends every event stream and stops listening to the daemon. */
  close(): void;
}

const HEARTBEAT_MS = 15_000;
const BODY_MS = 30_000;

export function createApp(options: AppOptions): App {
  const { control, metering, log } = options;
  const events = new EventLog();
  const unsubscribe = control.subscribe(event => events.push(event));
  const app = new Hono<{ Bindings: Bindings; Variables: Variables }>({ getPath: pathOf });
  app.use(async (c, next) => {
    await next();
    metering?.answered(c.env.policy.via, c.res.status);
  });
  const links = new Links(options.clock ?? systemClock);
  app.use(sandboxFiles);
  app.use(secureHeaders(HEADERS));
  const wrongTokens = new WrongTokens(log);
  checkCallers(app, { wrongTokens, metering, links });
  app.use(addSlash);
  drainBodies(app, options.bodyMs ?? BODY_MS);
  const routes = [
    ...pageRoutes(options.page, options.uploads),
    ...daemonRoutes({ control, events, metering, heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS }),
    ...jobRoutes(control, options.thumbnails),
    ...libraryRoutes(control),
    ...resultRoutes(control, { results: options.results, originals: options.originals, links }),
    ...settingsRoutes(options.settings),
    ...pairingRoutes({
      pairing: options.pairing,
      onWrongCode(address) {
        metering?.wrongToken();
        return wrongTokens.add(address);
      },
    }),
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

type HonoApp = Hono<{ Bindings: Bindings; Variables: Variables }>;

function checkCallers(
  app: HonoApp,
  { wrongTokens, metering, links }: { wrongTokens: WrongTokens; metering: Metering | undefined; links: Links },
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
      hasLink: isReading(c.req.method) && links.opens(c.req.path, c.req.query('ticket')),
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

function isReading(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
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

/** What people put into an inbox comes back here: opened in a tab of its own, it is played and nothing else. */
const sandboxFiles: MiddlewareHandler<{ Bindings: Bindings; Variables: Variables }> = async (c, next) => {
  await next();
  if (isFile(c.req.path)) c.res.headers.set('Content-Security-Policy', FILE_POLICY);
};

const FILE_POLICY = "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

/** The page's addresses are relative, so the path it is served under must end in a slash. */
const addSlash: MiddlewareHandler<{ Bindings: Bindings; Variables: Variables }> = (c, next) => {
  const prefix = prefixOf(c.env.policy);
  if (prefix === '/' || `${getPath(c.req.raw)}/` !== prefix) return next();
  return Promise.resolve(c.redirect(prefix, 308));
};

/**
 * Reads request bodies, up to a limit; uploads are read by their route. (hono's bodyLimit works only with the global Request
 * replaced.)
 */
function drainBodies(app: HonoApp, limitMs: number): void {
  const bodies = new Bodies(limitMs);
  app.use(async (c, next) => {
    if (isFileBody(c.req.method, c.req.path)) return next();
    const drained = await bodies.read(c.req.raw, c.env.address);
    if (typeof drained !== 'string') {
      c.set('body', drained.text);
      return next();
    }
    c.header('Connection', 'close');
    if (drained === 'slow') return failure(c, { status: 408, code: 'timed-out', message: say('api.body-too-slow') });
    return failure(c, { status: 413, code: 'too-large', message: say('api.body-too-large', { bytes: MAX_BODY }) });
  });
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
    mediaSrc: ["'self'"],
    connectSrc: ["'self'"],
    manifestSrc: ["'self'"],
    workerSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
  xFrameOptions: 'DENY',
  // Plain HTTP on a home network: promising HTTPS to the browser would lock people out.
  strictTransportSecurity: false,
};
