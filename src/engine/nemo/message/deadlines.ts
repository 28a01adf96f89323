import type { WatchLimits } from '../context.ts';

/** How far a message's stream has come; times are epoch ms. */
export interface WatchState {
  sentAt: number;
  /** When something substantial last arrived; the sending counts as such. */
  substanceAt: number;
  noticedAt: number;
  /** A whole reply has arrived and no tool is running. */
  mayBeOver: boolean;
}

/** How often progress says "still working". */
const NOTICE_EVERY_MS = 120_000;
/**
 * Known servers sometimes leave the stream open after the last reply (adk-python #4216, #5455). Once a whole reply is this old,
 * the turn counts as over, and the session's state shows the outcome.
 */
const QUIET_AFTER_REPLY_MS = 90_000;

export type Deadline = 'hard' | 'heartbeats-only' | 'quiet-after-reply' | 'notice';

/** What is due next, and when. Pure, so that every deadline can be a row of a table of tests. */
export function nextDeadline(state: WatchState, limits: WatchLimits): { at: number; what: Deadline } {
  const due: { at: number; what: Deadline }[] = [
    { at: state.sentAt + limits.messageTimeout, what: 'hard' },
    { at: state.substanceAt + limits.heartbeatTimeout, what: 'heartbeats-only' },
    { at: state.noticedAt + NOTICE_EVERY_MS, what: 'notice' },
  ];
  if (state.mayBeOver) due.push({ at: state.substanceAt + QUIET_AFTER_REPLY_MS, what: 'quiet-after-reply' });
  return due.reduce((first, one) => (one.at < first.at ? one : first));
}
