import { InvalidArgumentError } from 'commander';
import { STATE_NAMES, type StateName } from '../core/job.ts';
import type { JobView } from '../api/types.ts';
import { formatBytes } from '../core/units.ts';
import { openReader } from './support/connect.ts';
import type { Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { cut, formatSaving, formatTime, safe, table } from './support/terminal.ts';

export const defineJobs: Define = (program, action) => {
  program
    .command('jobs')
    .description('all jobs, newest first')
    .option('--state <state>', `only those in one state: ${STATE_NAMES.join(', ')}`, parseState)
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
    safe(job.id),
    job.state,
    ...wide(formatTime(job.updated_at)),
    cut(safe(job.source), width),
    ...wide(formatBytes(job.source_bytes)),
    remarkOf(job),
  ]);
  return table([header, ...rows], columns);
}

/** What there is to say of a job in one cell: how far it is, why it rests, or what came out. */
export function remarkOf(job: JobView): string {
  if (job.state === 'done')
    return `${formatSaving(job.source_bytes, job.output_bytes ?? 0)}: ${safe(job.output ?? '')}`;
  const progress = job.progress === null ? '' : ` ${Math.floor(job.progress * 100)} %`;
  const step = job.step === null ? '' : `${safe(job.step)}${progress}`;
  const parts = [step, job.reason === null ? '' : safe(job.reason)].filter(part => part !== '');
  return parts.join(': ') || (job.target_bytes === null ? '' : `at most ${formatBytes(job.target_bytes)}`);
}
