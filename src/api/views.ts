import type { Job, Progress } from '../core/job.ts';
import { reasonOf, viewOf } from '../core/lifecycle.ts';
import type { JobDetail } from './types.ts';

/** All a person may want to know of one job; used alike with a daemon (live progress) and without (from the journal). */
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
  };
}
