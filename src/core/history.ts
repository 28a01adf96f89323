/** The history of a job as `job ID` shows it: one line for each event a person wants to read. */
import type { EventName, JobEvent } from './events.ts';
import type { HistoryEntry } from './job.ts';
import type { Message } from './message.ts';

/** How many of the newest entries of a job's history are kept. */
export const HISTORY_LIMIT = 40;

/** English text for events that carry no text of their own; `messages/` has it as `history.NAME`. */
export const HISTORY_WORDS = {
  step: ({ engine, step }: { engine: string; step: string }) => `${engine}: ${step}`,
  archived: ({ path }: { path: string }) => `original archived as ${path}`,
  deleted: () => 'original deleted',
  pruned: ({ path }: { path: string }) => `archived original deleted after its time: ${path}`,
  moved: ({ path }: { path: string }) => `its inbox moved; the file is now ${path}`,
};

/** Bookkeeping is left out: checkpoints, facts, re-pins, and intentions recorded before they are carried out. */
const LEFT_OUT: ReadonlySet<EventName> = new Set<EventName>([
  'checkpoint',
  'leased',
  'lease-ended',
  'fact',
  'repinned',
  'archiving',
  'archived',
  'restoring',
  'publishing',
  'disposing',
  'placed',
  'command-due',
  'command-begun',
  'reported',
  'forgotten',
]);

/** The history after `happened`; the oldest entry is dropped when there are more than HISTORY_LIMIT. */
export function withHistory(history: HistoryEntry[], at: number, happened: JobEvent): HistoryEntry[] {
  const isMove = happened.event === 'repinned' && happened.data.inbox !== undefined;
  if (LEFT_OUT.has(happened.event) && !isMove) return history;
  return [...history.slice(-(HISTORY_LIMIT - 1)), { at, event: happened.event, ...noteOf(happened) }];
}

function noteOf(happened: JobEvent): { note?: string; message?: Message } {
  switch (happened.event) {
    case 'admitted':
    case 'decided': {
      const { decision } = happened.data;
      return decision.kind === 'do'
        ? { note: decision.why, message: decision.messages?.why }
        : { note: decision.reason, message: decision.messages?.reason };
    }
    case 'queued':
      return { note: happened.data.because, message: happened.data.message };
    case 'started':
    case 'step': {
      const { engine, step, stepId, stepParams } = happened.data;
      const named = stepId && { code: `step.${stepId}`, params: { ...stepParams }, text: step };
      const message = named && { code: 'history.step', params: { engine, step: named } };
      return { note: HISTORY_WORDS.step({ engine, step }), message };
    }
    case 'candidate': {
      const { how, messages } = happened.data.candidate;
      return { note: how, message: messages?.how };
    }
    case 'verified':
      return { note: happened.data.evidence, message: happened.data.message };
    case 'published':
      return { note: happened.data.delivery.output };
    case 'disposed': {
      const path = happened.data.to;
      return happened.data.kind === 'archived'
        ? { note: HISTORY_WORDS.archived({ path }), message: { code: 'history.archived', params: { path } } }
        : { note: HISTORY_WORDS.deleted(), message: { code: 'history.deleted' } };
    }
    case 'repinned': {
      const { path } = happened.data;
      return { note: HISTORY_WORDS.moved({ path }), message: { code: 'history.moved', params: { path } } };
    }
    case 'command-ended': {
      const { command, problem, message } = happened.data;
      return { note: problem ?? command.slice(0, command.lastIndexOf(' ')), message };
    }
    case 'restored':
      return { note: happened.data.to };
    case 'pruned': {
      const { path } = happened.data;
      return { note: HISTORY_WORDS.pruned({ path }), message: { code: 'history.pruned', params: { path } } };
    }
    case 'doubted':
    case 'rejected':
    case 'waiting':
    case 'held':
    case 'failed':
    case 'cancelled':
    case 'skipped':
      return { note: happened.data.reason.text, message: happened.data.reason.messages?.text };
    default:
      return {};
  }
}
