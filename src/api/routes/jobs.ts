import { z } from 'zod';
import { say } from '../../messages/say.ts';
import { type JobQuery, jobQuery, pageOf } from '../job-query.ts';
import { actionResponse, failure, type Handler, jobId, json, type RequestContext, unknownJob } from '../responses.ts';
import { refuse, type Route, route } from '../route.ts';
import { daysOf } from '../savings.ts';
import { dayList, explanation, jobAfterAction, jobDetail, jobList } from '../schemas.ts';
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
  const change = (action: string, about: string, handler: Handler) =>
    route('POST', `/api/jobs/:id/${action}`, { about, answer: jobAfterAction }, handler);
  return [
    route('GET', '/api/jobs', { about: 'Jobs, newest first.', query: jobQuery, answer: jobList }, (c, query) =>
      listJobs(c, control, query),
    ),
    route('GET', '/api/jobs/:id', { about: 'Everything about one job.', answer: jobDetail }, c => showJob(c, control)),
    change(
      'retry',
      'Tries a failed, held or cancelled job again.',
      act(id => control.retry(id)),
    ),
    change(
      'cancel',
      'Stops a job; its source stays.',
      act(id => control.cancel(id)),
    ),
    change(
      'forget',
      'Does the job again from the beginning.',
      act(id => control.forget(id)),
    ),
    change(
      'restore',
      'Brings the archived original back.',
      act(id => control.restore(id)),
    ),
    route(
      'POST',
      '/api/jobs/:id/refine',
      { about: 'Makes another version of a finished job.', query: refineQuery, answer: jobAfterAction },
      (c, { words }) => refine(c, control, words),
    ),
    route('GET', '/api/jobs/:id/picture/:which', { about: PICTURE, answer: { type: 'image/jpeg' } }, c =>
      showPicture(c, control, thumbnails),
    ),
    route('GET', '/api/history/days', { about: 'What was saved each day.', answer: dayList }, c =>
      json(c, daysOf(control.jobs('done'))),
    ),
    route('GET', '/api/explain', { about: EXPLAIN, query: explainQuery, answer: explanation }, async (c, { path }) =>
      json(c, await control.explain(path, { onPage: c.env.policy.via === 'tcp', signal: c.req.raw.signal })),
    ),
  ];
}

const PICTURE = 'The same frame of the source (`before`) or of the result (`after`) of a finished job.';
const EXPLAIN = 'Which rule a file gets and why, and what happened to it before.';

function listJobs(c: RequestContext, control: Control, query: JobQuery): Response {
  const { state: states, detail } = query;
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

const refineQuery = z.object({
  words: z
    .string()
    .default('')
    .transform((given, context) => {
      const words = given.trim();
      const isFine = words !== '' && words.length <= MAX_INSTRUCTION;
      return isFine ? words : refuse(context, say('api.no-instruction', { max: MAX_INSTRUCTION }));
    })
    .describe('what is wanted, in plain words'),
});

const explainQuery = z.object({
  path: z
    .string()
    .default('')
    .transform((path, context) =>
      path.startsWith('/') && !path.includes('\0') ? path : refuse(context, say('api.relative-path')),
    )
    .describe('absolute path'),
});

async function refine(c: RequestContext, control: Control, words: string): Promise<Response> {
  const id = jobId(c);
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
