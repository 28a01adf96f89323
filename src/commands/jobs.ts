import { InvalidArgumentError } from 'commander';
import { ShrinkError } from '../core/errors.ts';
import { STATE_NAMES, type StateName } from '../core/job.ts';
import type { ActionView, JobDetail, JobView } from '../api/types.ts';
import { formatBytes, formatDuration } from '../core/units.ts';
import { openReader } from './support/connect.ts';
import type { Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { escapeForTerminal } from '../core/escape.ts';
import { cut, formatSaving, formatTime, table } from './support/terminal.ts';

export const defineJobs: Define = (program, action) => {
  program
    .command('jobs')
    .description('list all jobs, newest first')
    .option('--state <state>', `only those in this state: ${STATE_NAMES.join(', ')}`, parseState)
    .action(
      action(async (context, options: { state?: StateName }) => {
        const reader = await openReader(context);
        try {
          const jobs = await reader.jobs(options);
          if (context.json) context.printJson(jobs);
          else for (const line of jobLines(context, jobs, options.state)) context.print(line);
          return EXIT.fine;
        } finally {
          await reader.close();
        }
      }),
    );
  program
    .command('job')
    .description('show one job in full: what happened, when and why')
    .argument('<id>', 'the job id, or at least its first three characters where no other job starts with them')
    .action(
      action(async (context, id: string) => {
        const reader = await openReader(context);
        try {
          const job = await reader.job(id);
          if (!job) throw noSuchJob(id);
          if (context.json) context.printJson(job);
          else for (const line of detailLines(context, job)) context.print(line);
          return EXIT.fine;
        } finally {
          await reader.close();
        }
      }),
    );
};

function parseState(written: string): StateName {
  const known = STATE_NAMES.find(name => name === written);
  if (!known) throw new InvalidArgumentError(`States are: ${STATE_NAMES.join(', ')}.`);
  return known;
}

function jobLines(context: Context, jobs: readonly JobView[], state: StateName | undefined): string[] {
  if (jobs.length === 0) return [state ? `no job is ${state}` : 'no jobs yet: drop a video into an inbox'];
  const { columns } = context;
  const isNarrow = columns < 110;
  const width = Number.isFinite(columns) ? Math.max(15, Math.floor(columns / 3)) : columns;
  const wide = (...cells: string[]) => (isNarrow ? [] : cells);
  const header = ['ID', 'STATE', ...wide('CHANGED'), 'FILE', ...wide('SIZE'), 'REMARK'];
  const rows = jobs.map(job => [
    escapeForTerminal(job.id),
    job.state,
    ...wide(formatTime(job.updated_at)),
    cut(escapeForTerminal(job.source), width),
    ...wide(formatBytes(job.source_bytes)),
    remarkOf(job, context.io.clock.now()),
  ]);
  return [...table([header, ...rows], columns), ...askedLines(jobs.map(({ action }) => action))];
}

/** What a person can do, once each and never cut off: half a link cannot be opened. */
export function askedLines(actions: readonly (ActionView | null)[]): string[] {
  const asked = actions.flatMap(action => (action?.link ? [`  ${escapeForTerminal(action.text)}`] : []));
  return [...new Set(asked)];
}

/** A job's last column: its progress, the reason it stopped, or its result. `now` is epoch ms. */
export function remarkOf(job: JobView, now: number): string {
  if (job.state === 'done')
    return `${formatSaving(job.source, job.source_bytes, job.output_bytes ?? 0)}: ${escapeForTerminal(job.output ?? '')}`;
  const progress = job.progress === null ? '' : ` ${Math.floor(job.progress * 100)} %`;
  const step = job.step === null ? '' : `${escapeForTerminal(job.step)}${progress}`;
  const said = [waitOf(job, now), job.reason ?? ''].map(escapeForTerminal);
  const parts = [step, ...said].filter(part => part !== '');
  return parts.join(': ') || (job.target_bytes === null ? '' : `at most ${formatBytes(job.target_bytes)}`);
}

/** `still working: editing the timeline, for 5m`: what somebody else is at, and since when. */
export function waitOf({ action }: JobView, now: number): string {
  if (action?.code !== 'wait' || action.since === null) return '';
  return `${action.text}, for ${formatDuration(Math.max(0, now - action.since))}`;
}

function noSuchJob(id: string): ShrinkError {
  return new ShrinkError('usage', `there is no job ${id}`, { hint: '`shrinkbox jobs` lists them.' });
}

function detailLines(context: Context, job: JobDetail): string[] {
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
    ['at most', job.target_bytes === null ? null : formatBytes(job.target_bytes)],
    ['how', job.how],
    ['checked', job.evidence],
    ['original', job.original],
    ['report', job.report],
    ['attempts', job.attempts === 0 ? null : String(job.attempts)],
    ['version', job.version === 1 ? null : String(job.version)],
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
