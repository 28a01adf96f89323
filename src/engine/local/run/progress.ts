import type { Progress } from '../../../core/job.ts';
import { messageOf, type Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { PauseGate } from '../../../platform/pause-gate.ts';

/** No estimate before this much is done: the first seconds tell little. */
const ESTIMATE_FROM = 0.02;
/** A step may need another attempt: the bar never fills before the candidate is there. */
const MAX_SHARE = 0.99;

interface MeterOptions {
  clock: Clock;
  gate: PauseGate;
  report: (progress: Progress) => void;
}

/** Combines the progress of all steps into one number for the whole job; it never decreases. */
export class Meter {
  readonly #clock: Clock;
  readonly #report: (progress: Progress) => void;
  readonly #began: number;
  readonly #unsubscribe: () => void;
  /** Where the step began, its share of the whole, and the current position. */
  #base = 0;
  #share = 0;
  #shown = 0;
  #skipped = 0;
  #note: Sentence | undefined;
  #restedMs = 0;
  #closedAt: number | undefined;

  constructor({ clock, gate, report }: MeterOptions) {
    this.#clock = clock;
    this.#report = report;
    this.#began = clock.monotonic();
    this.#closedAt = gate.closed ? this.#began : undefined;
    this.#unsubscribe = gate.onChange(closed => this.#turn(closed));
  }

  /** Starts a step that is this share (0..1) of the whole. If less than that is left, the step gets what is left. */
  begin(share: number, note?: Sentence): void {
    this.#base = this.#shown;
    this.#share = Math.min(share, (MAX_SHARE - this.#base) * 0.9);
    this.#note = note;
    this.#report(this.#progress(undefined));
  }

  /** The same for a step that was done before a restart. */
  skip(share: number): void {
    this.#skipped += share;
    this.#shown = Math.min(MAX_SHARE, this.#shown + share);
  }

  /** The progress of the step, 0..1, and its speed as a multiple of real time. */
  at(fraction: number, speed?: number): void {
    const bounded = Math.min(1, Math.max(0, Number.isFinite(fraction) ? fraction : 0));
    this.#shown = Math.max(this.#shown, this.#base + this.#share * bounded);
    this.#report(this.#progress(speed));
  }

  stop(): void {
    this.#unsubscribe();
  }

  #turn(closed: boolean): void {
    const now = this.#clock.monotonic();
    if (this.#closedAt !== undefined) this.#restedMs += now - this.#closedAt;
    this.#closedAt = closed ? now : undefined;
  }

  #progress(speed: number | undefined): Progress {
    const workedMs = this.#clock.monotonic() - this.#began - this.#restedMs;
    const earned = this.#shown - this.#skipped;
    const etaMs = earned >= ESTIMATE_FROM ? Math.round((workedMs / earned) * (1 - this.#shown)) : undefined;
    const remark = remarkOf(this.#note, speed);
    return { fraction: this.#shown, etaMs, note: remark?.text, message: messageOf(remark) };
  }
}

function remarkOf(step: Sentence | undefined, speed: number | undefined): Sentence | undefined {
  if (speed === undefined) return step;
  return step ? say('local.progress', { step, speed }) : say('local.speed', { speed });
}
