import type { Job, JobState, Progress, Reason } from '../core/job.ts';
import { reasonOf } from '../core/lifecycle.ts';
import { type Message, messageOf } from '../core/message.ts';
import { targetBytes } from '../core/target.ts';
import { say } from '../messages/say.ts';
import type { ActionView, DetailMessages, JobDetail, JobView, LiveView } from './types.ts';

/** What people and scripts see of a job in a list. */
export function viewOf(job: Job, progress?: Progress): JobView {
  const { state, decision } = job;
  const target = decision.kind === 'do' ? targetBytes(decision.target, job.pin.sizeBytes) : undefined;
  return {
    id: job.id,
    source: job.path,
    folder: job.inbox,
    rule: decision.rule ?? null,
    engine: 'engine' in state ? state.engine : decision.kind === 'skip' ? null : decision.engine,
    state: state.name,
    reason: reasonOf(job)?.text ?? null,
    action: actionOf(job, progress)?.view ?? null,
    step: state.name === 'running' || state.name === 'in-doubt' ? state.step : null,
    progress: state.name === 'done' ? 1 : (progress?.fraction ?? null),
    source_bytes: job.pin.sizeBytes,
    target_bytes: target ?? null,
    output: state.name === 'done' ? state.output : null,
    output_bytes: state.name === 'done' ? state.outputBytes : null,
    created_at: job.createdAt,
    updated_at: job.updatedAt,
  };
}

/** What a reason asks of a person, since `since` (epoch ms). */
export function actionIn(
  { action, hint, text, messages }: Reason,
  since: number | null,
): { view: ActionView; message?: Message } | undefined {
  if (!action) return undefined;
  const view = { code: action.code, text: hint ?? text, link: action.link ?? null, since };
  return { view, message: hint === undefined ? messages?.text : messages?.hint };
}

/** What is expected of a person, with its code. */
function actionOf(job: Job, progress: Progress | undefined): { view: ActionView; message?: Message } | undefined {
  const { state } = job;
  const reason = reasonOf(job);
  const asked = reason && actionIn(reason, job.updatedAt);
  if (asked) return asked;
  const isDoubt = state.name === 'in-doubt';
  if (!isDoubt && state.name !== 'running') return undefined;
  const { waitsSince, note, message } = progress ?? {};
  if (waitsSince !== undefined) {
    return { view: { code: 'wait', text: note ?? '', link: null, since: waitsSince }, message };
  }
  // After a restart nobody has checked yet.
  return isDoubt ? actionIn({ ...state.reason, action: { code: 'wait' } }, state.since) : undefined;
}

/** All a person may want to know about one job, with a daemon (live progress) or without (from the journal). */
export function detailOf(job: Job, progress?: Progress): JobDetail {
  const { state, decision } = job;
  const done = state.name === 'done' ? state : undefined;
  return {
    ...viewOf(job, progress),
    relative: job.relative,
    version: job.version,
    attempts: job.attempts,
    instruction: job.words ?? job.sidecar?.text ?? (decision.kind === 'skip' ? null : (decision.instruction ?? null)),
    hint: reasonOf(job)?.hint ?? null,
    how: done?.how ?? ('candidate' in state ? state.candidate.how : null),
    notes: done?.notes ?? [],
    evidence: done?.evidence ?? null,
    eta_ms: progress?.etaMs ?? null,
    progress_note: progress?.note ?? null,
    waiting_until: state.name === 'waiting' ? state.until : null,
    original: job.original ? (job.original.kind === 'archived' ? job.original.path : 'deleted') : null,
    report: job.report ?? null,
    facts: job.facts,
    history: job.history,
    messages: messagesOf(job, progress),
  };
}

/** What an open page needs beyond `viewOf`. */
export function liveOf(job: Job, progress?: Progress): LiveView {
  const { eta_ms, progress_note, hint, waiting_until, messages } = detailOf(job, progress);
  return { eta_ms, progress_note, hint, waiting_until, messages };
}

function messagesOf(job: Job, progress: Progress | undefined): DetailMessages {
  const { state } = job;
  const reason = reasonOf(job)?.messages;
  const result = state.name === 'done' ? state.messages : undefined;
  const how = result?.how ?? ('candidate' in state ? state.candidate.messages?.how : undefined);
  return {
    reason: reason?.text,
    hint: reason?.hint,
    how,
    notes: result?.notes,
    evidence: result?.evidence,
    step: stepMessage(state),
    progress_note: progress?.message,
    action: actionOf(job, progress)?.message,
  };
}

function stepMessage(state: JobState): Message | undefined {
  if ((state.name !== 'running' && state.name !== 'in-doubt') || state.stepId === undefined) return undefined;
  return messageOf(say(`step.${state.stepId}`, { ...state.stepParams }));
}
