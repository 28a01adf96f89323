/** pause, resume and drain: what the daemon as a whole does next. */
import { openDaemon } from './support/connect.ts';
import type { Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';

const TURNS = [
  ['pause', 'start nothing new and let local encodes rest, until resume', 'paused; shrinkbox resume goes on'],
  ['resume', 'go on after pause or drain', 'going on'],
  [
    'drain',
    'finish what runs and take nothing new, until resume',
    'draining: what runs is finished, nothing new is taken',
  ],
] as const;

export const defineTurns: Define = (program, action) => {
  for (const [name, description, said] of TURNS) {
    program
      .command(name)
      .description(description)
      .action(
        action(async context => {
          const daemon = await openDaemon(context);
          try {
            const status = await daemon.turn(name);
            if (context.json) context.printJson(status);
            else context.print(said);
            return EXIT.fine;
          } finally {
            await daemon.close();
          }
        }),
      );
  }
};
