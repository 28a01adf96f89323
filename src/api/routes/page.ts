import { isShrinkError } from '../../core/errors.ts';
import { say } from '../../messages/say.ts';
import type { BuiltPage } from '../assets.ts';
import { assetResponse, badRequest, json, type RequestContext, type Route, shrinkErrorResponse } from '../responses.ts';
import type { Uploads } from '../uploads.ts';

/** The one request whose body is a file. */
export const UPLOAD_PATH = '/api/drop';

/** The names of built files carry their hash. */
const FOREVER = 'public, max-age=31536000, immutable';

/** The page itself, and the files people upload to it. */
export function pageRoutes(page: BuiltPage | undefined, uploads: Uploads | undefined): Route[] {
  return [
    ['GET', '/', c => (page ? assetResponse(c, page.index, 'no-cache') : c.html(NO_PAGE))],
    ['GET', '/assets/:name', c => assetResponse(c, page?.assets.get(c.req.param('name') ?? ''), FOREVER)],
    ['GET', '/api/inboxes', async c => json(c, (await uploads?.inboxes()) ?? [])],
    ['POST', UPLOAD_PATH, c => upload(c, uploads)],
  ];
}

async function upload(c: RequestContext, uploads: Uploads | undefined): Promise<Response> {
  const [inbox, name, words] = [c.req.query('inbox'), c.req.query('name'), c.req.query('words')];
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
