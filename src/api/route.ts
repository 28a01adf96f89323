import { z } from 'zod';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { badRequest, type Handler, type RequestContext } from './responses.ts';

/** One route: who answers it, and what the description of the API says about it. */
export interface Route {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** As hono writes it: `/api/jobs/:id`. */
  path: string;
  about: string;
  query: z.ZodObject | undefined;
  /** JSON in the body of the request. */
  body: z.ZodType | undefined;
  /** Whether the body is a file, or a part of one. */
  file: boolean;
  answer: Answer;
  handler: Handler;
}

/** What comes back if all goes well: JSON of this shape, or a body of another media type. */
type Answer = z.ZodType | { type: string };

interface Description<Query extends z.ZodObject, Body extends z.ZodType> {
  /** One line, for people. */
  about: string;
  /** Parameters in the address; a request with others is answered all the same. */
  query?: Query;
  /** JSON in the body of the request; a request without it, or with another shape, is refused. */
  body?: Body;
  /** The body is a file, or a part of one, and only the route reads it. */
  file?: boolean;
  answer: Answer;
}

type Handle<Query extends z.ZodObject, Body extends z.ZodType> = (
  c: RequestContext,
  query: z.output<Query>,
  body: z.output<Body>,
) => Response | Promise<Response>;

/** A route whose handler gets the parameters of the query and the body parsed; wrong ones are answered with 400. */
export function route<Query extends z.ZodObject, Body extends z.ZodType>(
  method: Route['method'],
  path: string,
  { about, query, body, file = false, answer }: Description<Query, Body>,
  handle: Handle<Query, Body>,
): Route {
  const handler: Handler = c => {
    const parsed = query?.safeParse(c.req.query());
    if (parsed?.success === false) return refusal(c, parsed.error);
    const given = (parsed?.data ?? {}) as z.output<Query>;
    const sent = body?.safeParse(jsonIn(c));
    if (sent?.success === false) return refusal(c, sent.error);
    return handle(c, given, sent?.data as z.output<Body>);
  };
  return { method, path, about, query, body, file, answer, handler };
}

/** What was sent; `undefined` if that is not JSON. */
function jsonIn(c: RequestContext): unknown {
  try {
    return JSON.parse(c.get('body') ?? '') as unknown;
  } catch {
    return undefined;
  }
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
  return badRequest(c, say('api.bad-parameter', { name: first?.path.map(String).join('.') || 'body' }));
}
