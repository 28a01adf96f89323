import { policyOfReason } from '../core/errors.ts';
import { type Job, type JobState, type Progress, type Reason, RESTING } from '../core/job.ts';
import { reasonOf, stateSince } from '../core/lifecycle.ts';
import { type Message, messageOf, type Sentence } from '../core/message.ts';
import { promisedBytes, targetBytes } from '../core/target.ts';
import { type MessageCode, say } from '../messages/say.ts';
import type { ActionView, DetailMessages, JobDetail, JobView, LiveView, Needs } from './types.ts';

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
    reason: (pausedBecause(job)?.text ?? reasonOf(job)?.text) || null,
    action: actionOf(job, progress)?.view ?? null,
    step: state.name === 'running' || state.name === 'in-doubt' ? state.step : null,
    progress: state.name === 'done' ? 1 : (progress?.fraction ?? null),
    source_bytes: job.pin.sizeBytes,
    target_bytes: target ?? null,
    target_firm: decision.kind === 'do' && promisedBytes(decision.target, job.pin.sizeBytes) !== undefined,
    output: state.name === 'done' ? state.output : null,
    output_bytes: state.name === 'done' ? state.outputBytes : null,
    created_at: job.createdAt,
    updated_at: job.updatedAt,
  };
}

/** Why a job that a person paused goes no further. */
function pausedBecause({ paused, state }: Job): Sentence | undefined {
  return paused && !RESTING.has(state.name) ? say('queue.paused') : undefined;
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
  const asked = reason && actionIn(reason, stateSince(job));
  if (asked) return asked;
  if (state.name === 'done') return offerOf(state, stateSince(job));
  const isDoubt = state.name === 'in-doubt';
  if (!isDoubt && state.name !== 'running') return undefined;
  const { waitsSince, note, message } = progress ?? {};
  if (waitsSince !== undefined) {
    return { view: { code: 'wait', text: note ?? '', link: null, since: waitsSince }, message };
  }
  // After a restart nobody has checked yet.
  return isDoubt ? actionIn({ ...state.reason, action: { code: 'wait' } }, state.since) : undefined;
}

/** The step that the agent left open, as the note on it says. */
function offerOf(
  { notes, messages }: Extract<JobState, { name: 'done' }>,
  since: number,
): { view: ActionView; message?: Message } | undefined {
  const n = messages?.notes?.findIndex(message => message?.code === OPEN_STEPS) ?? -1;
  const text = notes[n];
  if (text === undefined) return undefined;
  return { view: { code: 'offer', text, link: null, since }, message: messages?.notes?.[n] ?? undefined };
}

const OPEN_STEPS: MessageCode = 'nemo.open-steps';

/** All a person may want to know about one job, with a daemon (live progress) or without (from the journal). */
export function detailOf(job: Job, progress?: Progress): JobDetail {
  const { state, decision } = job;
  const done = state.name === 'done' ? state : undefined;
  return {
    ...viewOf(job, progress),
    relative: job.relative,
    version: job.version,
    attempts: job.attempts,
    ...(decision.kind === 'do' && decision.target.trim && { part: decision.target.trim }),
    instruction: job.words ?? job.sidecar?.text ?? (decision.kind === 'skip' ? null : (decision.instruction ?? null)),
    hint: reasonOf(job)?.hint ?? null,
    how: done?.how ?? ('candidate' in state ? state.candidate.how : null),
    notes: done?.notes ?? [],
    evidence: done?.evidence ?? null,
    eta_ms: progress?.etaMs ?? null,
    progress_note: progress?.note ?? null,
    waiting_until: state.name === 'waiting' ? state.until : null,
    undo_until: state.name === 'cancelled' ? (state.until ?? null) : null,
    paused: pausedBecause(job) !== undefined,
    retry_helps: retryHelps(job),
    place: job.place?.line ?? null,
    original: job.original ? (job.original.kind === 'archived' ? job.original.path : 'deleted') : null,
    report: job.report ?? null,
    facts: job.facts,
    history: job.history,
    messages: messagesOf(job, progress),
  };
}

/** Whether a retry may end otherwise, by what the error's policy says. */
function retryHelps({ state }: Job): boolean {
  if (state.name === 'cancelled') return true;
  if (state.name !== 'held' && state.name !== 'failed') return false;
  const { code } = state.reason;
  // Held by the rules: words that nobody understood stay the same words.
  return code !== 'held' && !policyOfReason(code)?.endsTheSame;
}

/** Jobs named for each reason. */
const MAX_NAMED = 50;

/** The jobs that need a person, by reason. @param jobs oldest first */
export function needsOf(jobs: Iterable<Job>): Needs {
  const groups = new Map<string, Job[]>();
  for (const job of jobs) {
    if (job.state.name !== 'held' && job.state.name !== 'failed') continue;
    const { code, messages } = job.state.reason;
    const key = `${job.state.name} ${messages?.text?.code ?? code}`;
    const group = groups.get(key);
    if (group) group.push(job);
    else groups.set(key, [job]);
  }
  return [...groups.values()].map(needOf).sort((a, b) => b.jobs - a.jobs);
}

function needOf(group: readonly Job[]): Needs[number] {
  const newest = group.slice(-MAX_NAMED).reverse();
  const [first] = newest;
  const reason = first && reasonOf(first);
  return {
    code: reason?.messages?.text?.code ?? reason?.code ?? '',
    state: first?.state.name === 'held' ? 'held' : 'failed',
    jobs: group.length,
    reason: reason?.text ?? '',
    hint: reason?.hint ?? null,
    messages: { reason: reason?.messages?.text, hint: reason?.messages?.hint },
    newest: newest.map(({ id }) => id),
  };
}

/** What an open page needs beyond `viewOf`. */
export function liveOf(job: Job, progress?: Progress): LiveView {
  const { eta_ms, progress_note, hint, waiting_until, undo_until, paused, retry_helps, place, messages } = detailOf(
    job,
    progress,
  );
  return { eta_ms, progress_note, hint, waiting_until, undo_until, paused, retry_helps, place, messages };
}

function messagesOf(job: Job, progress: Progress | undefined): DetailMessages {
  const { state } = job;
  const reason = reasonOf(job)?.messages;
  const result = state.name === 'done' ? state.messages : undefined;
  const how = result?.how ?? ('candidate' in state ? state.candidate.messages?.how : undefined);
  return {
    reason: messageOf(pausedBecause(job)) ?? reason?.text,
    hint: reason?.hint,
    how,
    notes: result?.notes,
    evidence: result?.evidence,
    step: stepMessage(state),
    progress_note: progress?.message,
    action: actionOf(job, progress)?.message,
    facts: job.factMessages,
  };
}

function stepMessage(state: JobState): Message | undefined {
  if ((state.name !== 'running' && state.name !== 'in-doubt') || state.stepId === undefined) return undefined;
  return messageOf(say(`step.${state.stepId}`, { ...state.stepParams }));
}
