/** ask, credits, timeline, export and upload: the cloud service, by hand. */
import { ShrinkError } from '../core/errors.ts';
import { escapeForTerminal } from '../core/escape.ts';
import type { JobDetail } from '../api/types.ts';
import { cloudRefsOf, MAX_INSTRUCTION, type Neighbour } from '../core/job.ts';
import type { CloudEngine } from '../engine/engine.ts';
import { openDaemon, openReader, type Reader } from './support/connect.ts';
import type { Action, Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';

export const defineCloud: Define = (program, action) => {
  program
    .command('ask')
    .description('ask the cloud service in plain words (nemo)')
    .argument('<words>')
    .option(...WHICH_JOB)
    .action(answering(action, (context, words: string, { job }: JobOption) => ask(context, words, job)));
  program
    .command('credits')
    .description('show the cloud credits left (nemo)')
    .action(answering(action, context => withEngine(context, credits)));
  program
    .command('timeline')
    .description("show a job's timeline in the cloud (nemo)")
    .option(...WHICH_JOB)
    .action(answering(action, (context, { job }: JobOption) => withEngine(context, asker => timeline(asker, job))));
  program
    .command('export')
    .description("render a job's timeline and deliver the result (nemo)")
    .option(...WHICH_JOB)
    .action(answering(action, (context, { job }: JobOption) => exportOf(context, job, 'export')));
  program
    .command('upload')
    .description("add a file or URL to a job's session (nemo)")
    .argument('<file-or-url>')
    .option(...WHICH_JOB)
    .action(
      answering(action, (context, source: string, { job }: JobOption) =>
        withEngine(context, asker => upload(asker, source, job)),
      ),
    );
};

const WHICH_JOB = ['--job <id>', 'the job it is about; needed where several files have one in the cloud'] as const;

interface JobOption {
  job?: string;
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
  if (words.trim() === '') throw new ShrinkError('usage', 'no words are given', { hint: ASK_HINT });
  if (words.trim().length > MAX_INSTRUCTION)
    throw new ShrinkError('usage', `the words are longer than ${MAX_INSTRUCTION} characters`, { hint: ASK_HINT });
  const intent = await intentOf(context, words);
  if (intent.kind === 'credits') return withEngine(context, credits);
  switch (intent.kind) {
    case 'state':
      return withEngine(context, asker => timeline(asker, job));
    case 'upload': {
      const { what } = intent;
      if (what !== undefined) return withEngine(context, asker => upload(asker, what, job));
      throw nothingToUpload();
    }
    case 'export':
      return exportOf(context, job, words);
    case 'edit':
      return refine(context, job, words);
  }
}

function nothingToUpload(): ShrinkError {
  return new ShrinkError('usage', 'no file or URL to upload is given', { hint: 'Use: shrinkbox upload FILE-OR-URL' });
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

async function timeline({ context, engine, signal }: Asker, id: string | undefined): Promise<CloudAnswer> {
  const job = await jobAbout(context, id);
  const text = await engine.timeline({
    ...{ job: job.id, refs: cloudRefsOf(job.facts) ?? {}, isDone: job.state === 'done', signal },
    neighbours: () => neighboursOf(context, job),
  });
  return { lines: text.split('\n'), data: { job: job.id, timeline: text } };
}

/** The jobs about other sources in the session of `job`, oldest first. */
async function neighboursOf(context: Context, job: JobDetail): Promise<Neighbour[]> {
  const session = cloudRefsOf(job.facts)?.session;
  const reader = await openReader(context);
  try {
    const others = (await reader.jobs()).filter(({ engine, source }) => engine === 'nemo' && source !== job.source);
    const found: Neighbour[] = [];
    for (const { id, source } of others.reverse()) {
      const refs = cloudRefsOf((await reader.job(id))?.facts ?? {});
      if (refs?.session !== session) continue;
      found.push({ job: id, file: refs?.file ?? source.slice(source.lastIndexOf('/') + 1), draft: refs?.draft });
    }
    return found;
  } finally {
    await reader.close();
  }
}

async function upload(
  { context, engine, signal }: Asker,
  source: string,
  wanted: string | undefined,
): Promise<CloudAnswer> {
  if (source.trim() === '') throw nothingToUpload();
  const { id, facts, state } = await jobAbout(context, wanted);
  await engine.upload({ job: id, refs: cloudRefsOf(facts) ?? {}, isDone: state === 'done', source, signal });
  return {
    lines: [`${source} was added to the session of job ${id}; say what to do with it: shrinkbox ask "..." --job ${id}`],
    data: { uploaded: source, job: id },
  };
}

/** A file that this machine compressed has no timeline: its words would be taken for another request, and the same be made again. */
async function exportOf(context: Context, wanted: string | undefined, words: string): Promise<CloudAnswer> {
  const daemon = await openDaemon(context);
  try {
    const id = wanted === undefined ? await onlyJob(daemon) : idIn(wanted);
    const job = await daemon.job(id);
    if (job && job.engine !== 'nemo') {
      throw new ShrinkError('cannot-do', 'this job has no session in the cloud', {
        hint: `It was made on this machine: shrinkbox ask "..." --job ${id} makes another version of it.`,
      });
    }
  } finally {
    await daemon.close();
  }
  return refine(context, wanted, words);
}

/** Edits and exports go through the daemon: they are journaled, verified and delivered like every other job. */
async function refine(context: Context, job: string | undefined, words: string): Promise<CloudAnswer> {
  const daemon = await openDaemon(context);
  try {
    const result = await daemon.refine(job === undefined ? await onlyJob(daemon) : idIn(job), words);
    if (!result.ok) throw new ShrinkError(result.problem === 'unknown' ? 'usage' : 'denied', result.message);
    const { id } = result.job;
    return {
      lines: [`queued as job ${id}; its result will appear in the outbox (shrinkbox job ${id})`],
      data: { job: result.job },
    };
  } finally {
    await daemon.close();
  }
}

async function jobAbout(context: Context, id: string | undefined): Promise<JobDetail> {
  const reader = await openReader(context);
  try {
    const wanted = id === undefined ? await onlyJob(reader) : idIn(id);
    const job = await reader.job(wanted);
    if (job) return job;
    throw new ShrinkError('usage', `there is no job ${wanted}`, { hint: '`shrinkbox jobs` lists them.' });
  } finally {
    await reader.close();
  }
}

/** @throws ShrinkError `usage` for the empty text that a script's unset variable leaves. */
function idIn(given: string): string {
  if (given.trim() !== '') return given;
  throw new ShrinkError('usage', 'no job is given after --job', { hint: '`shrinkbox jobs` lists them.' });
}

const ASK_HINT = 'Say what to do, such as: shrinkbox ask "make it brighter".';

/** How many jobs an error names. */
const SHOWN = 5;

/** The newest job of the only file that has one in the cloud. @throws ShrinkError `usage` if there are others, or none */
async function onlyJob(reader: Pick<Reader, 'jobs'>): Promise<string> {
  const inCloud = (await reader.jobs()).filter(({ engine }) => engine === 'nemo');
  const newest = new Map<string, string>();
  for (const { source, id } of inCloud) if (!newest.has(source)) newest.set(source, id);
  const [[, id] = []] = newest;
  if (id === undefined) {
    throw new ShrinkError('usage', 'no file has a job in the cloud', {
      hint: 'Drop a video into an inbox, with the words in NAME.txt beside it, under a rule with engine: nemo.',
    });
  }
  if (newest.size === 1) return id;
  const some = [...newest]
    .slice(0, SHOWN)
    .map(([source, job]) => `${job} (${source.slice(source.lastIndexOf('/') + 1)})`);
  throw new ShrinkError('usage', `${newest.size} files have jobs in the cloud, and no job is given`, {
    hint: `Add --job ID: ${some.join(', ')}${newest.size > SHOWN ? ', ...' : ''}.`,
  });
}
