/**
 * The HTTP face of `Control`: the same on the control socket and on `http.listen`. Everything that goes wrong is answered
 * as `{error: {code, message, hint}}`.
 */
import { Hono, type Context } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { streamSSE } from 'hono/streaming';
import { policyFor, ShrinkError } from '../core/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { Asset, Page } from './assets.ts';
import type { ActionResult, Control, StatusView } from './types.ts';
import { daysOf } from './savings.ts';
import type { DropBox } from './uploads.ts';
import { EventLog } from './events.ts';
import { authorize, type Policy } from './authorize.ts';
import { pageOf, wantedIn } from './job-query.ts';
import type { Pictures } from './thumbnails.ts';

/** How a request came in; handed to the app by the listener. */
interface Bindings {
  policy: Policy;
}

/** What `GET /metrics` shows and what is counted for it. */
export interface Metering {
  /** The metrics now, in the text format of Prometheus; `status` is what the daemon says of itself just then. */
  render(status: StatusView): Promise<{ contentType: string; text: string }>;
  /** A request was answered; `via` is the door it came by. */
  answered(via: Policy['via'], status: number): void;
}

export interface AppOptions {
  control: Control;
  log: Logger;
  /** Absent: there is no `/metrics`. */
  metering?: Metering | undefined;
  /** Silence on an event stream before a comment shows that it still lives; proxies cut after 60 s. */
  heartbeatMs?: number;
  /** A body that is not to be kept must arrive in this time, milliseconds. */
  bodyMs?: number;
  /** The built page; absent: a few words in its place. */
  page?: Page;
  /** Absent: nothing can be dropped by the page. */
  drop?: DropBox;
  /** Absent: there are no pictures. */
  pictures?: Pictures;
}

export interface App {
  fetch(request: Request, bindings: Bindings): Response | Promise<Response>;
  /** Ends every event stream and stops listening to the daemon. */
  close(): void;
}

export interface ErrorBody {
  error: { code: string; message: string; hint: string | null };
}

type Env = { Bindings: Bindings };
type Asked = Context<Env>;
type Handler = (c: Asked) => Response | Promise<Response>;

const HEARTBEAT_MS = 15_000;
/** No request of ours carries a body worth speaking of. */
const MAX_BODY = 64 * 1024;
/** Ours are empty or nearly so. */
const BODY_MS = 30_000;
/** The one request whose body is a file; it is read where it is wanted. */
const DROP = '/api/drop';

export function createApp(options: AppOptions): App {
  const { control, log } = options;
  const events = new EventLog();
  const unsubscribe = control.subscribe(event => events.push(event));
  const app = new Hono<Env>();

  app.use(async (c, next) => {
    await next();
    options.metering?.answered(c.env.policy.via, c.res.status);
  });
  app.use(secureHeaders(HEADERS));
  app.use(async (c, next) => {
    const refusal = authorize(c.env.policy, {
      method: c.req.method,
      path: c.req.path,
      host: c.req.header('host'),
      origin: c.req.header('origin'),
      fetchSite: c.req.header('sec-fetch-site'),
      authorization: c.req.header('authorization'),
    });
    if (!refusal) return next();
    if (refusal.status === 401) c.header('WWW-Authenticate', 'Bearer');
    return failure(c, refusal.status, refusal.code, refusal.message, refusal.hint);
  });
  app.use(async (c, next) => {
    if (c.req.method === 'POST' && c.req.path === DROP) return next();
    const trouble = await readAway(c.req.raw, options.bodyMs ?? BODY_MS);
    if (!trouble) return next();
    c.header('Connection', 'close');
    if (trouble === 'slow') return failure(c, 408, 'timed-out', 'the request did not arrive in time');
    return failure(c, 413, 'too-large', `a request may carry at most ${MAX_BODY} bytes`);
  });

  const routes = routesOf(options, events);
  const { metering } = options;
  if (metering) routes.push(['GET', '/metrics', c => metrics(c, metering, control)]);
  for (const [method, path, handler] of routes) app.on(method, path, handler);
  for (const path of new Set(routes.map(route => route[1]))) {
    const allowed = routes.filter(route => route[1] === path).map(route => route[0]);
    app.all(path, c => {
      c.header('Allow', allowed.join(', '));
      return failure(c, 405, 'method-not-allowed', `${c.req.method} cannot be done here; ${allowed.join(' or ')} can`);
    });
  }
  app.notFound(c => failure(c as Asked, 404, 'not-found', 'there is nothing at this address'));
  app.onError((error, c) => unexpected(c as Asked, error, log));

  return {
    fetch: (request, bindings) => app.fetch(request, bindings),
    close() {
      unsubscribe();
      events.close();
    },
  };
}

/** What is said when a request cannot even be read. */
export function unreadable(): Response {
  const body: ErrorBody = { error: { code: 'bad-request', message: 'this request cannot be read', hint: null } };
  return Response.json(body, { status: 400, headers: { 'X-Content-Type-Options': 'nosniff' } });
}

const HEADERS: Parameters<typeof secureHeaders>[0] = {
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    // Pictures are fetched with the token, which only works by way of a blob.
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

function routesOf(options: AppOptions, events: EventLog): [string, string, Handler][] {
  const { control, page, drop, pictures } = options;
  const act =
    (action: (id: string) => Promise<ActionResult>): Handler =>
    async c => {
      const id = jobId(c);
      return id === undefined ? unknownJob(c) : answer(c, await action(id));
    };
  const turn =
    (action: () => Promise<void>): Handler =>
    async c => {
      await action();
      return json(c, control.status());
    };
  return [
    ['GET', '/', c => (page ? asset(c, page.index, 'no-cache') : c.html(PAGE))],
    ['GET', '/assets/:name', c => asset(c, page?.assets.get(c.req.param('name') ?? ''), FOREVER)],
    ['GET', '/healthz', c => health(c, control)],
    ['GET', '/api/status', c => json(c, control.status())],
    ['GET', '/api/jobs', c => jobs(c, control)],
    ['GET', '/api/jobs/:id', c => job(c, control)],
    ['POST', '/api/jobs/:id/retry', act(id => control.retry(id))],
    ['POST', '/api/jobs/:id/cancel', act(id => control.cancel(id))],
    ['POST', '/api/jobs/:id/forget', act(id => control.forget(id))],
    ['POST', '/api/jobs/:id/restore', act(id => control.restore(id))],
    ['POST', '/api/jobs/:id/refine', c => refine(c, control)],
    ['POST', '/api/pause', turn(() => control.pause())],
    ['POST', '/api/resume', turn(() => control.resume())],
    ['POST', '/api/drain', turn(() => control.drain())],
    ['GET', '/api/jobs/:id/picture/:which', c => picture(c, control, pictures)],
    ['GET', '/api/history/days', c => json(c, daysOf(control.jobs('done')))],
    ['GET', '/api/inboxes', async c => json(c, (await drop?.inboxes()) ?? [])],
    ['POST', DROP, c => takeIn(c, drop)],
    ['GET', '/api/explain', c => explain(c, control)],
    ['GET', '/api/events', c => stream(c, control, events, options.heartbeatMs ?? HEARTBEAT_MS)],
  ];
}

async function metrics(c: Asked, metering: Metering, control: Control): Promise<Response> {
  const { contentType, text } = await metering.render(control.status());
  return c.body(text, 200, { 'Content-Type': contentType, 'Cache-Control': 'no-store' });
}

/** Reads the body away: nothing here wants one. (hono's bodyLimit wants the global Request replaced.) */
async function readAway(request: Request, limitMs: number): Promise<'large' | 'slow' | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY) return 'large';
  if (!request.body) return undefined;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'slow'>(resolve => {
    timer = setTimeout(() => resolve('slow'), limitMs);
  });
  try {
    return await Promise.race([sizeUp(request.body as unknown as AsyncIterable<Uint8Array>), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function sizeUp(body: AsyncIterable<Uint8Array>): Promise<'large' | undefined> {
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_BODY) return 'large';
  }
  return undefined;
}

function json(c: Asked, value: object): Response {
  c.header('Cache-Control', 'no-store');
  return c.json(value);
}

function failure(
  c: Asked,
  status: 400 | 401 | 403 | 404 | 405 | 408 | 409 | 413 | 500 | 503 | 507,
  code: string,
  message: string,
  hint?: string,
): Response {
  c.header('Cache-Control', 'no-store');
  const body: ErrorBody = { error: { code, message, hint: hint ?? null } };
  return c.json(body, status);
}

function unexpected(c: Asked, error: unknown, log: Logger): Response {
  if (error instanceof ShrinkError)
    return failure(c, policyFor(error.code).httpStatus, error.code, error.message, error.hint);
  if (c.req.raw.signal.aborted) return failure(c, 400, 'bad-request', 'the caller went away');
  log.error({ err: error, method: c.req.method, path: c.req.path }, 'a request met a bug');
  return failure(c, 500, 'unexpected', 'shrinkbox met a bug while answering', 'The log says more; please report it.');
}

function health(c: Asked, control: Control): Response {
  const { mode } = control.status();
  const ok = mode !== 'stopping' && mode !== 'stopped';
  c.header('Cache-Control', 'no-store');
  return c.json({ ok, mode }, ok ? 200 : 503);
}

function jobs(c: Asked, control: Control): Response {
  const wanted = wantedIn(name => c.req.query(name));
  if ('message' in wanted) return failure(c, 400, 'bad-request', wanted.message, wanted.hint);
  const { states, detail } = wanted;
  const found = control.jobs(states?.length === 1 ? states[0] : undefined);
  const { total, page } = pageOf(found, wanted);
  c.header('X-Total-Count', String(total));
  return json(c, detail ? page.flatMap(each => control.job(each.id) ?? []) : page);
}

/** The names of built files carry their hash. */
const FOREVER = 'public, max-age=31536000, immutable';

function asset(c: Asked, found: Asset | undefined, caching: string): Response {
  if (!found) return failure(c, 404, 'not-found', 'there is nothing at this address');
  c.header('Cache-Control', caching);
  c.header('Content-Type', found.type);
  return c.body(found.body);
}

async function picture(c: Asked, control: Control, pictures: Pictures | undefined): Promise<Response> {
  const which = c.req.param('which');
  const id = jobId(c);
  const job = id === undefined ? undefined : control.job(id);
  if (!job) return unknownJob(c);
  if (!pictures || job.state !== 'done' || (which !== 'before' && which !== 'after')) {
    return failure(c, 404, 'not-found', 'there is no such picture');
  }
  const made = await pictures.picture(job, which);
  c.header('Cache-Control', 'private, max-age=3600');
  c.header('Content-Type', 'image/jpeg');
  return c.body(made);
}

async function takeIn(c: Asked, drop: DropBox | undefined): Promise<Response> {
  const [inbox, name, words] = [c.req.query('inbox'), c.req.query('name'), c.req.query('words')];
  const length = c.req.header('content-length');
  const body = c.req.raw.body as unknown as AsyncIterable<Uint8Array> | null;
  if (!drop || !inbox || !name || !body) {
    return failure(c, 400, 'bad-request', 'a drop needs an inbox, a name and a file');
  }
  const bytes = length !== undefined && /^\d{1,15}$/.test(length) ? { bytes: Number(length) } : {};
  try {
    return json(c, await drop.put({ inbox, name, body, ...bytes, ...(words ? { words } : {}) }));
  } catch (error) {
    // What was not read of the file must not be taken for the next request.
    c.header('Connection', 'close');
    if (error instanceof ShrinkError && error.code === 'no-space') {
      return failure(c, 507, error.code, error.message, error.hint);
    }
    throw error;
  }
}

function job(c: Asked, control: Control): Response {
  const id = jobId(c);
  const found = id === undefined ? undefined : control.job(id);
  return found ? json(c, found) : unknownJob(c);
}

/** Longest words an instruction may have; more than anybody types. */
const MAX_WORDS = 2000;

async function refine(c: Asked, control: Control): Promise<Response> {
  const id = jobId(c);
  const words = c.req.query('words')?.trim() ?? '';
  if (words === '' || words.length > MAX_WORDS) {
    return failure(c, 400, 'bad-request', `say what to do: refine?words=... (at most ${MAX_WORDS} characters)`);
  }
  return id === undefined ? unknownJob(c) : answer(c, await control.refine(id, words));
}

/** `undefined` for what cannot be an id: it goes no further. */
function jobId(c: Asked): string | undefined {
  const id = c.req.param('id') ?? '';
  return /^[0-9A-Za-z_-]{1,64}$/.test(id) ? id : undefined;
}

function unknownJob(c: Asked): Response {
  return failure(c, 404, 'unknown', 'no job has that id', 'shrinkbox jobs lists them.');
}

function answer(c: Asked, result: ActionResult): Response {
  if (result.ok) return json(c, result.job);
  return failure(c, result.problem === 'unknown' ? 404 : 409, result.problem, result.message);
}

async function explain(c: Asked, control: Control): Promise<Response> {
  const path = c.req.query('path') ?? '';
  if (!path.startsWith('/') || path.includes('\0')) {
    return failure(c, 400, 'bad-request', 'path must be the whole path of a file, from / on');
  }
  return json(c, await control.explain(path));
}

function stream(c: Asked, control: Control, events: EventLog, heartbeatMs: number): Response {
  const lastId = c.req.header('last-event-id') ?? undefined;
  const { missed, listener } = events.listen(lastId);
  // Some proxies (nginx) hold streams back unless told not to.
  c.header('X-Accel-Buffering', 'no');
  return streamSSE(c, async sse => {
    sse.onAbort(() => listener.close());
    // The first frame is what everything after it changes; `reset` says that what was seen before no longer counts.
    const first = { status: control.status(), at: events.last };
    if (lastId === undefined || missed) {
      const event = missed ? 'reset' : 'status';
      await sse.writeSSE({ event, data: JSON.stringify(first.status), id: first.at, retry: 2000 });
    }
    for (;;) {
      const batch = await listener.next(heartbeatMs);
      if (batch === undefined) return;
      if (batch.length === 0) await sse.write(': still here\n\n');
      for (const { id, event } of batch) {
        await sse.writeSSE({ id, event: event.kind, data: JSON.stringify(payload(event)) });
      }
    }
  });
}

function payload(event: Parameters<EventLog['push']>[0]): object {
  if (event.kind === 'job') return { ...event.job, ...event.live };
  return event.kind === 'status' ? event.status : { id: event.id };
}

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>shrinkbox</title>
<h1>shrinkbox is running</h1>
<p>See <a href="api/status">its status</a> and <a href="api/jobs">its jobs</a>, or use <code>shrinkbox status</code>.
</html>
`;
