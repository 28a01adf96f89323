import { z } from 'zod';
import { isShrinkError } from '../../core/errors.ts';
import { say } from '../../messages/say.ts';
import { tidied } from '../../platform/garbage.ts';
import { badRequest, failure, json, type RequestContext, shrinkErrorResponse } from '../responses.ts';
import { type Route, route } from '../route.ts';
import { abandoned, uploaded, uploadProgress } from '../schemas.ts';
import type { UploadProgress } from '../types.ts';
import type { Uploads } from '../uploads.ts';

const WHOLE = '/api/drop';
const PARTS = '/api/uploads';

/** Whether the body of a request is a file, or a part of one: only its route may read it. */
export function isFileBody(method: string, path: string): boolean {
  return (method === 'POST' && path === WHOLE) || (method === 'PATCH' && path.startsWith(`${PARTS}/`));
}

/** The files people add: in one request, or in parts, so that a lost connection loses little. */
export function uploadRoutes(uploads: Uploads | undefined): Route[] {
  return [
    route('POST', WHOLE, { about: UPLOAD, query: uploadQuery, file: true, answer: uploaded }, (c, query) =>
      putWhole(c, uploads, query),
    ),
    route('POST', PARTS, { about: BEGIN, query: partsQuery, answer: uploadProgress }, (c, query) =>
      begin(c, uploads, query),
    ),
    route('GET', `${PARTS}/:id`, { about: 'How much of an upload is there.', answer: uploadProgress }, async c =>
      answer(c, await uploads?.progress(idIn(c))),
    ),
    route('PATCH', `${PARTS}/:id`, { about: APPEND, file: true, answer: uploadProgress }, c => append(c, uploads)),
    route('DELETE', `${PARTS}/:id`, { about: ABANDON, answer: abandoned }, async c =>
      (await uploads?.abandon(idIn(c))) ? json(c, { id: idIn(c) }) : unknownUpload(c),
    ),
  ];
}

const UPLOAD =
  'Adds a file to an inbox; the body is the file. Answers once it is safely there, under a name nobody else has.';
const BEGIN = 'Begins an upload in parts. It is given up after an hour without one.';
const APPEND =
  'The next part of a file; the header `Upload-Offset` says where it begins. 409 if that is not where the last one ended: the ' +
  'answer has the place. Once all is there, `file` says what it became.';
const ABANDON = 'Ends an upload in parts, and removes what has arrived.';

const uploadQuery = z.object({
  inbox: z.string().optional().describe('absolute path of the inbox; required'),
  name: z.string().optional().describe('name of the file; required'),
  words: z.string().optional().describe('the instruction for it'),
});

const partsQuery = uploadQuery.extend({
  bytes: z.coerce.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER).describe('size of the file'),
});

function bodyOf(c: RequestContext): AsyncIterable<Uint8Array> | null {
  const body = c.req.raw.body as unknown as AsyncIterable<Uint8Array> | null;
  return body && tidied(body);
}

async function putWhole(
  c: RequestContext,
  uploads: Uploads | undefined,
  { inbox, name, words }: z.output<typeof uploadQuery>,
): Promise<Response> {
  const length = c.req.header('content-length') ?? '';
  const body = bodyOf(c);
  if (!uploads || !inbox || !name || !body) return badRequest(c, say('api.upload-needs'));
  const bytes = /^\d{1,15}$/.test(length) ? Number(length) : undefined;
  return receiving(c, async () =>
    json(c, await uploads.put({ inbox, name, body, bytes, words, address: c.env.address })),
  );
}

async function begin(
  c: RequestContext,
  uploads: Uploads | undefined,
  { inbox, name, words, bytes }: z.output<typeof partsQuery>,
): Promise<Response> {
  if (!uploads || !inbox || !name) return badRequest(c, say('api.upload-needs'));
  return withSpace(c, async () =>
    answer(c, await uploads.begin({ inbox, name, bytes, words, address: c.env.address })),
  );
}

async function append(c: RequestContext, uploads: Uploads | undefined): Promise<Response> {
  const offset = /^\d{1,15}$/.exec(c.req.header('upload-offset') ?? '')?.[0];
  const body = bodyOf(c);
  if (offset === undefined || !body) return badRequest(c, say('api.part-needs'));
  return receiving(c, async () => {
    const part = { offset: Number(offset), body, address: c.env.address };
    const now = await uploads?.append(idIn(c), part);
    if (now?.isNext !== false) return answer(c, now?.progress);
    // The unread rest of the part must not be mistaken for the next request.
    c.header('Connection', 'close');
    if (now.progress.file) return answer(c, now.progress);
    c.header('Upload-Offset', String(now.progress.offset));
    return failure(c, { status: 409, code: 'wrong-offset', message: say('api.wrong-offset') });
  });
}

function answer(c: RequestContext, progress: UploadProgress | undefined): Response {
  if (!progress) return unknownUpload(c);
  c.header('Upload-Offset', String(progress.offset));
  c.header('Upload-Length', String(progress.bytes));
  return json(c, progress);
}

/** Where the body may not have been read to its end: the rest must not be mistaken for the next request. */
async function receiving(c: RequestContext, act: () => Promise<Response>): Promise<Response> {
  try {
    return await withSpace(c, act);
  } catch (error) {
    c.header('Connection', 'close');
    throw error;
  }
}

async function withSpace(c: RequestContext, act: () => Promise<Response>): Promise<Response> {
  try {
    return await act();
  } catch (error) {
    if (!isShrinkError(error, 'no-space')) throw error;
    c.header('Connection', 'close');
    return shrinkErrorResponse(c, error, 507);
  }
}

function idIn(c: RequestContext): string {
  return c.req.param('id') ?? '';
}

function unknownUpload(c: RequestContext): Response {
  c.header('Connection', 'close');
  return failure(c, { status: 404, code: 'unknown', message: say('api.unknown-upload') });
}
