import { formatDuration } from '../core/units.ts';

export interface Movement {
  /** Per folder: how long its loop should have moved on. */
  overdue: readonly { inbox: string; overdueMs: number }[];
  /** How long the write of the journal under way has taken. */
  syncingMs: number;
  sinceHousekeepingMs: number;
  /** How often housekeeping is meant to happen. */
  housekeepingMs: number;
}

/** A folder's loop asks a share for 20 s at most before it gives it up; a huge directory is listed in less than this. */
const FOLDER_STUCK_MS = 5 * 60_000;
/** No disk that works takes this long for a sync, a spun-down one included. */
const SYNC_STUCK_MS = 60_000;

/** Why the daemon has stopped doing its work although its event loop turns; `undefined` while it does. Pure. */
export function stuckBecause({
  overdue,
  syncingMs,
  sinceHousekeepingMs,
  housekeepingMs,
}: Movement): string | undefined {
  if (syncingMs > SYNC_STUCK_MS) return `the journal has been written for ${formatDuration(syncingMs)}`;
  if (sinceHousekeepingMs > 4 * housekeepingMs)
    return `nobody looked at the queue for ${formatDuration(sinceHousekeepingMs)}`;
  const folder = overdue.find(({ overdueMs }) => overdueMs > FOLDER_STUCK_MS);
  return folder && `${folder.inbox} was not looked at for ${formatDuration(folder.overdueMs)}`;
}
