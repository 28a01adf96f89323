import { z } from 'zod';
import { isShrinkError } from '../../core/errors.ts';
import { say } from '../../messages/say.ts';
import {
  failure,
  type Handler,
  json,
  notFound,
  type RequestContext,
  shrinkErrorResponse,
  unknownJob,
} from '../responses.ts';
import { isOwner } from '../owner.ts';
import { refuse, type Route, route } from '../route.ts';
import { configChange, configEdit, configView, notifyTests, whichRule } from '../schemas.ts';
import type { Settings } from '../types.ts';

/** Rules and settings: read by whoever may open the page, changed only by the owner. */
export function settingsRoutes(settings: Settings | undefined): Route[] {
  const change = (path: string, about: string, act: keyof Pick<Settings, 'save' | 'preview'>) =>
    route('POST', path, { about, body: configEdit, answer: configChange }, (c, _, edit) =>
      asOwner(c, async () => (settings ? json(c, await settings[act](edit)) : notFound(c))),
    );
  return [
    route('GET', '/api/config', { about: 'Rules and settings, as the file has them.', answer: configView }, async c => {
      if (!settings) return notFound(c);
      const view = await settings.view();
      const why = view.editable && !(await isOwner(c)) ? say('settings.not-owner') : undefined;
      return json(c, why ? { ...view, editable: false, why_not: why.text, messages: { why_not: why } } : view);
    }),
    change('/api/config', SAVE, 'save'),
    change('/api/config/preview', 'What an edit would do to the file, and what is wrong with it.', 'preview'),
    route('GET', '/api/which', { about: WHICH, query: whichQuery, answer: whichRule }, (c, asked) => {
      const found = settings?.which(asked);
      return found ? json(c, found) : unknownJob(c);
    }),
    route('POST', '/api/notify/test', { about: TEST, answer: notifyTests }, c =>
      asOwner(c, async () => (settings ? json(c, await settings.testNotify()) : notFound(c))),
    ),
  ];
}

const SAVE =
  'Changes rules and settings in the file and has the daemon take them; comments stay. Only for the owner: with the token, ' +
  'on the control socket, or from a program of the same user on this machine.';
const WHICH = 'Which rule a file of that name gets, whether there is one or not.';
const TEST = 'Sends a test message to every address of `notify`.';

const MAX_NAME = 1000;

const whichQuery = z.object({
  name: z
    .string()
    .optional()
    .transform((name, context) => {
      const isFine = name === undefined || (name.length <= MAX_NAME && !name.includes('\0') && !name.startsWith('/'));
      return isFine ? name : refuse(context, say('settings.bad-name'));
    })
    .describe('path below the inbox'),
  job: z.string().optional().describe('the file of this job instead'),
  inbox: z.string().optional().describe('by default the first one'),
  bytes: z.coerce.number().int().nonnegative().optional().describe('its size'),
});

async function asOwner(c: RequestContext, act: () => ReturnType<Handler>): Promise<Response> {
  if (!(await isOwner(c))) return failure(c, { status: 403, code: 'forbidden', message: say('settings.not-owner') });
  try {
    return await act();
  } catch (error) {
    if (isShrinkError(error, 'changed-underneath')) return shrinkErrorResponse(c, error, 409);
    if (isShrinkError(error, 'denied')) return shrinkErrorResponse(c, error, 403);
    if (isShrinkError(error, 'config-invalid')) return shrinkErrorResponse(c, error, 409);
    throw error;
  }
}
