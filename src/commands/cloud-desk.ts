/** The real answers to ask, credits, timeline, export and upload: the router in front, the service or the daemon behind. */
import { createCloudEngine } from '../app/engines.ts';
import { ShrinkError } from '../core/errors.ts';
import { type CloudRefs, cloudRefsOf } from '../core/job.ts';
import type { CloudEngine, Intent } from '../engine/engine.ts';
import { silentLogger } from '../platform/log.ts';
import type { CloudCommands, CloudAnswer } from './cloud-service.ts';
import { openDaemon, openReader } from './support/connect.ts';
import type { Context } from './support/context.ts';

/** @throws ShrinkError where a token cannot be read. */
export async function openCloud(context: Context): Promise<CloudCommands> {
  const config = await context.loadConfig();
  const secrets = await context.loadSecrets(config);
  const engine = await createCloudEngine({ config, secrets, clock: context.io.clock, log: silentLogger });
  const signal = AbortSignal.timeout(ANSWER_MS);
  const once =
    <Args extends unknown[]>(act: (...args: Args) => Promise<CloudAnswer>) =>
    async (...args: Args) => {
      try {
        return await act(...args);
      } finally {
        await engine.close();
      }
    };
  const desk: CloudCommands = {
    ask: (words, job) => ask(desk, context, engine.intentOf(words), { words, job }),
    credits: once(() => credits(engine, signal)),
    timeline: once(async job => {
      const text = await engine.timeline(await cloudRefs(context, job), signal);
      return { lines: text.split('\n'), data: { timeline: text } };
    }),
    export: job => refine(context, job, 'export'),
    upload: once(async (what, job) => {
      await engine.upload({ refs: await cloudRefs(context, job), source: what, signal });
      return {
        lines: [`${what} is in the session of job ${job}; ask --job ${job} says what to do with it`],
        data: { uploaded: what, job },
      };
    }),
  };
  return desk;
}

/** Longest a person waits for an answer: an upload of 500 MB over a slow line. */
const ANSWER_MS = 60 * 60_000;

async function ask(
  desk: CloudCommands,
  context: Context,
  wanted: Intent,
  { words, job }: { words: string; job: string | undefined },
): Promise<CloudAnswer> {
  if (wanted.kind === 'credits') return desk.credits();
  if (job === undefined) {
    throw new ShrinkError('usage', `"${words}" is about a job; say which one`, {
      hint: 'Add --job ID (shrinkbox jobs lists them), or drop the video with the words beside it as NAME.txt.',
    });
  }
  switch (wanted.kind) {
    case 'state':
      return desk.timeline(job);
    case 'upload':
      if (wanted.what !== undefined) return desk.upload(wanted.what, job);
      throw new ShrinkError('usage', 'which file or address should be uploaded?', {
        hint: 'shrinkbox upload FILE|URL --job ID',
      });
    case 'export':
    case 'edit':
      return refine(context, job, words);
  }
}

async function credits(engine: CloudEngine, signal: AbortSignal): Promise<CloudAnswer> {
  const { available, frozen, total } = await engine.credits(signal);
  const reserved = frozen ? `, ${frozen} more set aside for running work` : '';
  return { lines: [`${available} credits left${reserved}`], data: { available, frozen, total } };
}

/** Edits and exports go through the daemon: they are journaled, verified and delivered like every other job. */
async function refine(context: Context, job: string, words: string): Promise<CloudAnswer> {
  const daemon = await openDaemon(context);
  try {
    const result = await daemon.refine(job, words);
    if (!result.ok) throw new ShrinkError(result.problem === 'unknown' ? 'usage' : 'denied', result.message);
    const { id } = result.job;
    return {
      lines: [`asked as job ${id}; its result becomes a new version in the outbox (shrinkbox job ${id})`],
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
    throw new ShrinkError('usage', `there is no job ${id}`, { hint: 'shrinkbox jobs lists them.' });
  } finally {
    await reader.close();
  }
}
