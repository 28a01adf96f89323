import type { Clock } from './clock.ts';

/** A timer whose time stands still while paused. Without `ms` it never fires. */
export interface PausableTimer {
  pause(): void;
  resume(): void;
  /** Starts again from the full time; stays paused if it was. */
  restart(): void;
  stop(): void;
}

export function pausableTimer(clock: Clock, ms: number | undefined, onEnd: () => void): PausableTimer {
  if (ms === undefined) return { pause() {}, resume() {}, restart() {}, stop() {} };
  let left = ms;
  let since = clock.monotonic();
  let cancel: (() => void) | undefined;
  let paused = false;
  let stopped = false;

  // Restarting happens with every line of output: the deadline moves, the timer underneath looks again when it rings.
  const arm = () => {
    cancel = clock.after(left - (clock.monotonic() - since), () => {
      cancel = undefined;
      if (left - (clock.monotonic() - since) > 0) return arm();
      stopped = true;
      onEnd();
    });
  };
  arm();

  return {
    pause() {
      if (paused || stopped) return;
      paused = true;
      left -= clock.monotonic() - since;
      cancel?.();
      cancel = undefined;
    },
    resume() {
      if (!paused || stopped) return;
      paused = false;
      since = clock.monotonic();
      arm();
    },
    restart() {
      left = ms;
      since = clock.monotonic();
    },
    stop() {
      stopped = true;
      cancel?.();
      cancel = undefined;
    },
  };
}
