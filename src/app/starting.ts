import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';

/** As long as a share that hangs is waited for, nearly; what is well takes a second. Milliseconds. */
const LONG_MS = 15_000;

/**
 * A start that hangs (a disk, a child, a share) would leave an empty log behind: with this, what it waits for is said after 15 s, and
 * every 15 s again. Resolves and rejects as `work` does.
 */
export function sayingWhatTakesLong(clock: Clock, log: Logger): <T>(what: string, work: Promise<T>) => Promise<T> {
  return async (what, work) => {
    const since = clock.monotonic();
    const say = () => {
      const forS = Math.round((clock.monotonic() - since) / 1000);
      log.warn({ forS }, `the start is still waiting for ${what}`);
      cancel = clock.after(LONG_MS, say);
    };
    let cancel = clock.after(LONG_MS, say);
    try {
      return await work;
    } finally {
      cancel();
    }
  };
}
