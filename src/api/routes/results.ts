import { z } from 'zod';
import { isShrinkError } from '../../core/errors.ts';
import { say } from '../../messages/say.ts';
import type { Links } from '../links.ts';
import { failure, jobId, json, type RequestContext, shrinkErrorResponse, unknownJob } from '../responses.ts';
import type { Results } from '../results.ts';
import { type Route, route } from '../route.ts';
import { resultLink } from '../schemas.ts';
import type { Control, JobDetail } from '../types.ts';

interface ResultRoutesOptions {
  /** If absent, no job has a result. */
  results: Results | undefined;
  /** The same of what the results were made from. */
  originals: Results | undefined;
  links: Links;
}

const FILES = ['result', 'original'] as const;

/** Whether an address is that of a person's file. */
export function isFile(path: string): boolean {
  return FILES.some(each => path.endsWith(`/${each}`));
}

/** The delivered files, for players and downloads. */
export function resultRoutes(control: Control, options: ResultRoutesOptions): Route[] {
  const about = 'The delivered file, whole or one range of it.';
  return [
    route('GET', '/api/jobs/:id/result', { about, query: resultQuery, answer: { type: 'video/mp4' } }, (c, query) =>
      sendFile(c, control, { files: options.results, download: query.download !== undefined }),
    ),
    route(
      'GET',
      '/api/jobs/:id/original',
      { about: ORIGINAL, query: resultQuery, answer: { type: 'video/*' } },
      (c, query) => sendFile(c, control, { files: options.originals, download: query.download !== undefined }),
    ),
    route('POST', '/api/jobs/:id/link', { about: LINK, query: linkQuery, answer: resultLink }, (c, { of }) =>
      issueLink(c, control, { ...options, of }),
    ),
  ];
}

const ORIGINAL = 'What the result was made from, where it still is: whole or one range of it.';
const LINK =
  'An address of the result, or of the original, that works without the token for twelve hours, for this one file only.';

const resultQuery = z.object({
  download: z.string().optional().describe('with any value, even none: to be saved rather than played'),
  ticket: z.string().optional().describe('of an address that `link` gave, in place of the token'),
});

const linkQuery = z.object({ of: z.enum(FILES).default('result') });

async function sendFile(
  c: RequestContext,
  control: Control,
  { files, download }: { files: Results | undefined; download: boolean },
): Promise<Response> {
  const job = jobIn(c, control);
  if (!job) return unknownJob(c);
  try {
    const answer = await files?.answer({
      id: job.id,
      head: c.req.method === 'HEAD',
      download,
      range: c.req.header('range'),
      ifRange: c.req.header('if-range'),
      ifNoneMatch: c.req.header('if-none-match'),
      ifModifiedSince: c.req.header('if-modified-since'),
      address: c.env.address,
      cut: () => c.env.cut?.(),
    });
    return answer ? c.newResponse(answer.body, answer.status, answer.headers) : noResult(c);
  } catch (error) {
    if (isShrinkError(error, 'gone')) return shrinkErrorResponse(c, error, 410);
    throw error;
  }
}

function issueLink(
  c: RequestContext,
  control: Control,
  { results, originals, links, of }: ResultRoutesOptions & z.output<typeof linkQuery>,
): Response {
  const job = jobIn(c, control);
  if (!job) return unknownJob(c);
  if (!(of === 'result' ? results : originals)?.has(job.id)) return noResult(c);
  const path = `/api/jobs/${job.id}/${of}`;
  const { ticket, until } = links.issue(path);
  return json(c, { path: `${path.slice(1)}?ticket=${ticket}`, until });
}

function jobIn(c: RequestContext, control: Control): JobDetail | undefined {
  const id = jobId(c);
  return id === undefined ? undefined : control.job(id);
}

function noResult(c: RequestContext): Response {
  return failure(c, { status: 404, code: 'not-found', message: say('api.no-result') });
}
