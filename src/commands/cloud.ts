/** ask, credits, timeline, export and upload: the cloud service, by hand. */
import { ShrinkError } from '../core/errors.ts';
import { escapeForTerminal } from '../core/escape.ts';
import { type CloudRefs, cloudRefsOf } from '../core/job.ts';
import type { CloudEngine } from '../engine/engine.ts';
import { openDaemon, openReader } from './support/connect.ts';
import type { Action, Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';

export const defineCloud: Define = (program, action) => {
  program
    .command('ask')
    .description('ask the cloud service in plain words (nemo)')
    .argument('<words>')
    .option('--job <id>', 'the job it is about')
    .action(answering(action, (context, words: string, options: { job?: string }) => ask(context, words, options.job)));
  program
    .command('credits')
    .description('show the cloud credits left (nemo)')
    .action(answering(action, context => withEngine(context, credits)));
  program
    .command('timeline')
    .description("show a job's timeline in the cloud (nemo)")
    .requiredOption('--job <id>', 'the job')
    .action(answering(action, (context, { job }: JobOption) => withEngine(context, asker => timeline(asker, job))));
  program
    .command('export')
    .description("render a job's timeline and deliver the result (nemo)")
    .requiredOption('--job <id>', 'the job')
    .action(answering(action, (context, { job }: JobOption) => refine(context, job, 'export')));
  program
    .command('upload')
    .description("add a file or URL to a job's session (nemo)")
    .argument('<file-or-url>')
    .requiredOption('--job <id>', 'the job')
    .action(
      answering(action, (context, source: string, { job }: JobOption) =>
        withEngine(context, asker => upload(asker, source, job)),
      ),
    );
};

interface JobOption {
  job: string;
}

/** The same answer for people and for `--json`; the lines are not escaped yet. */
interface CloudAnswer {
  lines: readonly string[];
  data: object;
}

function answering<Args extends unknown[]>(
  action: Action,
  answer: (context: Context, ...args: Args) => Promise<CloudAnswer>,
) {
  return action(async (context: Context, ...args: Args) => {
    const { lines, data } = await answer(context, ...args);
    if (context.json) context.printJson(data);
    else for (const line of lines) context.print(escapeForTerminal(line));
    return EXIT.fine;
  });
}

/** A cloud engine that was opened for one question. */
interface Asker {
  context: Context;
  engine: CloudEngine;
  signal: AbortSignal;
}

/** Longest wait for an answer: an upload of 500 MB over a slow line. */
const TIMEOUT_MS = 60 * 60_000;

/** @throws ShrinkError `auth-missing` if a token file contains no token. */
async function withEngine<T>(context: Context, use: (asker: Asker) => Promise<T>): Promise<T> {
  const config = await context.loadConfig();
  const secrets = await context.loadSecrets(config);
  const { silentLogger: log } = await import('../platform/log.ts');
  const engine = await context.parts.createCloudEngine({ config, secrets, clock: context.io.clock, log });
  try {
    return await use({ context, engine, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } finally {
    await engine.close();
  }
}

/** Does what the words ask for: an answer, an upload, an export or an edit. */
async function ask(context: Context, words: string, job: string | undefined): Promise<CloudAnswer> {
  const intent = await intentOf(context, words);
  if (intent.kind === 'credits') return withEngine(context, credits);
  if (job === undefined) {
    throw new ShrinkError('usage', `"${words}" is about a job, but no job is given`, {
      hint: 'Add --job ID (`shrinkbox jobs` lists them), or drop the video into an inbox with the words in NAME.txt.',
    });
  }
  switch (intent.kind) {
    case 'state':
      return withEngine(context, asker => timeline(asker, job));
    case 'upload': {
      const { what } = intent;
      if (what !== undefined) return withEngine(context, asker => upload(asker, what, job));
      throw new ShrinkError('usage', 'no file or URL to upload is given', {
        hint: 'Use: shrinkbox upload FILE-OR-URL --job ID',
      });
    }
    case 'export':
    case 'edit':
      return refine(context, job, words);
  }
}

/** Needs neither the service nor a valid configuration: what follows may be for the daemon. */
async function intentOf(context: Context, words: string): Promise<ReturnType<CloudEngine['intentOf']>> {
  const { config } = await context.loadConfigLeniently();
  const { silentLogger: log } = await import('../platform/log.ts');
  const engine = await context.parts.createCloudEngine({ config, secrets: {}, clock: context.io.clock, log });
  try {
    return engine.intentOf(words);
  } finally {
    await engine.close();
  }
}

async function credits({ engine, signal }: Asker): Promise<CloudAnswer> {
  const { available, frozen, total } = await engine.credits(signal);
  const reserved = frozen ? `, ${frozen} more reserved for running work` : '';
  return { lines: [`${available} credits left${reserved}`], data: { available, frozen, total } };
}

async function timeline({ context, engine, signal }: Asker, job: string): Promise<CloudAnswer> {
  const text = await engine.timeline(await cloudRefs(context, job), signal);
  return { lines: text.split('\n'), data: { timeline: text } };
}

async function upload({ context, engine, signal }: Asker, source: string, job: string): Promise<CloudAnswer> {
  await engine.upload({ refs: await cloudRefs(context, job), source, signal });
  return {
    lines: [
      `${source} was added to the session of job ${job}; say what to do with it: shrinkbox ask "..." --job ${job}`,
    ],
    data: { uploaded: source, job },
  };
}

/** Edits and exports go through the daemon: they are journaled, verified and delivered like every other job. */
async function refine(context: Context, job: string, words: string): Promise<CloudAnswer> {
  const daemon = await openDaemon(context);
  try {
    const result = await daemon.refine(job, words);
    if (!result.ok) throw new ShrinkError(result.problem === 'unknown' ? 'usage' : 'denied', result.message);
    const { id } = result.job;
    return {
      lines: [`queued as job ${id}; its result will appear in the outbox as a new version (shrinkbox job ${id})`],
      data: { job: result.job },
    };
  } finally {
    await daemon.close();
  }
}

async function cloudRefs(context: Context, id: string): Promise<CloudRefs> {
  const reader = await openReader(context);
  try {
    const job = await reader.job(id);
    if (job) return cloudRefsOf(job.facts) ?? {};
    throw new ShrinkError('usage', `there is no job ${id}`, { hint: '`shrinkbox jobs` lists them.' });
  } finally {
    await reader.close();
  }
}
