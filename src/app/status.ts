/** What the daemon says of itself: the parts of the status and the log lines that follow from a job's change. */
import type { Config } from '../config/load.ts';
import type { StatusView } from '../api/types.ts';
import type { EngineName, Job } from '../core/job.ts';
import { reasonOf } from '../core/lifecycle.ts';
import { formatBytes } from '../core/units.ts';
import type { DiskPath } from '../monitor/disk-space.ts';
import type { Engine } from '../engine/engine.ts';
import type { Logger } from '../platform/log.ts';
import type { Ledger } from '../queue/ledger.ts';
import type { Scheduler } from '../queue/scheduler.ts';
import type { Watcher, WatchFolder } from '../inbox/watcher.ts';

export function modeOf(now: { stopping: boolean; paused: boolean; scheduler: Scheduler }): StatusView['mode'] {
  if (now.stopping) return 'stopping';
  if (now.paused) return 'paused';
  if (!now.scheduler.draining) return 'running';
  return now.scheduler.running().length > 0 ? 'draining' : 'drained';
}

/** Why local work rests, a sentence: somebody paused it, or these are not its hours. */
export function restingBecause(paused: boolean, hours: { fromMinute: number; toMinute: number } | undefined): string {
  if (paused || !hours) return 'paused; shrinkbox resume goes on';
  const clock = (minute: number) =>
    `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
  return `resting until ${clock(hours.fromMinute)} (local_hours is ${clock(hours.fromMinute)}-${clock(hours.toMinute)})`;
}

export function totalsOf(ledger: Ledger): StatusView['totals'] {
  const { done, sourceBytes, outputBytes } = ledger.totals();
  return { done, source_bytes: sourceBytes, output_bytes: outputBytes, saved_bytes: sourceBytes - outputBytes };
}

export function engineViews(
  config: Config,
  engines: Partial<Record<EngineName, Engine>>,
  scheduler: Scheduler,
  resting: string | undefined,
): StatusView['engines'] {
  const running = scheduler.running();
  return (Object.keys(engines) as EngineName[]).map(name => {
    const pause = scheduler.enginePause(name);
    return {
      name,
      ready: pause === undefined && !(name === 'local' && resting),
      slots: config.limits[name],
      busy: running.filter(job => job.engine === name).length,
      paused_until: pause?.until ?? null,
      reason: pause?.reason ?? (name === 'local' ? (resting ?? null) : null),
    };
  });
}

export function folderViews(config: Config, watcher: Watcher): StatusView['folders'] {
  const watched = new Map(watcher.folders().map(folder => [folder.inbox, folder]));
  return config.folders.map(({ inbox, outbox }) => {
    const seen = watched.get(inbox);
    return {
      inbox,
      outbox,
      available: seen?.available ?? false,
      reason: seen?.reason ?? null,
      polled: seen?.polled ?? false,
      pending: seen?.pending ?? 0,
      arriving: (seen?.arriving ?? []).map(({ path, why }) => ({ path, why })),
      last_scan_age_ms: seen?.lastScanAgeMs == null ? null : Math.round(seen.lastScanAgeMs),
    };
  });
}

/** The folders as the watcher is told of them. */
export function watchFoldersOf(config: Config): WatchFolder[] {
  return config.folders.map(({ inbox, settle, scan }) => ({ inbox, settleMs: settle, scan }));
}

/** Every place whose free space a person may want to watch; folders are numbered, as their names may say too much. */
export function placesOf(config: Config): DiskPath[] {
  const state: DiskPath = { path: config.stateDir, labels: { place: 'state', folder: '' } };
  const folders = config.folders.flatMap(({ inbox, outbox, archive }, index): DiskPath[] => {
    const folder = String(index);
    return [
      { path: inbox, labels: { place: 'inbox', folder } },
      { path: outbox, labels: { place: 'outbox', folder } },
      ...(archive ? [{ path: archive, labels: { place: 'archive' as const, folder } }] : []),
    ];
  });
  return [state, ...folders];
}

/** One line per change of state, with the job's id. */
export function logChange(log: Logger, job: Job, before: Job | undefined): void {
  const { state } = job;
  if (
    state.name === before?.state.name &&
    !('step' in state && 'step' in before.state && state.step !== before.state.step)
  ) {
    return;
  }
  const fields = { job: job.id, file: job.relative, state: state.name };
  const reason = reasonOf(job);
  const because = reason ? { reason: reason.text, ...(reason.hint ? { hint: reason.hint } : {}) } : {};
  switch (state.name) {
    case 'done': {
      const saved = job.pin.sizeBytes > 0 ? Math.round(100 - (state.outputBytes / job.pin.sizeBytes) * 100) : 0;
      const sizes = `${formatBytes(job.pin.sizeBytes)} -> ${formatBytes(state.outputBytes)}`;
      return log.info(
        { ...fields, output: state.output, how: state.how, notes: state.notes },
        `done: ${sizes} (${saved} % saved)`,
      );
    }
    case 'running':
      return log.info({ ...fields, engine: state.engine }, `running: ${state.step}`);
    case 'waiting':
      return log.info({ ...fields, ...because, until: new Date(state.until).toISOString() }, 'waiting');
    case 'held':
    case 'failed':
    case 'in-doubt':
      return log.warn({ ...fields, ...because }, state.name);
    default:
      return log.info({ ...fields, ...because }, state.name);
  }
}
