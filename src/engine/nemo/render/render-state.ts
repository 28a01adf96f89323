import type { RenderRecord } from '../checkpoints.ts';

/**
 * The life of one render, as it is recorded. Every way from one phase to the next is one function here:
 *
 * asked -> accepted -> completed, and from each of them -> failed, after which another one is asked for under a new id.
 */

/** A render about to be submitted, the first one or in place of one that failed. */
export function nextRender(
  failed: RenderRecord | undefined,
  next: Pick<RenderRecord, 'session' | 'id' | 'since' | 'asked'>,
): RenderRecord {
  return { ...next, phase: 'asked', tries: (failed?.tries ?? 0) + 1 };
}

/** The service has it, under `id`. The time limit counts from here. */
export function accepted(render: RenderRecord, id: string, now: number): RenderRecord {
  return { ...render, phase: 'accepted', id, since: now };
}

export function completed(render: RenderRecord): RenderRecord {
  return { ...render, phase: 'completed' };
}

export function failed(render: RenderRecord, why: string): RenderRecord {
  return { ...render, phase: 'failed', why };
}

/** Its id turned out to be somebody else's: it was never ours, so it does not count as a try. */
export function idTaken(render: RenderRecord): RenderRecord {
  return { ...failed(render, 'the id was taken'), tries: render.tries - 1 };
}

/** Its result was found wanting, or cannot be fetched: another one is due, with all its tries. */
export function discarded(render: RenderRecord, why: string, retryCount: number): RenderRecord {
  return { ...failed(render, why), asked: retryCount, tries: 0 };
}

/** A person asked for another try: the time limit starts anew, and the tries as well if it failed. */
export function retried(render: RenderRecord, retryCount: number, now: number): RenderRecord {
  const tries = render.phase === 'failed' ? 0 : render.tries;
  return { ...render, asked: retryCount, since: now, tries };
}

/** There was no answer for as long as a render may take: the time limit starts anew with the next question. */
export function unanswered(render: RenderRecord, now: number): RenderRecord {
  return { ...render, since: now };
}
