import type { Daemon } from '../../app/daemon.ts';
import { backoffMs, type ShrinkError } from '../../core/errors.ts';
import { type Clock, sleep } from '../../platform/clock.ts';
import { isOutOfRoom } from '../../platform/files/file-error.ts';
import type { Logger } from '../../platform/log.ts';
import type { SystemdNotifier } from '../../platform/systemd.ts';
import type { Stops } from './signals.ts';

/** Pause before a start on a full disk is tried again; it doubles. */
const ROOM_AGAIN = { firstMs: 5_000, maxMs: 60_000 };

/**
 * Starts the daemon, as soon as the disk of the state directory has room for that: whoever filled it for a minute must not keep it
 * ended for good, and no supervisor tries for ever. Never settles once it was asked to stop meanwhile.
 */
export async function startWhenRoom(
  start: () => Promise<Daemon>,
  { clock, log, notifier, stops }: { clock: Clock; log: Logger; notifier: SystemdNotifier; stops: Stops },
): Promise<Daemon> {
  const stop = new AbortController();
  void stops.requested.then(() => stop.abort());
  for (let tries = 0; ; tries += 1) {
    try {
      return await start();
    } catch (error) {
      if (!isOutOfRoom(error)) throw error;
      const { message, hint } = error as ShrinkError;
      if (tries === 0) log.error({ hint }, `${message}; shrinkbox starts as soon as there is room`);
      notifier.status(`waiting for room to start: ${message}`);
      await sleep(clock, backoffMs(ROOM_AGAIN, tries), stop.signal).catch(() => new Promise<never>(() => {}));
    }
  }
}
