import { streamSSE } from 'hono/streaming';
import { z } from 'zod';
import { QUEUE_ORDERS } from '../../core/job.ts';
import { say } from '../../messages/say.ts';
import { Streams } from '../connections.ts';
import type { EventLog } from '../events.ts';
import { type Handler, json, type RequestContext, tooMany } from '../responses.ts';
import { type Route, route } from '../route.ts';
import { health as healthShape, statusView } from '../schemas.ts';
import type { Control, ControlEvent, Metering, StatusView } from '../types.ts';

export interface DaemonRoutesOptions {
  control: Control;
  events: EventLog;
  /** If absent, there is no `/metrics`. */
  metering?: Metering;
  /** How long an event stream may be silent before a comment is sent, milliseconds. */
  heartbeatMs: number;
}

/** The daemon as a whole: its status and metrics, pause and drain, and the stream of changes. */
export function daemonRoutes({ control, events, metering, heartbeatMs }: DaemonRoutesOptions): Route[] {
  const streams = new Streams();
  const turn =
    (action: () => Promise<void>): Handler =>
    async c => {
      await action();
      return json(c, control.status());
    };
  const change = (action: string, about: string, handler: Handler) =>
    route('POST', `/api/${action}`, { about, answer: statusView }, handler);
  const routes: Route[] = [
    route(
      'GET',
      '/healthz',
      { about: 'Whether the daemon works; 503 while it stops or its work is stuck.', answer: healthShape },
      c => health(c, control),
    ),
    route('GET', '/api/status', { about: 'The daemon, its engines and its folders.', answer: statusView }, c =>
      json(c, control.status()),
    ),
    change(
      'pause',
      'Starts nothing new and pauses local encodes; survives a restart.',
      turn(() => control.pause()),
    ),
    change(
      'resume',
      'Ends `pause` and `drain`.',
      turn(() => control.resume()),
    ),
    change(
      'drain',
      'Finishes what runs and starts nothing new.',
      turn(() => control.drain()),
    ),
    route('POST', '/api/order', { about: ORDER, query: orderQuery, answer: statusView }, async (c, { by }) => {
      await control.setOrder(by);
      return json(c, control.status());
    }),
    route('GET', '/api/events', { about: EVENTS, answer: { type: 'text/event-stream' } }, c =>
      stream(c, { control, events, heartbeatMs, streams }),
    ),
  ];
  if (metering) {
    const description = { about: 'Metrics for Prometheus.', answer: { type: 'text/plain' } };
    routes.push(route('GET', '/metrics', description, c => metrics(c, metering, control.status())));
  }
  return routes;
}

const ORDER = 'Sorts the jobs of each folder in the queue; folders take turns all the same. Survives a restart.';
const orderQuery = z.object({ by: z.enum(QUEUE_ORDERS).describe('oldest first, or largest saving first') });
const EVENTS =
  'Every change, as it happens. `status` and `reset` carry a Status, `job` a JobAfterAction, `forgotten` an id. After `reset`, ' +
  'what was fetched before no longer counts. `Last-Event-ID` continues where a connection was lost.';

function health(c: RequestContext, control: Control): Response {
  const mode = control.currentMode();
  const stuck = control.isStuck();
  const ok = mode !== 'stopping' && mode !== 'stopped' && !stuck;
  c.header('Cache-Control', 'no-store');
  return c.json({ ok, mode, stuck }, ok ? 200 : 503);
}

async function metrics(c: RequestContext, metering: Metering, status: StatusView): Promise<Response> {
  const { contentType, text } = await metering.render(status);
  return c.body(text, 200, { 'Content-Type': contentType, 'Cache-Control': 'no-store' });
}

function stream(
  c: RequestContext,
  { control, events, heartbeatMs, streams }: Omit<DaemonRoutesOptions, 'metering'> & { streams: Streams },
): Response {
  const { address, policy } = c.env;
  const end = policy.via === 'socket' ? () => {} : streams.open(address);
  if (!end) return tooMany(c, say('api.too-many-streams'));
  const lastId = c.req.header('last-event-id') ?? undefined;
  const { missed, listener } = events.listen(lastId);
  // Some proxies (nginx) hold streams back unless asked not to.
  c.header('X-Accel-Buffering', 'no');
  return streamSSE(c, async sse => {
    sse.onAbort(() => {
      listener.close();
      end();
    });
    // The first frame is what everything after it changes; `reset` says that what was seen before no longer counts.
    const first = { status: control.status(), at: events.last };
    if (lastId === undefined || missed) {
      const event = missed ? 'reset' : 'status';
      await sse.writeSSE({ event, data: JSON.stringify(first.status), id: first.at, retry: 2000 });
    }
    for (;;) {
      const batch = await listener.next(heartbeatMs);
      if (batch === undefined) return end();
      if (batch.length === 0) await sse.write(': still here\n\n');
      for (const { id, event } of batch) {
        await sse.writeSSE({ id, event: event.kind, data: JSON.stringify(payloadOf(event)) });
      }
    }
  });
}

function payloadOf(event: ControlEvent): object {
  if (event.kind === 'job') return { ...event.job, ...event.live };
  return event.kind === 'status' ? event.status : { id: event.id };
}
