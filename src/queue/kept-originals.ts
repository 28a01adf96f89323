import type { Job } from '../core/job.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';

/**
 * Why an original stays whatever its folder says: it holds more than the result, or the result is what somebody wanted who may not
 * remove the original himself. An archived one can be brought back, so words may lead to that.
 */
export function whyOriginalStays(job: Job, policy: 'keep' | 'archive' | 'delete'): Sentence | undefined {
  const { state, decision, words, wordsByAnybody, sidecar } = job;
  if (policy === 'keep' || (state.name === 'delivering' && state.disposing !== undefined)) return undefined;
  if (state.name === 'delivering' && state.candidate.damagedSource) return say('queue.original-damaged');
  if (policy === 'archive' || decision.kind !== 'do') return undefined;
  if (decision.leavesOut) return say(`queue.original-holds-more.${decision.leavesOut}`);
  if (words !== undefined) return wordsByAnybody ? say('queue.original-words-by-anybody') : undefined;
  return sidecar?.byStranger ? say('queue.original-words-by-stranger') : undefined;
}
