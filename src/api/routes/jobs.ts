import { z } from 'zod';
import { isShrinkError } from '../../core/errors.ts';
import { MAX_INSTRUCTION, type MoveTo } from '../../core/job.ts';
import { say } from '../../messages/say.ts';
import { isOwner } from '../owner.ts';
import { type JobQuery, jobQuery, pageOf } from '../job-query.ts';
import { actionResponse, failure, type Handler, jobId, json, type RequestContext, unknownJob } from '../responses.ts';
import { refuse, type Route, route } from '../route.ts';
import { daysOf } from '../savings.ts';
import {
  archiveView,
  dayList,
  needsList,
  understoodWords,
  explanation,
  jobAfterAction,
  jobDetail,
  jobList,
} from '../schemas.ts';
import { MOMENT_COUNT, type Thumbnails } from '../thumbnails.ts';
import type { ActionResult, Control } from '../types.ts';

/** What callers can read about jobs and do to them. */
export function jobRoutes(control: Control, thumbnails: Thumbnails | undefined): Route[] {
  return [
    route('GET', '/api/jobs', { about: 'Jobs, newest first.', query: jobQuery, answer: jobList }, (c, query) =>
      listJobs(c, control, query),
    ),
    route('GET', '/api/jobs/:id', { about: 'Everything about one job.', answer: jobDetail }, c => showJob(c, control)),
    ...actionRoutes(control),
    route('GET', '/api/needs', { about: NEEDS, answer: needsList }, c => json(c, control.needs())),
    route(
      'GET',
      '/api/understood',
      { about: UNDERSTOOD, query: understoodQuery, answer: understoodWords },
      async (c, asked) => {
        const understood = await control.understood(asked, c.req.raw.signal);
        return understood ? json(c, understood) : unknownJob(c);
      },
    ),
    route('GET', '/api/archive', { about: 'The originals in the archives.', answer: archiveView }, c =>
      json(c, control.archive()),
    ),
    ...pictureRoutes(control, thumbnails),
    route('GET', '/api/history/days', { about: 'What was saved each day.', answer: dayList }, c =>
      json(c, daysOf(control.jobs('done'))),
    ),
    route('GET', '/api/explain', { about: EXPLAIN, query: explainQuery, answer: explanation }, async (c, { path }) =>
      json(c, await control.explain(path, { onPage: c.env.policy.via === 'tcp', signal: c.req.raw.signal })),
    ),
  ];
}

/** What a person may do to a job; the answer is the job after it. */
function actionRoutes(control: Control): Route[] {
  const act =
    (action: (id: string) => Promise<ActionResult>): Handler =>
    async c => {
      const id = jobId(c);
      return id === undefined ? unknownJob(c) : actionResponse(c, await action(id));
    };
  const change = (action: string, about: string, handler: Handler) =>
    route('POST', `/api/jobs/:id/${action}`, { about, answer: jobAfterAction }, handler);
  return [
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
    change(
      'pause',
      'Has one job rest where it is, until `resume`; others take its slot.',
      act(id => control.pauseJob(id)),
    ),
    change(
      'resume',
      'Has a job that was paused go on.',
      act(id => control.resumeJob(id)),
    ),
    route(
      'POST',
      '/api/jobs/:id/move',
      { about: 'Gives a job another place in the queue.', query: moveQuery, answer: jobAfterAction },
      (c, { to }) => move(c, control, to),
    ),
    route(
      'POST',
      '/api/jobs/:id/refine',
      {
        about:
          'Asks for something else: of the same job where it came to nothing, else as another version of the result.',
        query: refineQuery,
        answer: jobAfterAction,
      },
      (c, { words }) => refine(c, control, words),
    ),
  ];
}

function pictureRoutes(control: Control, thumbnails: Thumbnails | undefined): Route[] {
  const answer = { type: 'image/jpeg' };
  return [
    route('GET', '/api/jobs/:id/picture/:which', { about: PICTURE, query: pictureQuery, answer }, (c, { moment }) =>
      showPicture(c, control, { thumbnails, moment }),
    ),
    route('GET', '/api/jobs/:id/thumbnail', { about: THUMBNAIL, query: thumbnailQuery, answer }, (c, { of }) =>
      showThumbnail(c, control, { thumbnails, of }),
    ),
  ];
}

const PICTURE = 'The same frame of the source (`before`) or of the result (`after`) of a finished job.';
const THUMBNAIL = 'A small picture of a job: of the result once there is one, else of the source.';
const EXPLAIN = 'Which rule a file gets and why, and what happened to it before.';

function listJobs(c: RequestContext, control: Control, query: JobQuery): Response {
  const { state: states, detail } = query;
  const found = control.jobs(states?.length === 1 ? states[0] : undefined);
  const { total, page } = pageOf(found, query, query.order === 'queue' ? control.line() : []);
  c.header('X-Total-Count', String(total));
  return json(c, detail ? page.flatMap(each => control.job(each.id) ?? []) : page);
}

function showJob(c: RequestContext, control: Control): Response {
  const id = jobId(c);
  const job = id === undefined ? undefined : control.job(id);
  return job ? json(c, job) : unknownJob(c);
}

const refineQuery = z.object({
  words: z
    .string()
    .default('')
    .transform((given, context) => {
      const words = given.trim();
      if (words.includes('\0')) return refuse(context, say('api.words-not-text'));
      if (words.length > MAX_INSTRUCTION) return refuse(context, say('rules.words-too-long', { max: MAX_INSTRUCTION }));
      return words === '' ? refuse(context, say('api.no-instruction')) : words;
    })
    .describe('what is wanted, in plain words'),
});

const moveQuery = z.object({
  to: z
    .string()
    .default('')
    .transform((given, context): MoveTo => {
      if (given === 'top' || given === 'bottom') return given;
      const [, before] = /^before:([0-9A-Za-z_-]{1,64})$/.exec(given) ?? [];
      return before === undefined ? refuse(context, say('api.no-place')) : { before };
    })
    .describe('`top`, `bottom`, or `before:` and the id of another job'),
});

async function move(c: RequestContext, control: Control, to: MoveTo): Promise<Response> {
  const id = jobId(c);
  return id === undefined ? unknownJob(c) : actionResponse(c, await control.move(id, to));
}

const UNDERSTOOD =
  'What an instruction asks for, by the same reading as when a file comes with it; while somebody types.';
const NEEDS = 'Every job that needs a person, by reason.';

const understoodQuery = z.object({
  words: refineQuery.shape.words,
  job: z.string().optional().describe('about the file of this job'),
  inbox: z.string().optional().describe('about a file in this inbox; by default the first one'),
  name: z.string().optional().describe('its name, which decides on the rule'),
  bytes: z.coerce.number().int().nonnegative().optional().describe('its size'),
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
  return id === undefined ? unknownJob(c) : actionResponse(c, await control.refine(id, words, !(await isOwner(c))));
}

const pictureQuery = z.object({
  moment: z.coerce
    .number()
    .int()
    .min(1)
    .max(MOMENT_COUNT)
    .optional()
    .describe('1, near the beginning, to 5, near the end; by default 2, a third into it'),
});

async function showPicture(
  c: RequestContext,
  control: Control,
  { thumbnails, moment }: { thumbnails: Thumbnails | undefined } & z.output<typeof pictureQuery>,
): Promise<Response> {
  const which = c.req.param('which');
  const id = jobId(c);
  const job = id === undefined ? undefined : control.job(id);
  if (!job) return unknownJob(c);
  if (!thumbnails || job.state !== 'done' || (which !== 'before' && which !== 'after')) {
    return noPicture(c);
  }
  return pictureResponse(c, await thumbnails.picture(job, { side: which, moment }, c.req.raw.signal));
}

const thumbnailQuery = z.object({
  of: z.enum(['before', 'after']).optional().describe('the source or the result; by default what there is'),
});

async function showThumbnail(
  c: RequestContext,
  control: Control,
  { thumbnails, of }: { thumbnails: Thumbnails | undefined } & z.output<typeof thumbnailQuery>,
): Promise<Response> {
  const id = jobId(c);
  const job = id === undefined ? undefined : control.job(id);
  if (!job) return unknownJob(c);
  const side = of ?? (job.state === 'done' ? 'after' : 'before');
  if (!thumbnails || (side === 'after' && job.state !== 'done')) return noPicture(c);
  try {
    return pictureResponse(c, await thumbnails.thumbnail(job, side, c.req.raw.signal));
  } catch (error) {
    if (isShrinkError(error, 'not-media')) return noPicture(c);
    throw error;
  }
}

function pictureResponse(c: RequestContext, picture: Uint8Array<ArrayBuffer>): Response {
  c.header('Cache-Control', 'private, max-age=3600');
  c.header('Content-Type', 'image/jpeg');
  return c.body(picture);
}

function noPicture(c: RequestContext): Response {
  return failure(c, { status: 404, code: 'not-found', message: say('api.no-picture') });
}
