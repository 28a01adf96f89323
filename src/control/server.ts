/**
 * The HTTP face of `Control`: the same on the control socket and on `http.listen`. Everything that goes wrong is answered
 * as `{error: {code, message, hint}}`.
 */
import { Hono, type Context } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { streamSSE } from 'hono/streaming';
import { type ErrorCode, ShrinkError } from '../core/errors.ts';
import { STATE_NAMES, type StateName } from '../core/job.ts';
import type { Logger } from '../platform/log.ts';
import type { ActionResult, Control } from './control.ts';
import { EventLog } from './events.ts';
import { judge, type Policy } from './guard.ts';

/** How a request came in; handed to the app by the listener. */
export interface Bindings {
  policy: Policy;
}

export interface AppOptions {
  control: Control;
  log: Logger;
  /** Silence on an event stream before a comment shows that it still lives; proxies cut after 60 s. */
  heartbeatMs?: number;
}

export interface App {
  fetch(request: Request, bindings: Bindings): Response | Promise<Response>;
  /** Ends every event stream and stops listening to the daemon. */
  close(): void;
}

interface ErrorBody {
  error: { code: string; message: string; hint: string | null };
}

type Env = { Bindings: Bindings };
type Asked = Context<Env>;
type Handler = (c: Asked) => Response | Promise<Response>;

const HEARTBEAT_MS = 15_000;
/** No request of ours carries a body worth speaking of. */
const MAX_BODY = 64 * 1024;
/** Jobs in one answer unless `limit` says otherwise. */
const MAX_JOBS = 100_000;

export function createApp(options: AppOptions): App {
  const { control, log } = options;
  const events = new EventLog();
  const unsubscribe = control.subscribe(event => events.push(event));
  const app = new Hono<Env>();

  app.use(secureHeaders(HEADERS));
  app.use(async (c, next) => {
    const refusal = judge(c.env.policy, {
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
    if (!(await isTooLarge(c.req.raw))) return next();
    c.header('Connection', 'close');
    return failure(c, 413, 'too-large', `a request may carry at most ${MAX_BODY} bytes`);
  });

  const routes = routesOf(control, events, options.heartbeatMs ?? HEARTBEAT_MS);
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
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
  xFrameOptions: 'DENY',
  // Plain HTTP on a home network: promising HTTPS to the browser would lock people out.
  strictTransportSecurity: false,
};

function routesOf(control: Control, events: EventLog, heartbeatMs: number): [string, string, Handler][] {
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
    ['GET', '/', c => c.html(PAGE)],
    ['GET', '/healthz', c => health(c, control)],
    ['GET', '/api/status', c => json(c, control.status())],
    ['GET', '/api/jobs', c => jobs(c, control)],
    ['GET', '/api/jobs/:id', c => job(c, control)],
    ['POST', '/api/jobs/:id/retry', act(id => control.retry(id))],
    ['POST', '/api/jobs/:id/cancel', act(id => control.cancel(id))],
    ['POST', '/api/jobs/:id/forget', act(id => control.forget(id))],
    ['POST', '/api/jobs/:id/restore', act(id => control.restore(id))],
    ['POST', '/api/pause', turn(() => control.pause())],
    ['POST', '/api/resume', turn(() => control.resume())],
    ['POST', '/api/drain', turn(() => control.drain())],
    ['GET', '/api/explain', c => explain(c, control)],
    ['GET', '/api/events', c => stream(c, control, events, heartbeatMs)],
  ];
}

/** Reads the body away: nothing here wants one. (hono's bodyLimit wants the global Request replaced.) */
async function isTooLarge(request: Request): Promise<boolean> {
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY) return true;
  if (!request.body) return false;
  let size = 0;
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_BODY) return true;
  }
  return false;
}

function json(c: Asked, value: object): Response {
  c.header('Cache-Control', 'no-store');
  return c.json(value);
}

function failure(
  c: Asked,
  status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 500,
  code: string,
  message: string,
  hint?: string,
): Response {
  c.header('Cache-Control', 'no-store');
  const body: ErrorBody = { error: { code, message, hint: hint ?? null } };
  return c.json(body, status);
}

function unexpected(c: Asked, error: unknown, log: Logger): Response {
  if (error instanceof ShrinkError) return failure(c, STATUS[error.code] ?? 500, error.code, error.message, error.hint);
  if (c.req.raw.signal.aborted) return failure(c, 400, 'bad-request', 'the caller went away');
  log.error({ err: error, method: c.req.method, path: c.req.path }, 'a request met a bug');
  return failure(c, 500, 'unexpected', 'shrinkbox met a bug while answering', 'The log says more; please report it.');
}

const STATUS: Partial<Record<ErrorCode, 400 | 404 | 409>> = {
  usage: 400,
  'bad-request': 400,
  gone: 404,
  cancelled: 409,
};

function health(c: Asked, control: Control): Response {
  const { mode } = control.status();
  const ok = mode !== 'stopping' && mode !== 'stopped';
  c.header('Cache-Control', 'no-store');
  return c.json({ ok, mode }, ok ? 200 : 503);
}

function jobs(c: Asked, control: Control): Response {
  const state = c.req.query('state');
  if (state !== undefined && !STATE_NAMES.includes(state as StateName)) {
    return failure(c, 400, 'bad-request', 'there is no such state', `States are: ${STATE_NAMES.join(', ')}.`);
  }
  const limit = count(c.req.query('limit'), MAX_JOBS);
  const offset = count(c.req.query('offset'), 0);
  if (limit === undefined || offset === undefined) {
    return failure(c, 400, 'bad-request', 'limit and offset are whole numbers from 0');
  }
  const all = control.jobs(state as StateName | undefined);
  c.header('X-Total-Count', String(all.length));
  return json(c, all.slice(offset, offset + limit));
}

function count(text: string | undefined, otherwise: number): number | undefined {
  if (text === undefined) return otherwise;
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function job(c: Asked, control: Control): Response {
  const id = jobId(c);
  const found = id === undefined ? undefined : control.job(id);
  return found ? json(c, found) : unknownJob(c);
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
  if (event.kind === 'job') return event.job;
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
