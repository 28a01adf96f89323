import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import { type RenderRecord, saidCode } from '../checkpoints.ts';

/**
 * The life of one render, as it is recorded. Every transition from one phase to another is one function here:
 *
 * asked -> accepted -> completed, and from each of them -> failed, after which another render is requested under a new id.
 */

/** A render about to be submitted, the first one or a replacement for one that failed. */
export function nextRender(
  failed: RenderRecord | undefined,
  next: Pick<RenderRecord, 'session' | 'id' | 'since' | 'asked'>,
): RenderRecord {
  return { ...next, phase: 'asked', tries: (failed?.tries ?? 0) + 1 };
}

/** The service has it, under `id`. The time limit starts here. */
export function accepted(render: RenderRecord, id: string, now: number): RenderRecord {
  return { ...render, phase: 'accepted', id, since: now };
}

export function completed(render: RenderRecord): RenderRecord {
  return { ...render, phase: 'completed' };
}

export function failed(render: RenderRecord, why: Sentence): RenderRecord {
  return { ...render, phase: 'failed', why: why.text, whyCode: saidCode(why) };
}

/** Its id belongs to somebody else's render: ours was never submitted, so it does not count as an attempt. */
export function idTaken(render: RenderRecord): RenderRecord {
  return { ...failed(render, say('nemo.render-id-taken')), tries: render.tries - 1 };
}

/** Its result was rejected, or cannot be fetched: another one is due, with all its attempts. */
export function discarded(render: RenderRecord, why: Sentence, retryCount: number): RenderRecord {
  return { ...failed(render, why), asked: retryCount, tries: 0 };
}

/** A person asked for another attempt: the time limit starts again, and so do the attempts if it failed. */
export function afterRetry(render: RenderRecord, retryCount: number, now: number): RenderRecord {
  const tries = render.phase === 'failed' ? 0 : render.tries;
  return { ...render, asked: retryCount, since: now, tries };
}

/** The service did not answer for as long as a render may take: the time limit starts again with the next question. */
export function unanswered(render: RenderRecord, now: number): RenderRecord {
  return { ...render, since: now };
}
