import { BESIDE, type BuiltPage } from '../assets.ts';
import { assetResponse, json } from '../responses.ts';
import { type Route, route } from '../route.ts';
import { inboxList } from '../schemas.ts';
import type { Uploads } from '../uploads.ts';
import { uploadRoutes } from './uploads.ts';

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
    ...BESIDE.map(name =>
      route('GET', `/${name}`, { about: 'What makes an app of the page.', answer: { type: '*/*' } }, c =>
        assetResponse(c, page?.beside.get(name), 'no-cache'),
      ),
    ),
    route('GET', '/api/inboxes', { about: 'Where files can be added.', answer: inboxList }, async c =>
      json(c, (await uploads?.inboxes()) ?? []),
    ),
    ...uploadRoutes(uploads),
  ];
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
