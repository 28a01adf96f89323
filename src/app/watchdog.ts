import type { Control } from '../api/types.ts';
import { formatDuration, plural } from '../core/units.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { SystemdNotifier } from '../platform/systemd.ts';

/** The status line of `systemctl status` changes at most this often, milliseconds: each change starts a process. */
const STATUS_EVERY_MS = 5_000;
/** A folder's loop gives up on a share after 20 s; listing a huge directory takes less than this. */
const FOLDER_STUCK_MS = 5 * 60_000;
/** No working disk takes this long for a sync, even if it has to spin up. */
const SYNC_STUCK_MS = 60_000;

export interface SystemdOptions {
  daemon: { control: Pick<Control, 'status' | 'subscribe'>; stuck(): string | undefined };
  notifier: SystemdNotifier;
  clock: Clock;
  log: Logger;
}

/** What `systemctl status` shows. */
export interface StatusLine {
  /** Shown after the counts until replaced; '' for nothing. */
  remark(text: string): void;
  close(): void;
}

/** Reports to systemd: READY, a line of counts now and then, and the watchdog, fed only while work can progress. */
export function reportToSystemd({ daemon, notifier, clock, log }: SystemdOptions): StatusLine {
  if (!notifier.active) return { remark() {}, close() {} };
  const { control } = daemon;
  let remark = '';
  const sendCounts = () => {
    const { mode, counts, folders } = control.status();
    const some = (['running', 'queued', 'waiting', 'held', 'failed', 'done'] as const).filter(name => counts[name] > 0);
    const jobs = some.map(name => `${counts[name]} ${name}`).join(', ') || 'no jobs yet';
    notifier.status(`${mode}, watching ${plural(folders.length, 'folder')}: ${jobs}${remark && `; ${remark}`}`);
  };
  notifier.ready();
  sendCounts();
  let cancel: (() => void) | undefined;
  const unsubscribe = control.subscribe(() => {
    cancel ??= clock.after(STATUS_EVERY_MS, () => {
      cancel = undefined;
      sendCounts();
    });
  });
  let logged: string | undefined;
  const unwatch = notifier.watch(() => {
    const why = daemon.stuck();
    if (why !== undefined && logged === undefined) log.error(`no longer feeding the watchdog: ${why}`);
    logged = why;
    return why === undefined;
  });
  return {
    remark(text) {
      remark = text;
      sendCounts();
    },
    close() {
      unsubscribe();
      cancel?.();
      unwatch();
    },
  };
}

export interface Movement {
  /** Per folder: how long its next scan has been overdue. */
  overdue: readonly { inbox: string; overdueMs: number }[];
  /** How long the current journal write has taken. */
  syncingMs: number;
  sinceHousekeepingMs: number;
  /** How often housekeeping should run. */
  housekeepingMs: number;
}

/** Why the daemon no longer works although its event loop turns; `undefined` while it does. Pure. */
export function stuckBecause({
  overdue,
  syncingMs,
  sinceHousekeepingMs,
  housekeepingMs,
}: Movement): string | undefined {
  if (syncingMs > SYNC_STUCK_MS) return `writing the journal has taken ${formatDuration(syncingMs)} so far`;
  if (sinceHousekeepingMs > 4 * housekeepingMs)
    return `housekeeping has not run for ${formatDuration(sinceHousekeepingMs)}`;
  const folder = overdue.find(({ overdueMs }) => overdueMs > FOLDER_STUCK_MS);
  return folder && `the scan of ${folder.inbox} has been overdue for ${formatDuration(folder.overdueMs)}`;
}
