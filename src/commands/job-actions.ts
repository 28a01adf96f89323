/** retry, cancel, forget and restore: each asks the daemon to do something to jobs. */
import type { JobAction } from '../api/client.ts';
import { textOf } from '../core/message.ts';
import { safe } from './support/terminal.ts';
import { openDaemon } from './support/connect.ts';
import type { Action, Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';

export const defineActions: Define = (program, action) => {
  program
    .command('retry')
    .description('try failed, held or waiting jobs again now')
    .argument('<id...>')
    .action(acting(action, 'retry'));
  program
    .command('cancel')
    .description('stop jobs; their sources stay')
    .argument('<id...>')
    .action(acting(action, 'cancel'));
  program
    .command('forget')
    .description('forget jobs that rest, so that their files are done again from new')
    .argument('<id...>')
    .action(acting(action, 'forget'));
  program
    .command('restore')
    .description('bring an archived original back into its inbox')
    .argument('<id>')
    .action(action((context, id: string) => act(context, 'restore', [id])));
};

function acting(action: Action, what: JobAction) {
  return action((context, ids: string[]) => act(context, what, ids));
}

/** Does it for every id, says how each went, and ends with the worst: 2 for an unknown id, 1 for a refusal. */
async function act(context: Context, action: JobAction, ids: readonly string[]): Promise<number> {
  const daemon = await openDaemon(context);
  try {
    const results: object[] = [];
    let code: number = EXIT.fine;
    for (const id of ids) {
      const result = await daemon.act(action, id);
      results.push({ id, ...result });
      if (result.ok) {
        if (!context.json) context.print(DONE[action](safe(result.job.id), safe(result.job.source), result.job.state));
        continue;
      }
      code = result.problem === 'unknown' ? EXIT.usage : Math.max(code, EXIT.unexpected);
      if (!context.json) context.say(`shrinkbox: ${safe(textOf(result.message))}`);
    }
    if (context.json) context.printJson(results);
    return code;
  } finally {
    await daemon.close();
  }
}

const DONE: Readonly<Record<JobAction, (id: string, source: string, state: string) => string>> = {
  retry: (id, source, state) => `job ${id} is ${state} again: ${source}`,
  cancel: (id, source) => `job ${id} is cancelled: ${source}`,
  forget: (id, source) => `job ${id} is forgotten: ${source} will be looked at again`,
  restore: (id, source) => `the original of job ${id} is back: ${source}`,
};
