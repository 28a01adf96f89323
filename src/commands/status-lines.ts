import type { StatusView } from '../control/control.ts';
import { type JobView, STATE_NAMES } from '../core/job.ts';
import { formatBytes, formatDuration } from '../core/units.ts';
import type { Context } from './context.ts';
import { remarkOf } from './jobs.ts';
import { cut, plural, safe, table } from './text.ts';

/** Jobs shown of each kind; `jobs` shows them all. */
const SHOWN = 10;

/** The status as people read it; what needs a person comes first. */
export function statusLines(context: Context, status: StatusView, jobs: readonly JobView[]): string[] {
  const { paint, columns } = context;
  const now = context.io.clock.now();
  const needsPerson = jobs.filter(({ state }) => state === 'held' || state === 'failed');
  const active = jobs.filter(({ state }) => ACTIVE.has(state)).reverse();
  return [
    headline(context, status, now),
    cut(`  ${countLine(status)}`, columns),
    cut(`  ${totalLine(status)}`, columns),
    '',
    ...table(
      status.folders.map(folder => folderRow(folder, status.running)),
      columns,
    ),
    ...status.engines
      .filter(engine => !engine.ready)
      .map(engine => paint('yellow', cut(engineLine(engine, now), columns))),
    ...section('Needs a person (retry ID, cancel ID; job ID says more):', needsPerson),
    ...section('Working:', active),
  ];

  function section(title: string, some: readonly JobView[]): string[] {
    if (some.length === 0) return [];
    const rows = some.slice(0, SHOWN).map(job => [`  ${job.id}`, job.state, cut(safe(nameOf(job)), 40), remarkOf(job)]);
    const more = some.length > SHOWN ? [`  and ${some.length - SHOWN} more (shrinkbox jobs)`] : [];
    return ['', paint('bold', title), ...table(rows, columns), ...more];
  }
}

const ACTIVE: ReadonlySet<string> = new Set(['running', 'verifying', 'delivering', 'in-doubt', 'waiting', 'queued']);

function headline({ paint }: Context, status: StatusView, now: number): string {
  const since = status.started_at === null ? '' : `, for ${formatDuration(now - status.started_at)}`;
  if (!status.running)
    return paint('yellow', `no daemon is running for ${safe(status.state_dir)}; this is what its journal says`);
  const colour = status.mode === 'running' ? 'green' : 'yellow';
  return `shrinkbox ${safe(status.version)} is ${paint(colour, status.mode)} (pid ${status.pid}${since})`;
}

function countLine({ counts }: StatusView): string {
  const some = STATE_NAMES.filter(name => counts[name] > 0).map(name => `${counts[name]} ${name}`);
  return some.length > 0 ? some.join(', ') : 'no jobs yet';
}

function totalLine({ totals }: StatusView): string {
  if (totals.done === 0) return 'nothing done yet';
  const { source_bytes: before, output_bytes: after, saved_bytes: saved } = totals;
  return `${plural(totals.done, 'file')} done: ${formatBytes(before)} -> ${formatBytes(after)}, ${formatBytes(saved)} saved`;
}

function folderRow(folder: StatusView['folders'][number], running: boolean): string[] {
  const waiting = folder.pending > 0 ? `${plural(folder.pending, 'file')} still being looked at` : 'watched';
  const state = folder.available
    ? `${waiting}${folder.polled ? ' (by reading it again and again)' : ''}`
    : `away: ${safe(folder.reason ?? '')}`;
  return [`  ${safe(folder.inbox)} -> ${safe(folder.outbox)}`, running || !folder.available ? state : ''];
}

function engineLine(engine: StatusView['engines'][number], now: number): string {
  const until = engine.paused_until === null ? '' : ` for ${formatDuration(engine.paused_until - now)}`;
  return `  engine ${safe(engine.name)} rests${until}: ${safe(engine.reason ?? '')}`;
}

function nameOf(job: JobView): string {
  return job.source.startsWith(`${job.folder}/`) ? job.source.slice(job.folder.length + 1) : job.source;
}
