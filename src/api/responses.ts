/** How every route answers: JSON that nobody caches, and one shape for all errors. */
import type { Context } from 'hono';
import type { z } from 'zod';
import { policyFor, ShrinkError } from '../core/errors.ts';
import { type Message, messageOf, type Sentence, textOf } from '../core/message.ts';
import { say } from '../messages/say.ts';
import type { Logger } from '../platform/log.ts';
import type { Asset } from './assets.ts';
import type { AccessPolicy } from './authorize.ts';
import type { errorBody as errorBodySchema } from './schemas.ts';
import type { ActionResult } from './types.ts';

/** How a request came in; the listener passes it to the app. */
export interface Bindings {
  policy: AccessPolicy;
  /** Where the request comes from, as far as the connection shows; empty on the socket. */
  address: string;
  /** Whether the program at the other end runs as the same user as the daemon, or as root. */
  isOwner?(): Promise<boolean>;
  /** Ends the connection without an answer, or in the middle of it. */
  cut?(): void;
}

/** What the server leaves for the route. */
export interface Variables {
  /** The text of the body, at most 64 kB; absent for uploads. */
  body?: string;
}

export type RequestContext = Context<{ Bindings: Bindings; Variables: Variables }>;
export type Handler = (c: RequestContext) => Response | Promise<Response>;

export type ErrorBody = z.infer<typeof errorBodySchema>;

export type FailureStatus = 400 | 401 | 403 | 404 | 405 | 408 | 409 | 410 | 413 | 429 | 500 | 503 | 507;

export interface Failure {
  status: FailureStatus;
  code: string;
  message: Sentence | string;
  hint?: Sentence | string;
}

export function json(c: RequestContext, value: object): Response {
  c.header('Cache-Control', 'no-store');
  return c.json(value);
}

export function errorBody({ code, message, hint }: Omit<Failure, 'status'>): ErrorBody {
  const messages = codesOf(messageOf(message), messageOf(hint));
  return { error: { code, message: textOf(message), hint: textOf(hint) ?? null, messages } };
}

function codesOf(message: Message | undefined, hint: Message | undefined): ErrorBody['error']['messages'] {
  return message || hint ? { message, hint } : undefined;
}

export function failure(c: RequestContext, failed: Failure): Response {
  c.header('Cache-Control', 'no-store');
  return c.json(errorBody(failed), failed.status);
}

export function badRequest(c: RequestContext, message: Sentence, hint?: Sentence): Response {
  return failure(c, { status: 400, code: 'bad-request', message, hint });
}

/** One address asks for more than its share. */
export function tooMany(c: RequestContext, message: Sentence): Response {
  c.header('Retry-After', '5');
  return failure(c, { status: 503, code: 'unavailable', message, hint: say('api.try-later') });
}

export function notFound(c: RequestContext): Response {
  return failure(c, { status: 404, code: 'not-found', message: say('api.not-found') });
}

/** Our own errors speak for themselves; anything else is a bug, and only the log has its details. */
export function failureOf(c: RequestContext, error: unknown, log: Logger): Response {
  if (error instanceof ShrinkError) return shrinkErrorResponse(c, error);
  if (c.req.raw.signal.aborted) return badRequest(c, say('api.client-gone'));
  log.error({ err: error, method: c.req.method, path: c.req.path }, 'internal error while answering a request');
  const message = say('api.internal-error');
  return failure(c, { status: 500, code: 'unexpected', message, hint: say('api.internal-error-hint') });
}

export function shrinkErrorResponse(c: RequestContext, error: ShrinkError, status?: FailureStatus): Response {
  c.header('Cache-Control', 'no-store');
  const { code, message, hint = null } = error;
  const messages = codesOf(error.messages.text, error.messages.hint);
  const body: ErrorBody = { error: { code, message, hint, messages } };
  return c.json(body, status ?? policyFor(code).httpStatus);
}

/** The job's id in the path; `undefined` for anything that cannot be one. */
export function jobId(c: RequestContext): string | undefined {
  const id = c.req.param('id') ?? '';
  return /^[0-9A-Za-z_-]{1,64}$/.test(id) ? id : undefined;
}

export function unknownJob(c: RequestContext): Response {
  return failure(c, {
    status: 404,
    code: 'unknown',
    message: say('api.unknown-job'),
    hint: say('api.unknown-job-hint'),
  });
}

export function actionResponse(c: RequestContext, result: ActionResult): Response {
  if (result.ok) return json(c, { ...result.job, ...result.live });
  const status = result.problem === 'unknown' ? 404 : 409;
  return failure(c, { status, code: result.problem, message: result.message });
}

export function assetResponse(c: RequestContext, found: Asset | undefined, caching: string): Response {
  if (!found) return notFound(c);
  c.header('Cache-Control', caching);
  c.header('Content-Type', found.type);
  c.header('Vary', 'Accept-Encoding');
  if (!/\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:\s*,|\s*$))/i.test(c.req.header('accept-encoding') ?? ''))
    return c.body(found.body);
  c.header('Content-Encoding', 'gzip');
  return c.body(found.gzipped);
}
