import { openReader } from '../support/connect.ts';
import type { Define } from '../support/context.ts';
import { EXIT } from '../support/exit-codes.ts';
import { shownJobs, statusLines } from './lines.ts';

export const defineStatus: Define = (program, action) => {
  program
    .command('status')
    .description('show what the daemon is doing: jobs by state, folders, what needs attention')
    .option('--watch', 'update it until Ctrl-C')
    .action(
      action(async (context, options: { watch?: boolean }) => {
        if (options.watch) return (await import('./watch.ts')).watchStatus(context);
        const reader = await openReader(context);
        try {
          const status = await reader.status();
          if (context.json) context.printJson(status);
          else for (const line of statusLines(context, status, await shownJobs(reader, status))) context.print(line);
          return EXIT.fine;
        } finally {
          await reader.close();
        }
      }),
    );
};
