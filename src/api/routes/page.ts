import { z } from 'zod';
import { isShrinkError } from '../../core/errors.ts';
import { say } from '../../messages/say.ts';
import type { BuiltPage } from '../assets.ts';
import { assetResponse, badRequest, json, type RequestContext, shrinkErrorResponse } from '../responses.ts';
import { type Route, route } from '../route.ts';
import { inboxList, uploaded } from '../schemas.ts';
import type { Uploads } from '../uploads.ts';

/** The one request whose body is a file. */
export const UPLOAD_PATH = '/api/drop';

/** The names of built files carry their hash. */
const FOREVER = 'public, max-age=31536000, immutable';

/** The page itself, and the files people upload to it. */
export function pageRoutes(page: BuiltPage | undefined, uploads: Uploads | undefined): Route[] {
  return [
    route('GET', '/', { about: 'The page.', answer: { type: 'text/html' } }, c =>
      page ? assetResponse(c, page.index, 'no-cache') : c.html(NO_PAGE),
    ),
    route('GET', '/assets/:name', { about: 'What the page is made of.', answer: { type: '*/*' } }, c =>
      assetResponse(c, page?.assets.get(c.req.param('name') ?? ''), FOREVER),
    ),
    route('GET', '/api/inboxes', { about: 'Where files can be added.', answer: inboxList }, async c =>
      json(c, (await uploads?.inboxes()) ?? []),
    ),
    route('POST', UPLOAD_PATH, { about: UPLOAD, query: uploadQuery, answer: uploaded }, (c, query) =>
      upload(c, uploads, query),
    ),
  ];
}

const UPLOAD =
  'Adds a file to an inbox; the body is the file. Answers once it is safely there, under a name nobody else has.';

const uploadQuery = z.object({
  inbox: z.string().optional().describe('absolute path of the inbox; required'),
  name: z.string().optional().describe('name of the file; required'),
  words: z.string().optional().describe('the instruction for it'),
});

async function upload(
  c: RequestContext,
  uploads: Uploads | undefined,
  { inbox, name, words }: z.output<typeof uploadQuery>,
): Promise<Response> {
  const length = c.req.header('content-length') ?? '';
  const body = c.req.raw.body as unknown as AsyncIterable<Uint8Array> | null;
  if (!uploads || !inbox || !name || !body) return badRequest(c, say('api.upload-needs'));
  const bytes = /^\d{1,15}$/.test(length) ? Number(length) : undefined;
  try {
    return json(c, await uploads.put({ inbox, name, body, bytes, words, address: c.env.address }));
  } catch (error) {
    // The unread rest of the file must not be mistaken for the next request.
    c.header('Connection', 'close');
    if (isShrinkError(error, 'no-space')) return shrinkErrorResponse(c, error, 507);
    throw error;
  }
}

const NO_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>shrinkbox</title>
<h1>shrinkbox is running</h1>
<p>See <a href="api/status">its status</a> and <a href="api/jobs">its jobs</a>, or use <code>shrinkbox status</code>.
</html>
`;
