/** pause, resume and drain: what the whole daemon does next. */
import { openDaemon } from './support/connect.ts';
import type { Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';

const COMMANDS = [
  {
    name: 'pause',
    description: 'start no new jobs and suspend local encodes, until resume',
    done: 'paused; run `shrinkbox resume` to continue',
  },
  { name: 'resume', description: 'continue after pause or drain', done: 'resumed' },
  {
    name: 'drain',
    description: 'finish the running jobs but start no new ones, until resume',
    done: 'draining: running jobs will finish, no new ones start; run `shrinkbox resume` to continue',
  },
] as const;

export const definePause: Define = (program, action) => {
  for (const { name, description, done } of COMMANDS) {
    program
      .command(name)
      .description(description)
      .action(
        action(async context => {
          const daemon = await openDaemon(context);
          try {
            const status = await daemon.turn(name);
            if (context.json) context.printJson(status);
            else context.print(done);
            return EXIT.fine;
          } finally {
            await daemon.close();
          }
        }),
      );
  }
};
