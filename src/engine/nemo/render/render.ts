import { isShrinkError, sentenceOf, ShrinkError } from '../../../core/errors.ts';
import { type Sentence, verbatim } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import { type Clock, sleep } from '../../../platform/clock.ts';
import type { Client } from '../account/client.ts';
import { isPassing, refusalBehind } from '../http/errors.ts';
import { idAt, type Parsed, parseJson, pick, pickNumber, pickString } from '../http/json.ts';
import { PATIENCE_MS } from '../http/rate-limit.ts';
import { sanitizeLine } from '../http/sanitize.ts';
import type { OutputHint } from '../message/intent.ts';

/** The state of a render, from either of the service's two shapes (docs/nemo-api.md, The calls). */
export type RenderStatus =
  | { kind: 'pending'; fraction: number | undefined }
  | CompletedRender
  | { kind: 'failed'; why: Sentence };

export interface CompletedRender {
  kind: 'completed';
  url: string | undefined;
  durationS: number | undefined;
  bytes: number | undefined;
}

const DONE: ReadonlySet<string> = new Set(['completed', 'complete', 'success', 'succeeded', 'done', 'finished']);
const FAILED: ReadonlySet<string> = new Set([
  'failed',
  'failure',
  'error',
  'cancelled',
  'canceled',
  'timeout',
  'aborted',
]);

export function renderStatus(body: Parsed): RenderStatus {
  const levels = [pick(body, 'data'), body].filter(level => level !== undefined);
  const find = (...names: string[]) =>
    levels.map(level => pickString(level, ...names)).find(found => found !== undefined);
  const findNumber = (...names: string[]) =>
    levels.map(level => pickNumber(level, ...names)).find(found => found !== undefined);
  const status = (find('status', 'state') ?? '').toLowerCase();
  const progress = findNumber('progress');
  if (FAILED.has(status)) {
    const why = find('error', 'error.message', 'errorMessage', 'error_message', 'message');
    return { kind: 'failed', why: why === undefined ? say('nemo.no-reason-given') : verbatim(sanitizeLine(why)) };
  }
  if (DONE.has(status)) {
    return {
      kind: 'completed',
      url: find('outputUrl', 'output_url', 'output.url', 'url', 'downloadUrl', 'download_url', 'video_url', 'videoUrl'),
      durationS: findNumber('output.duration', 'duration'),
      bytes: findNumber('output.size', 'outputSize', 'size'),
    };
  }
  if (progress === undefined) return { kind: 'pending', fraction: undefined };
  // Percent, but some builds say 0.42 for 42 %.
  return { kind: 'pending', fraction: Math.min(1, Math.max(0, progress < 1 ? progress : progress / 100)) };
}

/** The request's body, around the draft exactly as received. */
export function renderBody(request: {
  id: string;
  sessionId: string;
  draft: string;
  output: Required<Pick<OutputHint, 'format'>> & OutputHint;
}): string {
  const { format, resolution } = request.output;
  const id = JSON.stringify(request.id);
  const sessionId = JSON.stringify(request.sessionId);
  const output = JSON.stringify({ format, quality: 'high', resolution });
  return `{"id":${id},"sessionId":${sessionId},"draft":${request.draft},"output":${output}}`;
}

/**
 * Ids of renders: `render_<epoch µs>`, never the same twice in this process. The last three digits are random, because the service
 * may not keep its customers' ids apart.
 */
export function createRenderIds(clock: Clock, random: () => number): () => string {
  let last = 0;
  return () => {
    last = Math.max(last + 1, Math.floor(clock.now()) * 1000 + Math.floor(random() * 1000));
    return `render_${last}`;
  };
}

export type Submitted =
  | { kind: 'accepted'; id: string; status: RenderStatus }
  /** The service already knows the id: it is this render, submitted before, or somebody else's. */
  | { kind: 'duplicate' };

/** Submits a render. Free, so it may be submitted again under the same id if the reply was lost. */
export async function submitRender(
  client: Client,
  request: { id: string; sessionId: string; draft: string; hint: OutputHint; signal: AbortSignal },
): Promise<Submitted> {
  const submit = (hint: OutputHint) =>
    client.call({
      doing: say('nemo.doing-export'),
      method: 'POST',
      path: '/api/render/proxy/lambda',
      json: renderBody({ ...request, output: { ...hint, format: hint.format ?? 'mp4' } }),
      signal: request.signal,
      repeats: 0,
    });
  try {
    const { text, body } = await submit(request.hint).catch((error: unknown) => {
      // The service's output options are undocumented; without any, it is known to work.
      if (!isShrinkError(error, 'bad-request') || Object.keys(request.hint).length === 0) throw error;
      return submit({});
    });
    const names = ['id', 'render_id', 'renderId', 'taskId', 'task_id'];
    const id = idAt(text, ...names.map(name => `data.${name}`), ...names) ?? request.id;
    return { kind: 'accepted', id, status: renderStatus(body) };
  } catch (error) {
    if (
      isShrinkError(error, 'bad-answer', 'bad-request') &&
      /duplicate|already exists|exist(?:s|ing) id/i.test(error.message)
    ) {
      return { kind: 'duplicate' };
    }
    throw error;
  }
}

export interface PollRequest {
  client: Client;
  id: string;
  /** Epoch ms after which the job is held and its id kept. At least one question is asked. */
  giveUpAt: number;
  limitMs: number;
  everyMs: number;
  clock: Clock;
  signal: AbortSignal;
  random: () => number;
  onProgress(fraction: number): void;
  /** Ask at once: the render was submitted before a restart. */
  atOnce: boolean;
}

/** "Not found" means nothing for a render that was only just submitted: for this long, and this many questions. */
const UNKNOWN_FOR_MS = 120_000;
const UNKNOWN_ASKS = 3;

/** A question about a render got no answer; `error` says why. */
type NoAnswer = { kind: 'no-answer'; error: ShrinkError };

/** The answer to one question; `not-known`: the service does not know the id, or not yet. */
type Answered = RenderStatus | NoAnswer | { kind: 'not-known' };

/**
 * Asks about the same id until the render has ended. Transient trouble (no answer, 408, 429, 5xx, garbage) says nothing about the
 * render, and the time it takes does not count towards the limit; once it lasts as long as a render may take, it becomes the outcome.
 * @throws ShrinkError `still-rendering` if it has not ended by the limit, and an error for a refusal.
 */
export async function pollRender(request: PollRequest): Promise<Exclude<RenderStatus, { kind: 'pending' }> | NoAnswer> {
  const { clock, signal, everyMs, limitMs } = request;
  // The wall clock may be changed from here on. If it was already set back, the wait is no longer than the limit.
  const since = clock.monotonic();
  let answeredAt = since;
  let leftMs = Math.min(limitMs, request.giveUpAt - clock.now());
  for (let n = 0; ; n += 1) {
    // A tenth of jitter, so that jobs submitted together do not keep asking together.
    if (n > 0 || !request.atOnce) await sleep(clock, everyMs * (0.95 + 0.1 * request.random()), signal);
    const maybeTooEarly = n < UNKNOWN_ASKS || clock.monotonic() - since < UNKNOWN_FOR_MS;
    const status = await askRender(request, maybeTooEarly);
    if (status.kind === 'completed' || status.kind === 'failed') return status;
    const sinceAnswerMs = clock.monotonic() - answeredAt;
    if (status.kind === 'no-answer') {
      if (sinceAnswerMs >= limitMs) return status;
      continue;
    }
    if (status.kind === 'pending' && status.fraction !== undefined) request.onProgress(status.fraction);
    // Of a time without answers, only one pause between two questions counts.
    leftMs -= Math.min(sinceAnswerMs, everyMs * 1.1);
    answeredAt += sinceAnswerMs;
    if (leftMs > 0) continue;
    throw new ShrinkError('still-rendering', say('nemo.still-rendering', { ms: limitMs }), {
      doing: say('nemo.doing-poll'),
      subject: request.id,
      hint: say('nemo.still-rendering-hint'),
    });
  }
}

/** Whether an answer says anything about a render: without a word on how far it is, it would count as one that never ends. */
function isStatus(text: string): boolean {
  const body = parseJson(text);
  const levels = [pick(body, 'data'), body];
  return levels.some(
    level => pickString(level, 'status', 'state') !== undefined || pickNumber(level, 'progress') !== undefined,
  );
}

/** One question. @throws ShrinkError for a refusal. */
export async function askRender(
  { client, id, signal }: Pick<PollRequest, 'client' | 'id' | 'signal'>,
  maybeTooEarly: boolean,
): Promise<Answered> {
  try {
    const { body } = await client.call({
      doing: say('nemo.doing-poll'),
      method: 'GET',
      path: `/api/render/proxy/lambda/${encodeURIComponent(id)}`,
      signal,
      repeats: 0,
      isUsable: isStatus,
    });
    return renderStatus(body);
  } catch (error) {
    if (!isShrinkError(error)) throw error;
    const refusal = refusalBehind(error);
    if (refusal === 'other-code') return { kind: 'failed', why: sentenceOf(error) };
    if (refusal === '1002' || refusal === 'http-404') {
      return maybeTooEarly ? { kind: 'not-known' } : { kind: 'failed', why: say('nemo.render-unknown') };
    }
    const isPause = error.code === 'rate-limited' && (error.retryAfterMs ?? 0) <= PATIENCE_MS;
    if (isPassing(error) || isPause) return { kind: 'no-answer', error };
    throw error;
  }
}
