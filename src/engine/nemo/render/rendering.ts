import { isShrinkError, ShrinkError } from '../../../core/errors.ts';
import { say } from '../../../messages/say.ts';
import type { Checkpoint } from '../../checkpoints.ts';
import { type RenderRecord, retryCountOf, sentenceFrom } from '../checkpoints.ts';
import { sleep } from '../../../platform/clock.ts';
import type { SessionTask } from '../context.ts';
import { isPassing } from '../http/errors.ts';
import type { OutputHint } from '../message/intent.ts';
import { askRender, type CompletedRender, pollRender, type RenderStatus, submitRender } from './render.ts';
import { accepted, afterRetry, completed, failed, idTaken, nextRender, unanswered } from './render-state.ts';

export interface RenderingRequest {
  /** Number of the export. */
  n: number;
  draft: string;
  hint: OutputHint;
}

/** A render that has ended. `status` is absent if that was already known. */
export interface FinishedRender {
  id: string;
  status: CompletedRender | undefined;
}

/** Attempts before a render is given up: a failed one is submitted once more, under a new id. */
const MAX_TRIES = 2;
/** Pauses before a submission that got no usable answer is repeated under the same id. */
const SUBMIT_AGAIN_AFTER_MS = [2000, 8000, 30_000];

/** Brings one render to its end: submits it, or continues with the recorded one, and asks about it until it has ended. */
export class Rendering {
  readonly #task: SessionTask;
  readonly #request: RenderingRequest;
  readonly #checkpoint: Checkpoint<RenderRecord>;
  /** It may have been submitted before: by an earlier run, or by a request whose reply was lost. */
  #mayBeKnown = false;

  constructor(task: SessionTask, request: RenderingRequest) {
    this.#task = task;
    this.#request = request;
    this.#checkpoint = task.checkpoints.render(request.n);
  }

  /** @throws ShrinkError `render-failed`, `still-rendering`, and an error for a refusal. */
  async run(): Promise<FinishedRender> {
    const { context } = this.#task;
    let render = this.#stored();
    if (render?.phase === 'completed') return { id: render.id, status: undefined };
    await context.step('render');
    for (;;) {
      if (!render || render.phase === 'failed') render = await this.#nextTry(render);
      const submitted: { render: RenderRecord; status?: RenderStatus } = await this.#ensureSubmitted(render);
      render = submitted.render;
      if (render.phase === 'failed') continue;
      const { status: known } = submitted;
      const status = known && known.kind !== 'pending' ? known : await this.#poll(render);
      switch (status.kind) {
        case 'no-answer':
          await this.#record(unanswered(render, this.#now()));
          throw status.error;
        case 'completed':
          await this.#record(completed(render));
          return { id: render.id, status };
        case 'failed':
          context.log.info({ render: render.id, why: status.why.text }, 'the render failed');
          render = await this.#record(failed(render, status.why));
      }
    }
  }

  #stored(): RenderRecord | undefined {
    const { session, order } = this.#task;
    const stored = this.#checkpoint.get();
    if (stored?.session !== session.id) return undefined;
    this.#mayBeKnown = true;
    const retryCount = retryCountOf(order);
    const isRetry = stored.phase !== 'completed' && retryCount > stored.asked;
    return isRetry ? afterRetry(stored, retryCount, this.#now()) : stored;
  }

  /** Recorded before it is submitted. */
  async #nextTry(last: RenderRecord | undefined): Promise<RenderRecord> {
    const { cloud, session, order } = this.#task;
    if (last?.phase === 'failed' && last.tries >= MAX_TRIES) throw renderFailed(last);
    this.#mayBeKnown = false;
    const id = cloud.newRenderId();
    return this.#record(nextRender(last, { session: session.id, id, since: this.#now(), asked: retryCountOf(order) }));
  }

  /** Makes sure that the service has the render. `status` is set if the reply contains it. */
  async #ensureSubmitted(render: RenderRecord): Promise<{ render: RenderRecord; status?: RenderStatus }> {
    if (render.phase !== 'asked') return { render };
    const { cloud, context } = this.#task;
    const { signal } = context;
    for (let tries = 0; ; tries += 1) {
      const found = this.#mayBeKnown
        ? await askRender({ client: cloud.client, id: render.id, signal }, true)
        : ({ kind: 'not-known' } as const);
      if (found.kind !== 'no-answer' && found.kind !== 'not-known') {
        return { render: await this.#accept(render, render.id), status: found };
      }
      try {
        return await this.#submit(render);
      } catch (error) {
        if (tries >= SUBMIT_AGAIN_AFTER_MS.length || !isShrinkError(error) || !isPassing(error)) throw error;
        context.log.info({ render: render.id, code: error.code }, 'submitting the render again, which is free');
      }
      // The service may have it all the same: from now on it is asked first.
      this.#mayBeKnown = true;
      await sleep(cloud.clock, SUBMIT_AGAIN_AFTER_MS[tries] ?? 0, signal);
    }
  }

  async #submit(render: RenderRecord): Promise<{ render: RenderRecord; status?: RenderStatus }> {
    const { cloud, context, session } = this.#task;
    const { draft, hint } = this.#request;
    const { signal } = context;
    const reply = await submitRender(cloud.client, { id: render.id, sessionId: session.id, draft, hint, signal });
    if (reply.kind === 'accepted') return { render: await this.#accept(render, reply.id), status: reply.status };
    // A known id is ours from before; otherwise it is somebody else's.
    return { render: this.#mayBeKnown ? await this.#accept(render, render.id) : idTaken(render) };
  }

  async #accept(render: RenderRecord, id: string): Promise<RenderRecord> {
    const next = await this.#record(accepted(render, id, this.#now()));
    this.#task.onProgress(0.56, say('nemo.rendering-usually'), next.since);
    return next;
  }

  #poll({ id, since }: RenderRecord): ReturnType<typeof pollRender> {
    const { cloud, context, onProgress } = this.#task;
    const { pollInterval, pollLimit } = cloud.settings;
    return pollRender({
      client: cloud.client,
      id,
      giveUpAt: since + pollLimit,
      limitMs: pollLimit,
      everyMs: pollInterval,
      clock: cloud.clock,
      signal: context.signal,
      random: cloud.random,
      onProgress: fraction => onProgress(0.55 + 0.3 * fraction, say('nemo.rendering'), since),
      atOnce: this.#mayBeKnown,
    });
  }

  #now(): number {
    return this.#task.cloud.clock.now();
  }

  async #record(next: RenderRecord): Promise<RenderRecord> {
    await this.#checkpoint.set(next);
    return next;
  }
}

function renderFailed({ why, whyCode }: Extract<RenderRecord, { phase: 'failed' }>): ShrinkError {
  const cause = why === undefined ? '' : sentenceFrom(why, whyCode);
  return new ShrinkError('render-failed', say('nemo.render-failed-twice', { why: cause }), {
    doing: say('nemo.rendering'),
    hint: say('nemo.edit-kept-hint'),
  });
}
