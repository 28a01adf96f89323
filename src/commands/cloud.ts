/** ask, credits, timeline, export and upload: what the cloud service offers, by hand. */
import type { CloudCommands, CloudAnswer } from './cloud-service.ts';
import type { Action, Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { escapeForTerminal } from '../core/escape.ts';

export const defineCloud: Define = (program, action) => {
  program
    .command('ask')
    .description('ask the cloud service in plain words (nemo)')
    .argument('<words>')
    .option('--job <id>', 'about this job')
    .action(answering(action, (cloud, words: string, options: { job?: string }) => cloud.ask(words, options.job)));
  program
    .command('credits')
    .description('what is left of the cloud credits (nemo)')
    .action(answering(action, cloud => cloud.credits()));
  program
    .command('timeline')
    .description("what is on a job's timeline in the cloud (nemo)")
    .requiredOption('--job <id>', 'the job')
    .action(answering(action, (cloud, options: { job: string }) => cloud.timeline(options.job)));
  program
    .command('export')
    .description("render a job's timeline and deliver it (nemo)")
    .requiredOption('--job <id>', 'the job')
    .action(answering(action, (cloud, options: { job: string }) => cloud.export(options.job)));
  program
    .command('upload')
    .description("add a file or an address to a job's session (nemo)")
    .argument('<file-or-url>')
    .requiredOption('--job <id>', 'the job')
    .action(answering(action, (cloud, what: string, options: { job: string }) => cloud.upload(what, options.job)));
};

function answering<Args extends unknown[]>(
  action: Action,
  ask: (cloud: CloudCommands, ...args: Args) => Promise<CloudAnswer>,
) {
  return action(async (context: Context, ...args: Args) => {
    const cloud = await context.parts.openCloudCommands(context);
    const answer = await ask(cloud, ...args);
    if (context.json) context.printJson(answer.data);
    else for (const line of answer.lines) context.print(escapeForTerminal(line));
    return EXIT.fine;
  });
}
