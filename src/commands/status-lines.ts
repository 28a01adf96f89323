import type { JobDetail, StatusView } from '../control/control.ts';
import { type JobView, STATE_NAMES } from '../core/job.ts';
import { formatBytes, formatDuration } from '../core/units.ts';
import type { Reader } from './connect.ts';
import type { Context } from './context.ts';
import { remarkOf } from './jobs.ts';
import { cut, plural, safe, table } from './text.ts';

/** Jobs shown of each kind; `jobs` shows them all. */
const SHOWN = 10;

/** A job with how it gets on, where that is known. */
type LiveJob = JobView & Partial<Pick<JobDetail, 'eta_ms'>>;

/** The jobs a status shows: not the done ones, of which there may be years; those at work with the time they still need. */
export async function shownJobs(reader: Pick<Reader, 'jobs' | 'job'>, status: StatusView): Promise<LiveJob[]> {
  const states = STATE_NAMES.filter(name => status.counts[name] > 0 && SHOWN_STATES.has(name));
  const jobs = (await Promise.all(states.map(state => reader.jobs(state)))).flat();
  const live = await Promise.all(
    jobs.map(async job => (AT_WORK.has(job.state) ? ((await reader.job(job.id)) ?? job) : job)),
  );
  return live.sort((a, b) => b.created_at - a.created_at);
}

/** The status as people read it; what needs a person comes first. */
export function statusLines(context: Context, status: StatusView, jobs: readonly LiveJob[]): string[] {
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

  function section(title: string, some: readonly LiveJob[]): string[] {
    if (some.length === 0) return [];
    const rows = some
      .slice(0, SHOWN)
      .map(job => [`  ${job.id}`, job.state, cut(safe(nameOf(job)), 40), progressOf(job)]);
    const more = some.length > SHOWN ? [`  and ${some.length - SHOWN} more (shrinkbox jobs)`] : [];
    return ['', paint('bold', title), ...table(rows, columns), ...more];
  }
}

const AT_WORK: ReadonlySet<string> = new Set(['running', 'verifying', 'delivering', 'in-doubt']);
const ACTIVE: ReadonlySet<string> = new Set(['running', 'verifying', 'delivering', 'in-doubt', 'waiting', 'queued']);
const SHOWN_STATES: ReadonlySet<string> = new Set([...ACTIVE, 'held', 'failed']);

const BAR_COLUMNS = 16;

/** `[######----------] pass 2 of 2 41 %, 12s left`. */
function progressOf(job: LiveJob): string {
  if (!AT_WORK.has(job.state) || job.progress === null) return remarkOf(job);
  const filled = Math.round(Math.min(1, Math.max(0, job.progress)) * BAR_COLUMNS);
  const left = job.eta_ms == null ? '' : `, ${formatDuration(job.eta_ms)} left`;
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_COLUMNS - filled)}] ${remarkOf(job)}${left}`;
}

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
