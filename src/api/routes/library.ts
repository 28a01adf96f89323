import { z } from 'zod';
import { say } from '../../messages/say.ts';
import { isOwner } from '../owner.ts';
import { type Failure, failure, json, type RequestContext } from '../responses.ts';
import { route, type Route } from '../route.ts';
import { libraryList } from '../schemas.ts';
import type { Control } from '../types.ts';

const folder = z.object({ folder: z.string().min(1).describe('a library, or a folder in one') });
const confirmed = folder.extend({
  plan: z.string().min(1).optional().describe('the id of the plan that was seen: no other one is begun'),
});

const SETTLE = 'Checks as `verify` does, and puts in order what is left of jobs whose journal was lost.';

/** What is asked of libraries; the answer is how they are by then. Only the owner has films looked through or replaced. */
export function libraryRoutes(control: Pick<Control, 'libraries'>): Route[] {
  const { libraries } = control;
  const answer = libraryList;
  const asOwner =
    <Query>(act: (query: Query) => unknown) =>
    async (c: RequestContext, query: Query): Promise<Response> => {
      if (!(await isOwner(c))) return failure(c, NOT_OWNER);
      await act(query);
      return json(c, libraries.view());
    };
  return [
    route('GET', '/api/library', { about: 'The libraries and their plans.', answer }, c => json(c, libraries.view())),
    route(
      'POST',
      '/api/library/plan',
      { about: 'Looks a folder of a library through; nothing is touched.', query: folder, answer },
      asOwner(query => libraries.plan(query.folder)),
    ),
    route(
      'POST',
      '/api/library/plan/stop',
      { about: 'Ends the plan that is being made.', answer },
      asOwner(() => libraries.stopPlanning()),
    ),
    route(
      'POST',
      '/api/library/start',
      { about: 'Confirms the plan of a folder: it is carried out.', query: confirmed, answer },
      asOwner(query => libraries.confirm(query.folder, query.plan)),
    ),
    route(
      'POST',
      '/api/library/stop',
      { about: 'Stops a library; the film at work stays as it is.', query: folder, answer },
      asOwner(query => libraries.stop(query.folder)),
    ),
    route(
      'POST',
      '/api/library/verify',
      { about: 'Checks results and archived originals.', answer },
      asOwner(() => libraries.verify()),
    ),
    route(
      'POST',
      '/api/library/settle',
      { about: SETTLE, answer },
      asOwner(() => libraries.verify(true)),
    ),
  ];
}

const NOT_OWNER: Failure = { status: 403, code: 'forbidden', message: say('library.not-owner') };
