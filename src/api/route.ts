import { z } from 'zod';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { badRequest, type Handler, type RequestContext } from './responses.ts';

/** One route: who answers it, and what the description of the API says about it. */
export interface Route {
  method: 'GET' | 'POST';
  /** As hono writes it: `/api/jobs/:id`. */
  path: string;
  about: string;
  query: z.ZodObject | undefined;
  answer: Answer;
  handler: Handler;
}

/** What comes back if all goes well: JSON of this shape, or a body of another media type. */
type Answer = z.ZodType | { type: string };

interface Description<Query extends z.ZodObject> {
  /** One line, for people. */
  about: string;
  /** Parameters in the address; a request with others is answered all the same. */
  query?: Query;
  answer: Answer;
}

type Handle<Query extends z.ZodObject> = (c: RequestContext, query: z.output<Query>) => Response | Promise<Response>;

/** A route whose handler gets the parameters of the query parsed; wrong ones are answered with 400. */
export function route<Query extends z.ZodObject>(
  method: Route['method'],
  path: string,
  { about, query, answer }: Description<Query>,
  handle: Handle<Query>,
): Route {
  const handler: Handler = c => {
    const parsed = query?.safeParse(c.req.query());
    if (parsed?.success === false) return refusal(c, parsed.error);
    return handle(c, (parsed?.data ?? {}) as z.output<Query>);
  };
  return { method, path, about, query, answer, handler };
}

/** Refuses a parameter with a sentence for people. */
export function refuse(context: z.RefinementCtx, message: Sentence, hint?: Sentence): typeof z.NEVER {
  context.addIssue({ code: 'custom', message: message.text, params: { said: { message, hint } } });
  return z.NEVER;
}

function refusal(c: RequestContext, { issues: [first] }: z.ZodError): Response {
  const params = first?.code === 'custom' ? first.params : undefined;
  const said = params?.['said'] as { message: Sentence; hint?: Sentence } | undefined;
  if (said) return badRequest(c, said.message, said.hint);
  return badRequest(c, say('api.bad-parameter', { name: String(first?.path[0] ?? '') }));
}
