/** How a message to the cloud ended, as far as its stream told; the counting of it is the daemon's affair (metrics.ts). */
export const STREAM_OUTCOMES = ['over', 'refused', 'unknown', 'aborted'] as const;
type StreamOutcome = (typeof STREAM_OUTCOMES)[number];

/** What the cloud engine tells of its traffic. Called synchronously; never throws. */
export interface CloudMeter {
  /** A request got an answer with this HTTP status, or none at all. 429 counts here too. */
  requested(status: number | 'none'): void;
  streamed(outcome: StreamOutcome): void;
}
