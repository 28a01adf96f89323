/** How long a message's stream is listened to: pure, so that every deadline stands in a table. Times in milliseconds. */
export interface WatchLimits {
  /** `nemo.message_timeout`: hard end, 15 minutes. */
  hardMs: number;
  /** `nemo.heartbeat_timeout`: signs of life without substance, 10 minutes. */
  heartbeatMs: number;
}

export interface WatchState {
  sentAt: number;
  /** When something of substance was heard last; the sending counts as such. */
  substanceAt: number;
  noticedAt: number;
  /** A whole reply came and no tool is at work. */
  mayBeOver: boolean;
}

/** "Still working..." is said this often. */
const NOTICE_EVERY_MS = 120_000;
/**
 * Known servers sometimes leave the stream open after the last reply (adk-python #4216, #5455). Once a whole reply is this old
 * the turn is taken as over, and the session's state says what came of it.
 */
const QUIET_AFTER_REPLY_MS = 90_000;

export type Deadline = 'hard' | 'heartbeats-only' | 'quiet-after-reply' | 'notice';

/** What is due next, and when. */
export function nextDeadline(state: WatchState, limits: WatchLimits): { at: number; what: Deadline } {
  const due: { at: number; what: Deadline }[] = [
    { at: state.sentAt + limits.hardMs, what: 'hard' },
    { at: state.substanceAt + limits.heartbeatMs, what: 'heartbeats-only' },
    { at: state.noticedAt + NOTICE_EVERY_MS, what: 'notice' },
  ];
  if (state.mayBeOver) due.push({ at: state.substanceAt + QUIET_AFTER_REPLY_MS, what: 'quiet-after-reply' });
  return due.reduce((first, one) => (one.at < first.at ? one : first));
}
