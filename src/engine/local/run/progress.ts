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

/** One step of a job, of which several may be under way. */
export interface MeterStep {
  /** Its progress, 0..1, and its speed as a multiple of real time. */
  at(fraction: number, speed?: number): void;
  /** It is over, whatever became of it. */
  end(): void;
}

interface OpenStep {
  share: number;
  /** Of its share. */
  done: number;
  note: Sentence | undefined;
  speed: number | undefined;
}

/** Combines the progress of all steps into one number for the whole job; it never decreases. */
export class Meter {
  readonly #clock: Clock;
  readonly #report: (progress: Progress) => void;
  readonly #began: number;
  readonly #unsubscribe: () => void;
  #shown = 0;
  #skipped = 0;
  readonly #open = new Set<OpenStep>();
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
  begin(share: number, note?: Sentence): MeterStep {
    let promised = this.#shown;
    for (const { share: all, done } of this.#open) promised += all - done;
    const step: OpenStep = { share: Math.min(share, (MAX_SHARE - promised) * 0.9), done: 0, note, speed: undefined };
    this.#open.add(step);
    this.#report(this.#progress());
    return {
      at: (fraction, speed) => {
        const bounded = Math.min(1, Math.max(0, Number.isFinite(fraction) ? fraction : 0));
        const more = Math.max(0, step.share * bounded - step.done);
        step.done += more;
        step.speed = speed;
        this.#shown += more;
        this.#report(this.#progress());
      },
      end: () => void this.#open.delete(step),
    };
  }

  /** The same for a step that was done before a restart. */
  skip(share: number): void {
    this.#skipped += share;
    this.#shown = Math.min(MAX_SHARE, this.#shown + share);
  }

  stop(): void {
    this.#unsubscribe();
  }

  #turn(closed: boolean): void {
    const now = this.#clock.monotonic();
    if (this.#closedAt !== undefined) this.#restedMs += now - this.#closedAt;
    this.#closedAt = closed ? now : undefined;
  }

  #progress(): Progress {
    const workedMs = this.#clock.monotonic() - this.#began - this.#restedMs;
    const earned = this.#shown - this.#skipped;
    const etaMs = earned >= ESTIMATE_FROM ? Math.round((workedMs / earned) * (1 - this.#shown)) : undefined;
    const remark = remarkOf([...this.#open]);
    return { fraction: this.#shown, etaMs, note: remark?.text, message: messageOf(remark) };
  }
}

/** What is under way: the step that began first, how many more there are, and the speed of all together. */
function remarkOf(open: readonly OpenStep[]): Sentence | undefined {
  const named = open.filter(({ note }) => note !== undefined);
  const [first] = named;
  const step =
    first?.note && named.length > 1 ? say('local.and-more', { step: first.note, more: named.length - 1 }) : first?.note;
  const speeds = open.flatMap(({ speed }) => speed ?? []);
  if (speeds.length === 0) return step;
  const speed = speeds.reduce((sum, one) => sum + one, 0);
  return step ? say('local.progress', { step, speed }) : say('local.speed', { speed });
}
