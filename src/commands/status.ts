import { openReader } from './support/connect.ts';
import type { Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { shownJobs, statusLines } from './status-lines.ts';

export const defineStatus: Define = (program, action) => {
  program
    .command('status')
    .description('what is going on: jobs by state, folders, what needs a person')
    .option('--watch', 'keep showing it until Ctrl-C')
    .action(
      action(async (context, options: { watch?: boolean }) => {
        if (options.watch) return (await import('./status-watch.ts')).watchStatus(context);
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
