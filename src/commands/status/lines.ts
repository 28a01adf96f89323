import type { ActionView, JobDetail, JobView, StatusView } from '../../api/types.ts';
import { STATE_NAMES, type StateName } from '../../core/job.ts';
import { formatBytes, formatDuration, plural } from '../../core/units.ts';
import type { Reader } from '../support/connect.ts';
import type { Context } from '../support/context.ts';
import { askedLines, relativeName, remarkOf, standingActions, waitOf } from '../jobs.ts';
import { fleetTroubles } from '../support/fleet-troubles.ts';
import { escapeForTerminal } from '../../core/escape.ts';
import { cut, cutPath, formatTime, table } from '../support/terminal.ts';

/** At most this many jobs are shown in each section; `jobs` shows them all. */
const SHOWN = 10;

/** A job with its remaining time, where that is known. */
type LiveJob = JobView & Partial<Pick<JobDetail, 'eta_ms'>>;

interface ShownJobs {
  needAttention: LiveJob[];
  working: LiveJob[];
  queued: LiveJob[];
  /** What the newest results offer. */
  offers: (ActionView | null)[];
}

const NEED_ATTENTION: readonly StateName[] = ['held', 'failed'];
const WORKING: readonly StateName[] = ['running', 'in-doubt', 'verifying', 'delivering'];
const QUEUED = ['queued', 'waiting'] as const satisfies readonly StateName[];

/** Reads only the jobs that a status shows: thousands may be queued, and years of jobs done. */
export async function shownJobs(reader: Pick<Reader, 'jobs' | 'job'>, status: StatusView): Promise<ShownJobs> {
  const { counts } = status;
  const some = async (states: readonly StateName[], order: 'newest' | 'oldest') => {
    const there = states.filter(state => counts[state] > 0);
    const found = await Promise.all(there.map(state => reader.jobs({ state, order, limit: SHOWN })));
    const turn = order === 'newest' ? -1 : 1;
    return found
      .flat()
      .sort((a, b) => turn * (a.created_at - b.created_at))
      .slice(0, SHOWN);
  };
  const working = await some(WORKING, 'oldest');
  return {
    needAttention: await some(NEED_ATTENTION, 'newest'),
    working: await Promise.all(working.map(async job => (await reader.job(job.id)) ?? job)),
    queued: await inLine(reader, status),
    offers: counts.done > 0 ? await offersIn(reader) : [],
  };
}

/** Who is next, then what waits for its time. */
async function inLine(reader: Pick<Reader, 'jobs'>, status: StatusView): Promise<JobView[]> {
  // A daemon of 0.1.0 knows no other order.
  const { queue }: Partial<StatusView> = status;
  const orders = { queued: queue ? 'queue' : 'oldest', waiting: 'oldest' } as const;
  const there = QUEUED.filter(state => status.counts[state] > 0);
  const found = await Promise.all(there.map(state => reader.jobs({ state, order: orders[state], limit: SHOWN })));
  return found.flat().slice(0, SHOWN);
}

async function offersIn(reader: Pick<Reader, 'jobs'>): Promise<(ActionView | null)[]> {
  const newest = await reader.jobs({ order: 'newest', limit: SHOWN });
  return standingActions(newest).filter(action => action?.code === 'offer');
}

/** The status for people; of the jobs, those that need attention come first. */
export function statusLines(context: Context, status: StatusView, jobs: ShownJobs): string[] {
  const { paint, columns } = context;
  const now = context.io.clock.now();
  return [
    headline(context, status, now),
    cut(`  ${countLine(status)}`, columns),
    ...queueLines(status).map(line => cut(`  ${line}`, columns)),
    cut(`  ${totalLine(status)}`, columns),
    ...originalsLines(status).map(line => cut(`  ${line}`, columns)),
    ...(status.page ? [cut(`  ${escapeForTerminal(status.page)}`, columns)] : []),
    ...(status.page_unavailable
      ? [paint('yellow', cut(`  ${escapeForTerminal(status.page_unavailable)}`, columns))]
      : []),
    ...hoursLines(status),
    '',
    ...table(
      status.folders.map(folder => folderRow(folder, status.running)),
      columns,
    ),
    ...status.engines
      .filter(engine => !engine.ready || engine.action)
      .map(engine => paint('yellow', cut(engineLine(engine, now), columns))),
    ...(status.fleet ? fleetTroubles(status.fleet, now) : []).map(({ said, fix }) =>
      paint('yellow', cut(`fleet: ${said}. ${fix}`, columns)),
    ),
    ...askedLines([
      ...status.engines.map(({ action }) => action),
      ...[...jobs.needAttention, ...jobs.queued].map(({ action }) => action),
      ...jobs.offers,
    ]).map(line => paint('yellow', line)),
    ...section(
      'Need attention (shrinkbox job ID says why; then retry ID or cancel ID):',
      jobs.needAttention,
      NEED_ATTENTION,
    ),
    ...section('Working:', jobs.working, WORKING),
    ...section('Queued:', jobs.queued, QUEUED),
    ...arrivingLines(context, status),
    ...leftAloneLines(context, status),
  ];

  function section(title: string, some: readonly LiveJob[], states: readonly StateName[]): string[] {
    if (some.length === 0) return [];
    const width = Math.min(40, Math.max(16, columns - 58));
    const rows = some.map(job => [
      `  ${job.id}`,
      job.state,
      cutPath(escapeForTerminal(relativeName(job)), width),
      progressOf(job, now),
    ]);
    const more = states.reduce((sum, state) => sum + status.counts[state], 0) - some.length;
    return [
      '',
      paint('bold', title),
      ...table(rows, columns),
      ...(more > 0 ? [`  and ${more} more (shrinkbox jobs)`] : []),
    ];
  }
}

const BAR_COLUMNS = 10;

/** `[####------] 41 %, 12s left: pass 2 of 2`: a narrow terminal cuts off what matters least. */
function progressOf(job: LiveJob, now: number): string {
  if (!WORKING.includes(job.state) || job.progress === null) return remarkOf(job, now);
  const share = Math.min(1, Math.max(0, job.progress));
  const filled = Math.round(share * BAR_COLUMNS);
  const left = job.eta_ms == null ? '' : `, ${formatDuration(job.eta_ms)} left`;
  const said = [job.step, waitOf(job, now) || null, job.reason];
  const what = said.flatMap(part => (part === null ? [] : [escapeForTerminal(part)])).join(': ');
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_COLUMNS - filled)}] ${Math.floor(share * 100)} %${left}${what && `: ${what}`}`;
}

function headline({ paint }: Context, status: StatusView, now: number): string {
  const since = status.started_at === null ? '' : `, for ${formatDuration(now - status.started_at)}`;
  if (!status.running)
    return paint('yellow', `no daemon is running for ${escapeForTerminal(status.state_dir)}; this is from its journal`);
  const colour = status.mode === 'running' ? 'green' : 'yellow';
  return `shrinkbox ${escapeForTerminal(status.version)} is ${paint(colour, status.mode)} (pid ${status.pid}${since})`;
}

function countLine({ counts }: StatusView): string {
  const some = STATE_NAMES.filter(name => counts[name] > 0).map(name => `${counts[name]} ${name}`);
  return some.length > 0 ? some.join(', ') : 'no jobs yet';
}

/** When all of it will be done, and what goes first, where that is not what arrived first. */
function queueLines(status: StatusView): string[] {
  // A daemon of 0.1.0 does not say.
  const { queue }: Partial<StatusView> = status;
  const { order, left_ms: left, finish_at: finish } = queue ?? {};
  const said = [
    ...(left ? [`about ${formatDuration(left)} of work left`] : []),
    ...(finish ? [`done at ${formatTime(finish)}`] : []),
    ...(order === 'largest-saving' ? ['largest saving first'] : []),
  ];
  return said.length > 0 ? [`queue: ${said.join(', ')}`] : [];
}

function hoursLines({ local_hours: local }: StatusView): string[] {
  return local ? [`  encodes at ${local.hours}, time zone ${escapeForTerminal(local.time_zone)}`] : [];
}

function totalLine({ totals }: StatusView): string {
  if (totals.done === 0) return 'nothing done yet';
  const { source_bytes: before, output_bytes: after, saved_bytes: saved } = totals;
  const change = saved >= 0 ? `made smaller by ${formatBytes(saved)}` : `grown by ${formatBytes(-saved)}`;
  return `${plural(totals.done, 'file')} done: ${formatBytes(before)} -> ${formatBytes(after)}, ${change}`;
}

/** Where the originals are, and what is free because some are gone. */
function originalsLines(status: StatusView): string[] {
  // A daemon of 0.1.0 does not say.
  const totals: Partial<StatusView['totals']> = status.totals;
  const { freed_bytes: freed = 0, originals_left: left, originals_archived: archived } = totals;
  const said = [
    ...(left?.files ? [`${formatBytes(left.bytes)} left in the inbox`] : []),
    ...(archived?.files ? [`${formatBytes(archived.bytes)} archived`] : []),
    ...(freed === 0 ? [] : [`${formatBytes(freed)} freed by deleting`]),
  ];
  return said.length > 0 ? [`originals: ${said.join(', ')}`] : [];
}

function folderRow(folder: StatusView['folders'][number], running: boolean): string[] {
  const waiting = folder.pending > 0 ? `${plural(folder.pending, 'file')} not queued yet` : 'watched';
  const state = folder.available
    ? `${waiting}${folder.polled ? ' (polling)' : ''}${folder.reason === null ? '' : `; ${escapeForTerminal(folder.reason)}`}`
    : `not available: ${escapeForTerminal(folder.reason ?? '')}`;
  return [
    `  ${escapeForTerminal(folder.inbox)} -> ${escapeForTerminal(folder.outbox)}`,
    running || !folder.available ? state : '',
  ];
}

/** Files that are not queued yet, and why not. */
function arrivingLines({ paint, columns }: Context, { folders }: StatusView): string[] {
  const rows = folders.flatMap(({ inbox, arriving }) =>
    arriving.map(({ path, why }) => [`  ${cut(escapeForTerminal(below(inbox, path)), 40)}`, escapeForTerminal(why)]),
  );
  if (rows.length === 0) return [];
  return ['', paint('bold', 'Not queued yet:'), ...table(rows.slice(0, SHOWN), columns)];
}

/** Kinds of files named in a line; the rest is one number. */
const KINDS_SHOWN = 6;

/** How many files no rule can take, by kind: they have no jobs. */
function leftAloneLines({ paint, columns }: Context, { folders }: StatusView): string[] {
  const rows = folders.flatMap(({ inbox, left_alone: kinds }) => {
    if (kinds.length === 0) return [];
    const shown = kinds.slice(0, KINDS_SHOWN).map(({ kind, files }) => `${files} ${kindName(kind)}`);
    const rest = kinds.slice(KINDS_SHOWN).reduce((sum, { files }) => sum + files, 0);
    const words = [...shown, ...(rest > 0 ? [`${rest} of more kinds`] : [])].join(', ');
    return [[`  ${escapeForTerminal(inbox)}`, escapeForTerminal(words)]];
  });
  if (rows.length === 0) return [];
  return ['', paint('bold', 'Left alone, not videos (shrinkbox explain FILE says why):'), ...table(rows, columns)];
}

/** Extensions get their dot; what is no file (`symbolic link`) has a space in its name. */
function kindName(kind: string): string {
  if (kind === '') return 'other';
  return kind.includes(' ') ? kind : `.${kind}`;
}

function engineLine(engine: StatusView['engines'][number], now: number): string {
  const until = engine.paused_until === null ? '' : ` for another ${formatDuration(engine.paused_until - now)}`;
  const state = engine.ready ? 'needs you' : `is paused${until}`;
  return `  engine ${escapeForTerminal(engine.name)} ${state}: ${escapeForTerminal(engine.reason ?? '')}`;
}

function below(folder: string, path: string): string {
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;
}
