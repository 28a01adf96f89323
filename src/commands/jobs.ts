import { resolve } from 'node:path';
import { ShrinkError } from '../core/errors.ts';
import type { ActionView, ArchiveView, JobDetail, JobView } from '../api/types.ts';
import { formatBytes, formatDuration, plural } from '../core/units.ts';
import { type Filter, fits, withState } from './support/chosen-jobs.ts';
import { openReader, type Reader } from './support/connect.ts';
import type { Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { escapeForTerminal } from '../core/escape.ts';
import { comparable, formatSaving } from '../core/saving.ts';
import { cutPath, formatTime, table } from './support/terminal.ts';

export const defineJobs: Define = (program, action) => {
  const jobs = program.command('jobs').description('list all jobs, newest first');
  withState(jobs)
    .option('--by-saving', 'those that saved most first')
    .action(
      action(async (context, { bySaving, ...filter }: Filter & { bySaving?: true }) => {
        const reader = await openReader(context);
        try {
          const found = (await reader.jobs()).filter(fits(filter, context));
          if (bySaving) found.sort((a, b) => savedBytes(b) - savedBytes(a));
          if (context.json) context.printJson(found);
          else for (const line of jobLines(context, found, filter)) context.print(line);
          return EXIT.fine;
        } finally {
          await reader.close();
        }
      }),
    );
  program
    .command('job')
    .description('show one job in full: what happened, when and why')
    .argument(
      '<id>',
      'the job id, at least its first three characters where no other job starts with them, or a file name',
    )
    .action(
      action(async (context, id: string) => {
        const reader = await openReader(context);
        try {
          const job = (await reader.job(id)) ?? (await jobNamed(id, context, reader));
          if (context.json) context.printJson(job);
          else for (const line of detailLines(context, job, await partsOf(reader, job))) context.print(line);
          return EXIT.fine;
        } finally {
          await reader.close();
        }
      }),
    );
  program
    .command('archive')
    .description('list the archived originals: how large they are and until when they are kept')
    .addHelpText('after', '\n`shrinkbox restore ID` moves one back into its inbox.')
    .action(
      action(async context => {
        const reader = await openReader(context);
        try {
          const archive = await reader.archive();
          if (context.json) context.printJson(archive);
          else for (const line of archiveLines(context, archive)) context.print(line);
          return EXIT.fine;
        } finally {
          await reader.close();
        }
      }),
    );
};

function archiveLines({ columns }: Context, { files, bytes }: ArchiveView): string[] {
  if (files.length === 0) return ['no original is in an archive'];
  const rows = files.map(({ job, source, bytes: size, archived_at: at, until }) => [
    escapeForTerminal(job),
    formatBytes(size),
    formatTime(at),
    until === null ? 'for ever' : formatTime(until),
    escapeForTerminal(source),
  ]);
  const header = ['ID', 'SIZE', 'ARCHIVED', 'KEPT UNTIL', 'FILE'];
  return [...table([header, ...rows], columns), `${plural(files.length, 'original')}, ${formatBytes(bytes)}`];
}

/** The newest job of the file with this name or path. @throws ShrinkError `usage` if there is none, or several files have it */
async function jobNamed(name: string, { io }: Context, reader: Reader): Promise<JobDetail> {
  const path = resolve(io.cwd, name);
  const named = (await reader.jobs()).filter(({ source }) => source === path || `/${source}`.endsWith(`/${name}`));
  const [newest] = named;
  const job = newest && (await reader.job(newest.id));
  if (!job) throw noSuchJob(name);
  const others = named.filter(({ source }) => source !== job.source);
  if (others.length === 0) return job;
  const ids = [...new Map([job, ...others].reverse().map(({ source, id }) => [source, id])).values()].reverse();
  throw new ShrinkError('usage', `${ids.length} files are called ${name}`, {
    hint: `Give the id: ${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ', ...' : ''}.`,
  });
}

/** What has no result saved nothing yet. */
function savedBytes({ source, source_bytes, output_bytes }: JobView): number {
  if (output_bytes === null) return Number.NEGATIVE_INFINITY;
  const { before, after } = comparable(source, source_bytes, output_bytes);
  return before - after;
}

function jobLines(context: Context, jobs: readonly JobView[], { state, ...others }: Filter): string[] {
  if (jobs.length === 0) {
    if (Object.keys(others).length > 0) return ['no job is like that'];
    return [state ? `no job is ${state.join(' or ')}` : 'no jobs yet: drop a video into an inbox'];
  }
  const { columns } = context;
  const isNarrow = columns < 110;
  const width = Number.isFinite(columns) ? Math.max(15, Math.floor(columns / 3)) : columns;
  const wide = (...cells: string[]) => (isNarrow ? [] : cells);
  const header = ['ID', 'STATE', ...wide('CHANGED'), 'FILE', ...wide('SIZE'), 'REMARK'];
  const rows = jobs.map(job => [
    escapeForTerminal(job.id),
    job.state,
    ...wide(formatTime(job.updated_at)),
    cutPath(escapeForTerminal(Number.isFinite(columns) ? relativeName(job) : job.source), width),
    ...wide(formatBytes(job.source_bytes)),
    remarkOf(isNarrow ? { ...job, output: null } : job, context.io.clock.now()),
  ]);
  return [...table([header, ...rows], columns), ...askedLines(standingActions(jobs))];
}

/** Below its inbox. */
export function relativeName({ folder, source }: Pick<JobView, 'folder' | 'source'>): string {
  return source.startsWith(`${folder}/`) ? source.slice(folder.length + 1) : source;
}

/** What is asked of a person, of jobs with the newest first: an offer stands until something else was asked of its file. */
export function standingActions(jobs: readonly JobView[]): (ActionView | null)[] {
  const seen = new Set<string>();
  return jobs.map(({ source, action }) => {
    const isPast = seen.has(source) && action?.code === 'offer';
    seen.add(source);
    return isPast ? null : action;
  });
}

/** What a person can do, once each and never cut off: half a link cannot be opened. */
export function askedLines(actions: readonly (ActionView | null)[]): string[] {
  const asked = actions.flatMap(action =>
    action?.link || action?.code === 'offer' ? [`  ${escapeForTerminal(action.text)}`] : [],
  );
  return [...new Set(asked)];
}

/** A job's last column: its progress, the reason it stopped, or its result. `now` is epoch ms. */
export function remarkOf(job: JobView, now: number): string {
  const where = job.output === null ? [] : [escapeForTerminal(job.output)];
  if (job.state === 'done')
    return [formatSaving(job.source, job.source_bytes, job.output_bytes ?? 0), ...where].join(': ');
  const progress = job.progress === null ? '' : ` ${Math.floor(job.progress * 100)} %`;
  const step = job.step === null ? '' : `${escapeForTerminal(job.step)}${progress}`;
  const said = [waitOf(job, now), job.reason ?? ''].map(escapeForTerminal);
  const parts = [step, ...said].filter(part => part !== '');
  return parts.join(': ') || (job.target_bytes === null ? '' : `at most ${atMost(job)}`);
}

/** A size that is only a wish, as the built-in rule's, may have been given up; a note says why. */
function atMost({ target_bytes: wanted, target_firm: isFirm, output_bytes: made }: JobView): string | null {
  if (wanted === null) return null;
  if (made !== null && made > wanted) return `${formatBytes(wanted)}, given up (see note)`;
  return `${formatBytes(wanted)}${isFirm || made !== null ? '' : ' if quality allows'}`;
}

/** `still working: editing the timeline, for 5m`: what somebody else is at, and since when. */
export function waitOf({ action }: JobView, now: number): string {
  if (action?.code !== 'wait' || action.since === null) return '';
  return `${action.text}, for ${formatDuration(Math.max(0, now - action.since))}`;
}

function noSuchJob(id: string): ShrinkError {
  return new ShrinkError('usage', `there is no job ${id}`, { hint: '`shrinkbox jobs` lists them.' });
}

/** Who makes which part of it, where it is in a fleet. */
async function partsOf(reader: Reader, job: JobDetail): Promise<string[]> {
  if (job.engine !== 'fleet' || job.state !== 'running') return [];
  const workers = (await reader.status()).fleet?.workers ?? [];
  return workers.flatMap(({ name, tasks }) =>
    tasks
      .filter(({ task }) => task.startsWith(`${job.id}.`))
      .map(({ task, n, step, fraction, fps }) => {
        const part = Number(task.slice(job.id.length + 1)) + 1;
        return `part ${part}: ${name}, lease ${n}, ${step} ${Math.floor(fraction * 100)} %, ${Math.round(fps)} frames a second`;
      }),
  );
}

function detailLines(context: Context, job: JobDetail, parts: readonly string[]): string[] {
  const eta = job.eta_ms === null ? '' : `, about ${formatDuration(job.eta_ms)} left`;
  const now = context.io.clock.now();
  // The remark has it already.
  const note =
    job.progress_note === null || job.action?.code === 'wait' ? '' : ` (${escapeForTerminal(job.progress_note)})`;
  const facts: [string, string | null][] = [
    ['file', job.source],
    ['state', job.state],
    ['reason', job.reason],
    ['what to do', job.hint],
    ['open', job.action?.link ?? null],
    ['next try', job.waiting_until === null ? null : formatTime(job.waiting_until)],
    ['rule', job.rule],
    ['engine', job.engine],
    ['asked for', job.instruction],
    ['size', formatBytes(job.source_bytes)],
    ['at most', atMost(job)],
    ['how', job.how],
    ['checked', job.evidence],
    ['original', job.original],
    ['report', job.report],
    ['attempts', job.attempts === 0 ? null : String(job.attempts)],
    ['version', job.version === 1 ? null : String(job.version)],
    ...parts.map((text): [string, string] => ['fleet', text]),
    ...Object.entries(job.facts),
    ...job.notes.map((text): [string, string] => ['note', text]),
  ];
  const rows = facts.flatMap(([name, value]) =>
    value === null ? [] : [[`  ${escapeForTerminal(name)}`, escapeForTerminal(value)]],
  );
  const progress =
    job.state === 'running' || job.state === 'in-doubt' || job.state === 'done'
      ? `${remarkOf(job, now)}${note}${eta}`
      : '';
  return [
    `${context.paint('bold', `job ${escapeForTerminal(job.id)}`)}${progress ? `: ${progress}` : ''}`,
    ...table(rows),
    '',
    ...historyLines(job),
  ];
}

export function historyLines(job: JobDetail): string[] {
  return table(
    job.history.map(({ at, event, note }) => [
      `  ${formatTime(at)}`,
      escapeForTerminal(event),
      escapeForTerminal(note ?? ''),
    ]),
  );
}
