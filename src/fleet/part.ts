/** A part as the engine wants it made, what comes of it, and when no worker makes it. */
import type { ShrinkError } from '../core/errors.ts';
import type { Offer } from './leases.ts';
import type { Beat, Codec } from './protocol.ts';

/** A complete upload, not yet looked at. */
export interface Uploaded {
  path: string;
  bytes: number;
  sha256: string;
}

export interface Slice {
  path: string;
  bytes: number;
  sha256: string;
}

/** A part that an engine wants made, and what it takes for a result. */
export interface PartSpec extends Pick<Offer, 'job' | 'want' | 'preferred' | 'needsBytes' | 'frames'> {
  /** Its number, from 0, and how many the film has. */
  part: number;
  of: number;
  codec: Codec;
  /** Names the kind of work: only of the same kind is it known how long it takes. */
  work: string;
  /** Once a part of the film was made. */
  fingerprint: string | undefined;
  /** Data, never a command line. */
  order: unknown;
  /** Where uploads go: a name in the job's work directory, to be made unique by a suffix. */
  uploadTo: string;
  maxBytes: number;
  /** Rather than waiting for a worker, this machine could do it. */
  mayGiveUp: boolean;
  /** @param known the hash of what the worker has: if it is the same, there need be no file */
  slice(known: string | undefined): Promise<Slice>;
  /**
   * Looks at a result. Resolves with what puts it where it belongs, which is called once the journal says that it counts.
   * @throws ShrinkError `bad-answer` if it is not what was asked for
   */
  inspect(made: unknown, uploaded: Uploaded): Promise<() => Promise<void>>;
  /** The first lease of the film was given: from now on, only who makes the same may help. */
  pin(fingerprint: string): Promise<void>;
  /** @throws ShrinkError if the source is not what it was */
  checkSource(): Promise<void>;
  /** Removes what was uploaded by the leases of these numbers. */
  dropUploads(which: (n: number) => boolean): Promise<void>;
  isPaused(): boolean;
  onBeat(beat: Beat): void;
}

/** No worker will make it: `absent`, because none that could is there; `failed`, because it went wrong on those that could. */
export class NotByFleet extends Error {
  readonly why: 'absent' | 'failed';
  /** What the last one said. */
  readonly failure: ShrinkError | undefined;

  constructor(why: 'absent' | 'failed', failure?: ShrinkError) {
    super(`no worker makes it: ${why}`);
    this.why = why;
    this.failure = failure;
  }
}
