/** retry, cancel, dismiss, undo, forget, restore and move: ask the daemon to act on jobs. */
import { resolve } from 'node:path';
import type { ControlClient, JobAction } from '../api/client.ts';
import type { ActionResult, JobView } from '../api/types.ts';
import { ShrinkError } from '../core/errors.ts';
import { isWithin } from '../core/file-names.ts';
import { escapeForTerminal } from '../core/escape.ts';
import type { StateName } from '../core/job.ts';
import { textOf } from '../core/message.ts';
import { sleep } from '../platform/clock.ts';
import { type Filter, fits, mustChoose, withFilters, withState } from './support/chosen-jobs.ts';
import { openDaemon } from './support/connect.ts';
import type { Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';

export const defineJobActions: Define = (program, action) => {
  const several = (name: Several, about: string) =>
    withState(program.command(name).description(about).argument('[id...]'))
      .option('--all', `all that are ${new Intl.ListFormat('en', { type: 'disjunction' }).format(FITTING[name])}`)
      .action(action((context, ids: string[], chosen: Chosen) => actOnSeveral(context, name, { ids, chosen })));
  several('retry', 'try failed, held or waiting jobs again, now');
  several('cancel', 'stop jobs; the original files stay');
  several('dismiss', 'set held or failed jobs aside: they need nobody any more; the original files stay');
  several('undo', 'take back a cancel or dismiss: within ten minutes, the work goes on where it was');
  program
    .command('forget')
    .description('forget finished, held or failed jobs; files still in the inbox will be processed again')
    .argument('<id...>')
    .action(action((context, ids: string[]) => act(context, 'forget', ids)));
  withFilters(
    program
      .command('restore')
      .description('move archived originals back; in a library, each takes the place of its result again')
      .argument('[id...]', 'ids of jobs, or a folder of a library')
      .option('--all', 'all originals of all libraries'),
  )
    .addHelpText('after', '\n`shrinkbox archive` lists them.')
    .action(action((context, which: string[], chosen: Chosen) => restore(context, which, chosen)));
  program
    .command('move')
    .description('give a waiting job another place in the queue')
    .argument('<id>')
    .option('--top', 'before all others')
    .option('--bottom', 'behind all others of its folder')
    .option('--before <id>', 'right before another job of its folder, or one that was moved to the top')
    .action(action((context, id: string, options: MoveOptions) => move(context, id, options)));
};

type Chosen = Filter & { all?: true };

type Several = keyof typeof FITTING;

/** The jobs that a command means, where options describe them without a state. */
const FITTING = {
  retry: ['held', 'failed'],
  cancel: ['queued', 'waiting', 'running', 'in-doubt', 'verifying'],
  dismiss: ['held', 'failed'],
  undo: ['cancelled'],
} as const satisfies Record<string, readonly StateName[]>;

async function actOnSeveral(
  context: Context,
  name: Several,
  { ids, chosen }: { ids: readonly string[]; chosen: Chosen },
): Promise<number> {
  mustChoose(ids, chosen);
  const ask = (daemon: ControlClient, id: string) => ASK[name](daemon, id, context);
  return askForEach(context, async daemon => (ids.length > 0 ? ids : idsOf(context, daemon, { name, chosen })), {
    ask,
    done: DONE[name],
  });
}

async function idsOf(
  context: Context,
  daemon: ControlClient,
  { name, chosen }: { name: Several; chosen: Filter },
): Promise<string[]> {
  const found = (await daemon.jobs()).filter(fits({ state: FITTING[name], ...chosen }, context));
  if (name !== 'undo') return found.map(({ id }) => id);
  // Others were cancelled because their file was replaced, or long ago.
  const details = await Promise.all(found.map(({ id }) => daemon.job(id)));
  const now = context.io.clock.now();
  return details.flatMap(job => (job && (job.undo_until ?? 0) > now ? [job.id] : []));
}

const ASK: Readonly<Record<Several, (daemon: ControlClient, id: string, context: Context) => Promise<ActionResult>>> = {
  retry: (daemon, id) => daemon.act('retry', id),
  cancel: (daemon, id) => daemon.act('cancel', id),
  dismiss: async (daemon, id) => {
    const job = await daemon.job(id);
    if (!job || job.state === 'held' || job.state === 'failed') return daemon.act('cancel', id);
    return notNow(job, 'only held and failed jobs can be dismissed');
  },
  undo: takeBack,
};

/** A running job takes a moment to stop; until then it cannot be taken up again. */
const STOPPING_MS = 500;
const STOPPING_TRIES = 20;

async function takeBack(daemon: ControlClient, id: string, { io }: Context): Promise<ActionResult> {
  for (let tries = 0; ; tries += 1) {
    const job = await daemon.job(id);
    const isStopping = job !== undefined && job.state in STOPPING;
    if (job && job.state !== 'cancelled' && !isStopping) return notNow(job, 'only cancelled jobs can be taken back');
    if (!isStopping || tries >= STOPPING_TRIES) return daemon.act('retry', id);
    await sleep(io.clock, STOPPING_MS);
  }
}

/** States of a job that is being cancelled. */
const STOPPING: Readonly<Partial<Record<StateName, true>>> = { running: true, 'in-doubt': true, verifying: true };

function notNow({ id, source, state }: JobView, why: string): ActionResult {
  return { ok: false, problem: 'not-now', message: `job ${id} (${source}) is ${state}; ${why}` };
}

/** Of folders, whatever was done in a library below them. */
async function restore(context: Context, which: readonly string[], { all, ...filter }: Chosen): Promise<number> {
  const isFiltered = Object.keys(filter).length > 0;
  if (which.length === 0 && !all && !isFiltered)
    throw new ShrinkError(
      'usage',
      'say what to restore: ids, a folder of a library, --all, or some of --folder, --rule and --name',
    );
  const ask = (daemon: ControlClient, id: string) => daemon.act('restore', id);
  return askForEach(
    context,
    async daemon => {
      if (isFiltered) return archivedOf(context, daemon, filter);
      const libraries = (await daemon.libraries()).map(({ library }) => library);
      const done = await daemon.jobs({ state: 'done' });
      const films = done.filter(({ folder }) => libraries.includes(folder));
      const ids: string[] = [];
      for (const each of all ? libraries : which) {
        const folder = resolve(context.io.cwd, each);
        const isFolder = libraries.some(library => isWithin(library, folder));
        if (!isFolder) ids.push(each);
        for (const { id, source } of isFolder ? films : [])
          if (isWithin(folder, source) && (await hasArchived(daemon, id))) ids.push(id);
      }
      return ids;
    },
    { ask, done: DONE.restore, none: 'there is nothing to restore' },
  );
}

async function archivedOf(context: Context, daemon: ControlClient, filter: Filter): Promise<string[]> {
  const archived = new Set((await daemon.archive()).files.map(({ job }) => job));
  const found = await daemon.jobs({ state: 'done' });
  return found.filter(job => archived.has(job.id) && fits(filter, context)(job)).map(({ id }) => id);
}

/** It may have been brought back already. */
async function hasArchived(daemon: ControlClient, id: string): Promise<boolean> {
  const original = (await daemon.job(id))?.original ?? null;
  return original !== null && original !== 'deleted';
}

interface MoveOptions {
  top?: true;
  bottom?: true;
  before?: string;
}

async function move(context: Context, id: string, { top, bottom, before }: MoveOptions): Promise<number> {
  const wanted = [...(top ? ['top'] : []), ...(bottom ? ['bottom'] : []), ...(before ? [`before:${before}`] : [])];
  const [to] = wanted;
  if (to === undefined || wanted.length > 1) {
    throw new ShrinkError('usage', 'say where to: --top, --bottom, or --before ID');
  }
  return askForEach(context, async () => [id], { ask: daemon => daemon.move(id, to), done: DONE.move });
}

/** Does one thing to every job. */
export function act(context: Context, action: JobAction, ids: readonly string[]): Promise<number> {
  const ask = (daemon: ControlClient, id: string) => daemon.act(action, id);
  return askForEach(context, async () => ids, { ask, done: DONE[action] });
}

type Done = (id: string, source: string, state: string) => string;

interface Asking {
  ask(daemon: ControlClient, id: string): Promise<ActionResult>;
  done: Done;
  /** What is said where there is no such job. */
  none?: string;
}

/**
 * Asks the daemon for every job that `find` names and prints each outcome. Exit code: 3 if that worked for some of them; where it worked for none,
 * 2 if an id is unknown, else 1.
 */
async function askForEach(
  context: Context,
  find: (daemon: ControlClient) => Promise<readonly string[]>,
  { ask, done, none = 'there is no such job' }: Asking,
): Promise<number> {
  const daemon = await openDaemon(context);
  try {
    const ids = await find(daemon);
    if (ids.length === 0 && !context.json) context.print(none);
    const results: object[] = [];
    let worked = 0;
    let code: number = EXIT.fine;
    for (const id of ids) {
      const result = await ask(daemon, id).catch((error: unknown) => {
        // One that cannot be helped is no reason to leave the others; a daemon that does not answer (which has a cause) is.
        if (ids.length === 1 || !(error instanceof ShrinkError) || error.cause !== undefined) throw error;
        return { ok: false, problem: error.code, message: error.message } as const;
      });
      results.push({ id, ...result });
      if (result.ok) {
        worked += 1;
        if (!context.json)
          context.print(done(escapeForTerminal(result.job.id), escapeForTerminal(result.job.source), result.job.state));
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

const DONE: Readonly<Record<JobAction | Several | 'move', Done>> = {
  retry: (id, source, state) => `job ${id} is ${state} again: ${source}`,
  cancel: (id, source) => `job ${id} is cancelled (\`shrinkbox undo ${id}\` takes it back): ${source}`,
  dismiss: (id, source) => `job ${id} is dismissed (\`shrinkbox undo ${id}\` takes it back): ${source}`,
  undo: (id, source, state) => `job ${id} is ${state} again: ${source}`,
  forget: (id, source) => `job ${id} is forgotten; if ${source} is still there, it will be processed again`,
  restore: (id, source) => `the original of job ${id} is back: ${source}`,
  pause: (id, source) => `job ${id} is paused until "shrinkbox resume ${id}": ${source}`,
  resume: (id, source) => `job ${id} is resumed: ${source}`,
  move: (id, source) => `job ${id} is moved: ${source}`,
};
