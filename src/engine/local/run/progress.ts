import type { Progress } from '../../../core/job.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { PauseGate } from '../../../platform/pause-gate.ts';

/** One number for the whole job out of the steps' own; it never goes back. */
export interface Meter {
  /** A step begins that is this share (0..1) of the whole. More than is left is squeezed into what is left. */
  begin(share: number, note?: string): void;
  /** The same for a step that was done before a restart. */
  skip(share: number): void;
  /** Where the step stands, 0..1, and how fast, in times real time. */
  at(fraction: number, speed?: number): void;
  stop(): void;
}

/** No estimate before this much is done: the first seconds say little. */
const ESTIMATE_FROM = 0.02;
/** A further try of a step may come: the bar never fills before the candidate is there. */
const MAX_SHARE = 0.99;

export function createMeter(options: { clock: Clock; gate: PauseGate; report: (progress: Progress) => void }): Meter {
  const { clock, gate, report } = options;
  let base = 0;
  let share = 0;
  let shown = 0;
  let skipped = 0;
  let note: string | undefined;
  let restedMs = 0;
  let closedAt = gate.closed ? clock.monotonic() : undefined;
  const began = clock.monotonic();
  const forget = gate.onChange(closed => {
    if (closedAt !== undefined) restedMs += clock.monotonic() - closedAt;
    closedAt = closed ? clock.monotonic() : undefined;
  });

  return {
    begin(wanted, text) {
      base = shown;
      share = Math.min(wanted, (MAX_SHARE - base) * 0.9);
      note = text;
      report(progress(undefined));
    },
    skip(done) {
      skipped += done;
      shown = Math.min(MAX_SHARE, shown + done);
    },
    at(fraction, speed) {
      shown = Math.max(shown, base + share * Math.min(1, Math.max(0, Number.isFinite(fraction) ? fraction : 0)));
      report(progress(speed));
    },
    stop: forget,
  };

  function progress(speed: number | undefined): Progress {
    const workedMs = clock.monotonic() - began - restedMs;
    const earned = shown - skipped;
    const said = [note, speed === undefined ? undefined : `${speed.toFixed(1)}x`].filter(Boolean).join(', ');
    return {
      fraction: shown,
      ...(earned >= ESTIMATE_FROM ? { etaMs: Math.round((workedMs / earned) * (1 - shown)) } : {}),
      ...(said ? { note: said } : {}),
    };
  }
}
