import type { Daemon } from './daemon.ts';
import type { Logger } from '../platform/log.ts';
import type { Notifier } from '../platform/systemd.ts';
import type { Clock } from '../platform/clock.ts';
import { plural } from '../core/units.ts';

/** systemd is told the counts at most this often, milliseconds: each time is a process. */
const STATUS_EVERY_MS = 5_000;

/** What `systemctl status` shows. */
export interface StatusLine {
  /** Stands behind the counts until the next one; '' for nothing. */
  remark(text: string): void;
  close(): void;
}

export interface SystemdOptions {
  daemon: Daemon;
  notifier: Notifier;
  clock: Clock;
  log: Logger;
}

/** READY, a line of counts now and then, and the watchdog, fed only while the daemon says that work can move. */
export function tellSystemd({ daemon, notifier, clock, log }: SystemdOptions): StatusLine {
  if (!notifier.active) return { remark() {}, close() {} };
  const { control } = daemon;
  let remark = '';
  const tellCounts = () => {
    const { mode, counts, folders } = control.status();
    const some = (['running', 'queued', 'waiting', 'held', 'failed', 'done'] as const).filter(name => counts[name] > 0);
    const jobs = some.map(name => `${counts[name]} ${name}`).join(', ') || 'no jobs yet';
    notifier.status(`${mode}, watching ${plural(folders.length, 'folder')}: ${jobs}${remark && `; ${remark}`}`);
  };
  notifier.ready();
  tellCounts();
  let cancel: (() => void) | undefined;
  const unsubscribe = control.subscribe(() => {
    cancel ??= clock.after(STATUS_EVERY_MS, () => {
      cancel = undefined;
      tellCounts();
    });
  });
  let said: string | undefined;
  const unwatch = notifier.watch(() => {
    const why = daemon.stuck();
    if (why !== undefined && said === undefined) log.error(`the watchdog is not fed any more: ${why}`);
    said = why;
    return why === undefined;
  });
  return {
    remark(text) {
      remark = text;
      tellCounts();
    },
    close() {
      unsubscribe();
      cancel?.();
      unwatch();
    },
  };
}
