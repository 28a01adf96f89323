/** retry, cancel, forget and restore: ask the daemon to act on jobs. */
import type { JobAction } from '../api/client.ts';
import { escapeForTerminal } from '../core/escape.ts';
import { textOf } from '../core/message.ts';
import { openDaemon } from './support/connect.ts';
import type { Action, Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';

export const defineJobActions: Define = (program, action) => {
  program
    .command('retry')
    .description('try failed, held or waiting jobs again, now')
    .argument('<id...>')
    .action(acting(action, 'retry'));
  program
    .command('cancel')
    .description('stop jobs; the original files stay')
    .argument('<id...>')
    .action(acting(action, 'cancel'));
  program
    .command('forget')
    .description('forget finished, held or failed jobs; files still in the inbox will be processed again')
    .argument('<id...>')
    .action(acting(action, 'forget'));
  program
    .command('restore')
    .description('move archived originals back into their inbox')
    .argument('<id...>')
    .action(acting(action, 'restore'));
};

function acting(action: Action, what: JobAction) {
  return action((context, ids: string[]) => act(context, what, ids));
}

/**
 * Acts on every id and prints each outcome. Exit code: 3 if that worked for some of them; where it worked for none, 2 if an
 * id is unknown, else 1.
 */
async function act(context: Context, action: JobAction, ids: readonly string[]): Promise<number> {
  const daemon = await openDaemon(context);
  try {
    const results: object[] = [];
    let worked = 0;
    let code: number = EXIT.fine;
    for (const id of ids) {
      const result = await daemon.act(action, id);
      results.push({ id, ...result });
      if (result.ok) {
        worked += 1;
        if (!context.json)
          context.print(
            DONE[action](escapeForTerminal(result.job.id), escapeForTerminal(result.job.source), result.job.state),
          );
        continue;
      }
      code = result.problem === 'unknown' ? EXIT.usage : Math.max(code, EXIT.unexpected);
      if (!context.json) context.printErr(`shrinkbox: ${escapeForTerminal(textOf(result.message))}`);
    }
    if (context.json) context.printJson(results);
    return code !== EXIT.fine && worked > 0 ? EXIT.unfinished : code;
  } finally {
    await daemon.close();
  }
}

const DONE: Readonly<Record<JobAction, (id: string, source: string, state: string) => string>> = {
  retry: (id, source, state) => `job ${id} is ${state} again: ${source}`,
  cancel: (id, source) => `job ${id} is cancelled: ${source}`,
  forget: (id, source) => `job ${id} is forgotten; if ${source} is still there, it will be processed again`,
  restore: (id, source) => `the original of job ${id} is back: ${source}`,
};
