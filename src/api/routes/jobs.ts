import { say } from '../../messages/say.ts';
import { pageOf, parseJobQuery } from '../job-query.ts';
import {
  actionResponse,
  badRequest,
  failure,
  type Handler,
  jobId,
  json,
  type RequestContext,
  type Route,
  unknownJob,
} from '../responses.ts';
import { daysOf } from '../savings.ts';
import type { Thumbnails } from '../thumbnails.ts';
import type { ActionResult, Control } from '../types.ts';

/** What callers can read about jobs and do to them. */
export function jobRoutes(control: Control, thumbnails: Thumbnails | undefined): Route[] {
  const act =
    (action: (id: string) => Promise<ActionResult>): Handler =>
    async c => {
      const id = jobId(c);
      return id === undefined ? unknownJob(c) : actionResponse(c, await action(id));
    };
  return [
    ['GET', '/api/jobs', c => listJobs(c, control)],
    ['GET', '/api/jobs/:id', c => showJob(c, control)],
    ['POST', '/api/jobs/:id/retry', act(id => control.retry(id))],
    ['POST', '/api/jobs/:id/cancel', act(id => control.cancel(id))],
    ['POST', '/api/jobs/:id/forget', act(id => control.forget(id))],
    ['POST', '/api/jobs/:id/restore', act(id => control.restore(id))],
    ['POST', '/api/jobs/:id/refine', c => refine(c, control)],
    ['GET', '/api/jobs/:id/picture/:which', c => showPicture(c, control, thumbnails)],
    ['GET', '/api/history/days', c => json(c, daysOf(control.jobs('done')))],
    ['GET', '/api/explain', c => explain(c, control)],
  ];
}

function listJobs(c: RequestContext, control: Control): Response {
  const query = parseJobQuery(name => c.req.query(name));
  if ('message' in query) return badRequest(c, query.message, query.hint);
  const { states, detail } = query;
  const found = control.jobs(states?.length === 1 ? states[0] : undefined);
  const { total, page } = pageOf(found, query);
  c.header('X-Total-Count', String(total));
  return json(c, detail ? page.flatMap(each => control.job(each.id) ?? []) : page);
}

function showJob(c: RequestContext, control: Control): Response {
  const id = jobId(c);
  const job = id === undefined ? undefined : control.job(id);
  return job ? json(c, job) : unknownJob(c);
}

/** Characters allowed in an instruction; more than anybody types. */
const MAX_INSTRUCTION = 2000;

async function refine(c: RequestContext, control: Control): Promise<Response> {
  const id = jobId(c);
  const words = c.req.query('words')?.trim() ?? '';
  if (words === '' || words.length > MAX_INSTRUCTION) {
    return badRequest(c, say('api.no-instruction', { max: MAX_INSTRUCTION }));
  }
  return id === undefined ? unknownJob(c) : actionResponse(c, await control.refine(id, words));
}

async function showPicture(c: RequestContext, control: Control, thumbnails: Thumbnails | undefined): Promise<Response> {
  const which = c.req.param('which');
  const id = jobId(c);
  const job = id === undefined ? undefined : control.job(id);
  if (!job) return unknownJob(c);
  if (!thumbnails || job.state !== 'done' || (which !== 'before' && which !== 'after')) {
    return failure(c, { status: 404, code: 'not-found', message: say('api.no-picture') });
  }
  const picture = await thumbnails.picture(job, which, c.req.raw.signal);
  c.header('Cache-Control', 'private, max-age=3600');
  c.header('Content-Type', 'image/jpeg');
  return c.body(picture);
}

async function explain(c: RequestContext, control: Control): Promise<Response> {
  const path = c.req.query('path') ?? '';
  if (!path.startsWith('/') || path.includes('\0')) return badRequest(c, say('api.relative-path'));
  return json(c, await control.explain(path, c.req.raw.signal));
}
