/**
 * Encoding on a device, and what follows where that does not work out: the processor encodes this one film, with a note. States of a
 * job: undecided, on the encoder named in its checkpoint, given up (why is a note of the result). docs/hardware.md
 */
import { type ErrorCode, isShrinkError } from '../../../core/errors.ts';
import type { Order } from '../../../core/job.ts';
import type { Sentence } from '../../../core/message.ts';
import type { HardwareEncoder } from '../../../media/ffmpeg/hardware-args.ts';
import { say } from '../../../messages/say.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Codec } from '../plan/crf.ts';
import type { EncodePlan } from '../plan/encode-plan.ts';
import { takesRates } from '../plan/hardware.ts';
import { HARDWARE_REST } from '../tuning.ts';
import { CutMissed } from './cut-check.ts';

/** The encoder failed, or did not reach what was asked: the processor takes over. */
export class HardwareGaveUp extends Error {
  readonly why: Sentence;
  /** It does not work, rather than not being exact enough. */
  readonly isFault: boolean;
  constructor(why: Sentence, { isFault, cause }: { isFault: boolean; cause?: unknown }) {
    super(why.text, { cause });
    this.why = why;
    this.isFault = isFault;
  }
}

/** Not the encoder's fault, and no better without it. */
const NOT_ITS_FAULT: readonly ErrorCode[] = [
  'cancelled',
  'no-space',
  'io',
  'gone',
  'unavailable',
  'changed-underneath',
  'unsafe-media',
];

/** What it means that work on the encoder ended in this; anything else passes through. */
export function blamedOnHardware(error: unknown, { name }: HardwareEncoder): unknown {
  if (error instanceof HardwareGaveUp || error instanceof CutMissed) return error;
  if (!isShrinkError(error) || NOT_ITS_FAULT.includes(error.code)) return error;
  // Not the film is damaged, but what came of it: the processor shows whether both are.
  const { message } = isShrinkError(error, 'incomplete-media') && isShrinkError(error.cause) ? error.cause : error;
  const why = say('local.hardware-failed', { encoder: name, why: message });
  return new HardwareGaveUp(why, { isFault: true, cause: error });
}

/** The hardware encoders of this engine: which of them rest, and whose results were rejected. */
export class HardwareDesk {
  readonly #encoders: readonly HardwareEncoder[];
  readonly #clock: Clock;
  /** Failures in a row, and until when it rests, monotonic ms. */
  readonly #state = new Map<string, { failures: number; restsUntil: number }>();
  /** By job, who made its last result, and its failures before that. */
  readonly #made = new Map<string, Attempt & { encoder: string; failures: number }>();

  constructor(encoders: readonly HardwareEncoder[], clock: Clock) {
    this.#encoders = encoders;
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#encoders.length === 0;
  }

  /** The encoder for a codec, or why there is none now. `undefined` if nothing was to be expected. */
  encoderFor(codec: Codec): HardwareEncoder | Sentence | undefined {
    if (this.isEmpty) return undefined;
    const encoder = this.#encoders.find(one => one.codec === codec);
    if (!encoder) return say('local.hardware-not-codec', { codec });
    const { restsUntil = 0 } = this.#state.get(encoder.name) ?? {};
    if (restsUntil <= this.#clock.monotonic()) return encoder;
    return say('local.hardware-rests', { encoder: encoder.name, failures: HARDWARE_REST.failures });
  }

  failed(encoder: string): void {
    const failures = (this.#state.get(encoder)?.failures ?? 0) + 1;
    const restsUntil = failures >= HARDWARE_REST.failures ? this.#clock.monotonic() + HARDWARE_REST.ms : 0;
    // After its rest, a single further failure is enough.
    this.#state.set(encoder, { failures, restsUntil });
  }

  /** It made a whole result, which ends a row of failures unless that is rejected. */
  made({ job, retryCount }: Attempt, encoder: string): void {
    this.#made.delete(job);
    this.#made.set(job, { job, retryCount, encoder, failures: this.#state.get(encoder)?.failures ?? 0 });
    this.#state.delete(encoder);
    const [oldest] = this.#made.keys();
    if (this.#made.size > MOST_REMEMBERED && oldest !== undefined) this.#made.delete(oldest);
  }

  /**
   * Asked of a job without checkpoints: who made its last result, which then did not pass the verification. That counts as a failure. No
   * such thing where a person asked for another attempt meanwhile.
   */
  rejectedOf({ job, retryCount }: Attempt): string | undefined {
    const made = this.#made.get(job);
    this.#made.delete(job);
    if (!made || made.retryCount !== retryCount) return undefined;
    const { encoder, failures } = made;
    this.#state.set(encoder, { failures: Math.max(failures, this.#state.get(encoder)?.failures ?? 0), restsUntil: 0 });
    this.failed(encoder);
    return encoder;
  }
}

type Attempt = Pick<Order, 'job' | 'retryCount'>;

const MOST_REMEMBERED = 200;

/** Lines for `explain`: which encoder, how it reaches the size, and what that costs. */
export function describeHardware(encoder: HardwareEncoder, { way }: Pick<EncodePlan, 'way'>): Sentence[] {
  const how = way === 'size' && !takesRates(encoder) ? say('local.hardware-by-steps') : say('local.plan-one-pass');
  return [say('local.plan-hardware', { encoder: encoder.name, how }), say('local.plan-hardware-costs')];
}
