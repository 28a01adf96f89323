import { resolve } from 'node:path';
import type { Explanation, JobDetail } from '../api/types.ts';
import { openReader } from './support/connect.ts';
import type { Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { historyLines } from './job.ts';
import { remarkOf } from './jobs.ts';
import { safe } from './support/terminal.ts';

export const defineExplain: Define = (program, action) => {
  program
    .command('explain')
    .description('which rule a file gets and why, and what happened to it before')
    .argument('<file>')
    .action(
      action(async (context, file: string) => {
        const reader = await openReader(context);
        try {
          const explanation = await reader.explain(resolve(context.io.cwd, file));
          if (context.json) context.printJson(explanation);
          else for (const line of explanationLines(context, explanation)) context.print(line);
          return EXIT.fine;
        } finally {
          await reader.close();
        }
      }),
    );
};

function explanationLines({ paint }: Context, explanation: Explanation): string[] {
  const { path, folder, rules, arriving, verdict, plan, before } = explanation;
  return [
    paint('bold', safe(path)),
    `  ${folder === null ? 'in no inbox' : `in the inbox ${safe(folder)}`}`,
    ...rules.map(
      rule =>
        `  ${paint(rule.matched ? 'green' : 'dim', rule.matched ? '+' : '-')} ${safe(`${rule.name}: ${rule.why}`)}`,
    ),
    ...(arriving ? [`  ${paint('yellow', 'not taken yet:')} ${safe(arriving)}`] : []),
    `  ${safe(verdict)}`,
    ...plan.map(line => `    ${safe(line)}`),
    ...before.flatMap(job => ['', beforeLine(job, path), ...historyLines(job)]),
  ];
}

/** Known by its content alone, a job was about a file of another name. */
function beforeLine(job: JobDetail, path: string): string {
  const other = job.source === path ? '' : ` (of ${safe(job.source)}, the same content)`;
  return `before: job ${safe(job.id)}${other}, ${job.state}: ${remarkOf(job)}`;
}
