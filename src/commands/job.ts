import type { JobDetail } from '../api/types.ts';
import { ShrinkError } from '../core/errors.ts';
import { formatBytes, formatDuration } from '../core/units.ts';
import { openReader } from './support/connect.ts';
import type { Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { remarkOf } from './jobs.ts';
import { formatTime, safe, table } from './support/terminal.ts';

export const defineJob: Define = (program, action) => {
  program
    .command('job')
    .description('everything about one job: what happened, when and why')
    .argument('<id>', 'its id; a beginning of three letters is enough where only one job has it')
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

function noSuchJob(id: string): ShrinkError {
  return new ShrinkError('usage', `no job has the id ${id}`, { hint: 'shrinkbox jobs lists them.' });
}

function detailLines(context: Context, job: JobDetail): string[] {
  const eta = job.eta_ms === null ? '' : `, about ${formatDuration(job.eta_ms)} left`;
  const note = job.progress_note === null ? '' : ` (${safe(job.progress_note)})`;
  const facts: [string, string | null][] = [
    ['file', job.source],
    ['state', job.state],
    ['reason', job.reason],
    ['what to do', job.hint],
    ['goes on', job.waiting_until === null ? null : formatTime(job.waiting_until)],
    ['rule', job.rule],
    ['engine', job.engine],
    ['asked for', job.instruction],
    ['size', formatBytes(job.source_bytes)],
    ['at most', job.target_bytes === null ? null : formatBytes(job.target_bytes)],
    ['done by', job.how],
    ['checked', job.evidence],
    ['original', job.original],
    ['report', job.report],
    ['attempts', job.attempts === 0 ? null : String(job.attempts)],
    ['version', job.version === 1 ? null : String(job.version)],
    ...Object.entries(job.facts),
    ...job.notes.map((text): [string, string] => ['note', text]),
  ];
  const rows = facts.flatMap(([name, value]) => (value === null ? [] : [[`  ${safe(name)}`, safe(value)]]));
  const progress = job.state === 'running' || job.state === 'done' ? `${remarkOf(job)}${note}${eta}` : '';
  return [
    `${context.paint('bold', `job ${safe(job.id)}`)}${progress ? `: ${progress}` : ''}`,
    ...table(rows),
    '',
    ...historyLines(job),
  ];
}

export function historyLines(job: JobDetail): string[] {
  return table(job.history.map(({ at, event, note }) => [`  ${formatTime(at)}`, safe(event), safe(note ?? '')]));
}
