/** pause, resume, drain and order: what the whole daemon does next, or one job of it. */
import type { ControlClient } from '../api/client.ts';
import { QUEUE_ORDERS, type QueueOrder } from '../core/job.ts';
import { act } from './job-actions.ts';
import { openDaemon } from './support/connect.ts';
import type { Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';

export const definePause: Define = (program, action) => {
  const pausing = (mode: 'pause' | 'resume') =>
    action((context, ids: readonly string[]) => (ids.length > 0 ? act(context, mode, ids) : turn(context, mode)));
  program
    .command('pause')
    .description('start no new jobs and suspend local encodes, until resume; with IDs, only these jobs rest')
    .argument('[id...]')
    .action(pausing('pause'));
  program
    .command('resume')
    .description('continue after pause or drain; with IDs, only these jobs')
    .argument('[id...]')
    .action(pausing('resume'));
  program
    .command('drain')
    .description('finish the running jobs but start no new ones, until resume')
    .action(action(context => turn(context, 'drain')));
  program
    .command('order')
    .description('sort the queue within each folder; folders still take turns')
    .addArgument(program.createArgument('<by>').choices(QUEUE_ORDERS))
    .action(
      action((context, by: QueueOrder) =>
        ask(context, async daemon => (await daemon.setOrder(by)).queue, `the queue is sorted by ${by}`),
      ),
    );
};

const TURNED = {
  pause: 'paused; run `shrinkbox resume` to continue',
  resume: 'resumed',
  drain: 'draining: running jobs will finish, no new ones start; run `shrinkbox resume` to continue',
};

function turn(context: Context, mode: keyof typeof TURNED): Promise<number> {
  return ask(context, daemon => daemon.turn(mode), TURNED[mode]);
}

/** Prints the answer as JSON, or what was done. */
async function ask(
  context: Context,
  asking: (daemon: ControlClient) => Promise<object>,
  done: string,
): Promise<number> {
  const daemon = await openDaemon(context);
  try {
    const answer = await asking(daemon);
    if (context.json) context.printJson(answer);
    else context.print(done);
    return EXIT.fine;
  } finally {
    await daemon.close();
  }
}
