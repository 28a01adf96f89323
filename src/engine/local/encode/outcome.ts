import type { Candidate } from '../../../core/job.ts';
import type { Choice } from '../plan/strategy.ts';

/** What a way of doing it ends in: a candidate, or another way to be tried instead. */
export type Outcome =
  | { kind: 'candidate'; candidate: Candidate }
  | { kind: 'instead'; instead: Choice; notes: string[] };
