import { resolve } from 'node:path';
import type { Explanation, JobDetail } from '../api/types.ts';
import { openReader } from './support/connect.ts';
import type { Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { historyLines, remarkOf } from './jobs.ts';
import { escapeForTerminal } from '../core/escape.ts';

export const defineExplain: Define = (program, action) => {
  program
    .command('explain')
    .description('say which rule applies to a file and why, and what happened to it before')
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

function explanationLines({ paint, io }: Context, explanation: Explanation): string[] {
  const { path, folder, library, rules, arriving, verdict, plan, before } = explanation;
  const kind = library ? 'library' : 'inbox';
  return [
    paint('bold', escapeForTerminal(path)),
    `  ${folder === null ? 'not in any inbox' : `in the ${kind} ${escapeForTerminal(folder)}`}`,
    ...rules.map(
      rule =>
        `  ${paint(rule.matched ? 'green' : 'dim', rule.matched ? '+' : '-')} ${escapeForTerminal(`${rule.name}: ${rule.why}`)}`,
    ),
    ...(arriving ? [`  ${paint('yellow', 'not queued yet:')} ${escapeForTerminal(arriving)}`] : []),
    `  ${escapeForTerminal(verdict)}`,
    ...plan.map(line => `    ${escapeForTerminal(line)}`),
    ...before.flatMap(job => ['', earlierJobLine(job, path, io.clock.now()), ...historyLines(job)]),
  ];
}

/** An earlier job can be of another file with the same content. */
function earlierJobLine(job: JobDetail, path: string, now: number): string {
  const other = job.source === path ? '' : ` (of ${escapeForTerminal(job.source)}, the same content)`;
  return `before: job ${escapeForTerminal(job.id)}${other}, ${job.state}: ${remarkOf(job, now)}`;
}
