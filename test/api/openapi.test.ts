import { expect, it } from 'vitest';
import { z } from 'zod';
import { openApi } from '../../src/api/openapi.ts';
import type { Route } from '../../src/api/route.ts';
import { daemonRoutes } from '../../src/api/routes/daemon.ts';
import { libraryRoutes } from '../../src/api/routes/library.ts';
import { jobRoutes } from '../../src/api/routes/jobs.ts';
import { pageRoutes } from '../../src/api/routes/page.ts';
import { EventLog } from '../../src/api/events.ts';
import { Links } from '../../src/api/links.ts';
import { pairingRoutes } from '../../src/api/routes/pairing.ts';
import { resultRoutes } from '../../src/api/routes/results.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { readFileSync } from 'node:fs';
import { settingsRoutes } from '../../src/api/routes/settings.ts';
import { FakeControl } from '../support/fake-control.ts';
import { ask, serving, tempDir } from '../support/serving.ts';
import { RULES, settingsIn } from '../support/settings.ts';

const control = new FakeControl('/state');
const routes: readonly Route[] = [
  ...pageRoutes(undefined, undefined),
  ...daemonRoutes({
    control,
    events: new EventLog(),
    heartbeatMs: 1000,
    metering: { render: async () => ({ contentType: 'text/plain', text: '' }), answered() {}, wrongToken() {} },
  }),
  ...jobRoutes(control, undefined),
  ...libraryRoutes(control),
  ...resultRoutes(control, { results: undefined, originals: undefined, links: new Links(systemClock) }),
  ...settingsRoutes(undefined),
  ...pairingRoutes({ pairing: undefined, onWrongCode: () => 0 }),
];

/** `GET /api/jobs/:id` of every route, and of the description itself. */
const registered = [...routes.map(({ method, path }) => `${method} ${path}`), 'GET /api/openapi.json'].sort();

function described(document: { paths: Record<string, object> }): string[] {
  return Object.entries(document.paths)
    .flatMap(([path, methods]) => Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`))
    .map(each => each.replace(/\{(\w+)\}/g, ':$1'))
    .sort();
}

it('describes every route there is, and no other', async () => {
  const { server } = await serving({
    metering: { render: async () => ({ contentType: 'text/plain', text: '' }), answered() {}, wrongToken() {} },
  });
  const { status, json } = await ask(server, '/api/openapi.json');
  expect(status).toBe(200);
  expect(json.openapi).toBe('3.1.0');
  expect(described(json)).toEqual(registered);
});

it('every reference in it leads somewhere, and every answer in JSON has a shape', () => {
  const document = JSON.stringify(openApi(routes));
  const { components } = JSON.parse(document);
  const references = [...document.matchAll(/"\$ref":"([^"]+)"/g)].map(([, to]) => to ?? '');
  expect(references.length).toBeGreaterThan(20);
  for (const to of references) {
    expect(Object.keys(components.schemas).map(name => `#/components/schemas/${name}`)).toContain(to);
  }
});

/** An upload is there only while it is under way: upload-parts.test.ts. */
const isLasting = ({ path }: Route) => path !== '/api/uploads/:id';

it.each(routes.filter(each => each.method === 'GET' && each.answer instanceof z.ZodType && isLasting(each)))(
  '$method $path answers in the shape it says',
  async ({ path, answer }) => {
    const { settings } = settingsIn(await tempDir(), RULES);
    const { server, control } = await serving({ settings });
    control.add({ id: 'abc1', source: '/in/clip.mp4', state: 'done', output_bytes: 5 });
    const { status, json } = await ask(server, `${path.replace(':id', 'abc1')}?path=/in/clip.mp4&words=25MB`);
    expect(status).toBe(200);
    expect((answer as z.ZodType).safeParse(json).error).toBeUndefined();
  },
);

it('a refusal has the shape it says', async () => {
  const { server } = await serving();
  const { status, json } = await ask(server, '/api/jobs?state=tired');
  expect(status).toBe(400);
  expect(openApi(routes)).toHaveProperty('components.schemas.Error.required', ['error']);
  expect(json.error).toMatchObject({ code: 'bad-request', hint: expect.any(String) });
});

it('docs/api.md has a command for every route', () => {
  const text = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
  const titled = [...text.matchAll(/^### `(GET|POST|PATCH|DELETE) ([^`?]+)/gm)].map(
    ([, method, path]) => `${method} ${path}`,
  );
  expect(titled.sort()).toEqual(registered);
  expect((text.match(/^curl /gm) ?? []).length).toBeGreaterThanOrEqual(registered.length);
});
