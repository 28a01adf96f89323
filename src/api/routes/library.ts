import { z } from 'zod';
import { route, type Route } from '../route.ts';
import { libraryList } from '../schemas.ts';
import type { Control } from '../types.ts';

const folder = z.object({ folder: z.string().min(1).describe('a library, or a folder in one') });
const confirmed = folder.extend({
  plan: z.string().min(1).optional().describe('the id of the plan that was seen: no other one is begun'),
});

const SETTLE = 'Checks as `verify` does, and puts in order what is left of jobs whose journal was lost.';

/** What is asked of libraries; the answer is how they are by then. */
export function libraryRoutes(control: Pick<Control, 'libraries'>): Route[] {
  const { libraries } = control;
  const answer = libraryList;
  return [
    route('GET', '/api/library', { about: 'The libraries and their plans.', answer }, c => c.json(libraries.view())),
    route(
      'POST',
      '/api/library/plan',
      { about: 'Looks a folder of a library through; nothing is touched.', query: folder, answer },
      (c, query) => {
        libraries.plan(query.folder);
        return c.json(libraries.view());
      },
    ),
    route('POST', '/api/library/plan/stop', { about: 'Ends the plan that is being made.', answer }, async c => {
      await libraries.stopPlanning();
      return c.json(libraries.view());
    }),
    route(
      'POST',
      '/api/library/start',
      { about: 'Confirms the plan of a folder: it is carried out.', query: confirmed, answer },
      async (c, query) => {
        await libraries.confirm(query.folder, query.plan);
        return c.json(libraries.view());
      },
    ),
    route(
      'POST',
      '/api/library/stop',
      { about: 'Stops a library; the film at work stays as it is.', query: folder, answer },
      async (c, query) => {
        await libraries.stop(query.folder);
        return c.json(libraries.view());
      },
    ),
    route('POST', '/api/library/verify', { about: 'Checks results and archived originals.', answer }, c => {
      libraries.verify();
      return c.json(libraries.view());
    }),
    route('POST', '/api/library/settle', { about: SETTLE, answer }, c => {
      libraries.verify(true);
      return c.json(libraries.view());
    }),
  ];
}
