/** library plan, start, stop, status and verify: folders that are worked on in place. */
import { resolve } from 'node:path';
import type { ControlClient } from '../api/client.ts';
import type { LibraryView } from '../api/types.ts';
import { ShrinkError } from '../core/errors.ts';
import { escapeForTerminal } from '../core/escape.ts';
import { isWithin } from '../core/file-names.ts';
import { formatBytes, formatDuration, plural } from '../core/units.ts';
import { sleep } from '../platform/clock.ts';
import { findDaemon, openDaemon } from './support/connect.ts';
import type { Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { formatTime, table } from './support/terminal.ts';

type Plan = NonNullable<LibraryView['plan']>;

export const defineLibrary: Define = (program, action) => {
  const library = program.command('library').description('make the films of a whole folder smaller, in their places');
  library
    .command('plan')
    .description(
      'say what would come of a folder: how many films, how much smaller, how long it takes; nothing is touched',
    )
    .argument('<dir>', 'a library of the configuration, a folder in one, or any other folder')
    .action(action((context, dir: string) => plan(context, resolve(context.io.cwd, dir))));
  library
    .command('start')
    .description('confirm the plan of a library, or of a folder in one, and carry it out')
    .argument('[dir]')
    .action(action((context, dir?: string) => ask(context, 'start', dir)));
  library
    .command('stop')
    .description('stop; what is done stays done, and the film at work stays as it is')
    .argument('[dir]')
    .action(action((context, dir?: string) => ask(context, 'stop', dir)));
  library
    .command('status')
    .description('how far the libraries have got: what is freed, what is left, what is next')
    .action(action(context => status(context)));
  library
    .command('verify')
    .description(
      'check that results decode, that archived originals have their bytes, and that nothing is left of lost jobs',
    )
    .option('--settle', 'put in order what is left of jobs whose journal was lost; no original goes')
    .action(action((context, { settle }: { settle?: true }) => verify(context, settle ? 'settle' : 'verify')));
};

const LOOK_MS = 500;

async function plan(context: Context, dir: string): Promise<number> {
  const { config, daemon, broken } = await findDaemon(context);
  if (broken) throw broken;
  try {
    const isHere = config.libraries.some(each => isWithin(each.library, dir));
    const made = daemon && isHere ? await planByDaemon(context, daemon, dir) : await planHere(context, dir, config);
    if (context.json) context.printJson(made);
    else for (const line of planLines(context, made)) context.print(line);
    return EXIT.fine;
  } finally {
    await daemon?.close();
  }
}

async function planByDaemon(context: Context, daemon: ControlClient, dir: string): Promise<Plan> {
  let views = await daemon.library('plan', dir);
  const asked = new AbortController();
  const stop = () => asked.abort(stopped());
  context.io.signals.on('SIGINT', stop);
  try {
    for (;;) {
      const view = views.find(({ library }) => isWithin(library, dir));
      if (view && view.state !== 'planning') {
        if (view.reason !== null && view.plan?.folder !== dir) throw new ShrinkError('unavailable', view.reason);
        if (view.plan) return view.plan;
        throw new ShrinkError('unavailable', view.reason ?? 'the plan was not finished');
      }
      if (view?.planning) showProgress(context, view.planning);
      await sleep(context.io.clock, LOOK_MS, asked.signal);
      views = await daemon.libraries();
    }
  } finally {
    context.io.signals.off('SIGINT', stop);
    endProgress(context);
    if (asked.signal.aborted) await daemon.library('plan/stop', dir);
  }
}

function stopped(): ShrinkError {
  return new ShrinkError('cancelled', 'stopped; the next plan goes on from here');
}

async function planHere(context: Context, dir: string, config: Parameters<typeof alone>[2]): Promise<Plan> {
  const stop = new AbortController();
  const end = () => stop.abort(stopped());
  context.io.signals.on('SIGINT', end);
  try {
    return await alone(context, dir, config, stop.signal);
  } finally {
    context.io.signals.off('SIGINT', end);
    endProgress(context);
  }
}

async function alone(
  context: Context,
  dir: string,
  config: Awaited<ReturnType<typeof findDaemon>>['config'],
  signal: AbortSignal,
): Promise<Plan> {
  const [{ planAlone }, { openLedger }] = await Promise.all([
    import('../app/library-plan.ts'),
    import('../api/journal-control.ts'),
  ]);
  const { clock } = context.io;
  return planAlone(dir, config, {
    ...{ now: clock.now(), id: clock.now().toString(36), signal, clock, ledger: await openLedger(config, clock) },
    onProgress: progress => showProgress(context, progress),
  });
}

let isShown = false;

function showProgress(
  { io, json }: Context,
  { found, looked, of }: NonNullable<LibraryView['planning']> | Progress,
): void {
  if (!io.stderr.isTTY || json) return;
  isShown = true;
  const words = of === 0 ? `${plural(found, 'film')} found` : `looked at ${looked} of ${of}`;
  io.stderr.write(`\r\u001b[K${words}`);
}

interface Progress {
  found: number;
  looked: number;
  of: number;
}

function endProgress({ io }: Context): void {
  if (isShown) io.stderr.write('\r\u001b[K');
  isShown = false;
}

function planLines({ paint, columns }: Context, made: Plan): string[] {
  const { folder, films, bytes, todo, left_alone: left, largest, estimated, looked_at: looked, sampled } = made;
  const saved = todo.bytes - todo.expected_bytes;
  const share = todo.bytes > 0 ? Math.round((saved / todo.bytes) * 100) : 0;
  return [
    paint('bold', escapeForTerminal(folder)),
    ...table([
      ['  films', `${films}, ${formatBytes(bytes)}`],
      ['  to do', `${todo.films}, ${formatBytes(todo.bytes)} now, about ${formatBytes(todo.expected_bytes)} after`],
      ['  smaller by', `about ${formatBytes(saved)} (${share} % of those)`],
      ['  work', `about ${formatDuration(todo.seconds * 1000)} on this machine, if it does nothing else`],
      ...(made.archive_missing_bytes
        ? [
            [
              '  archive',
              `too small by ${formatBytes(made.archive_missing_bytes)}: films that fit are done, others wait for room`,
            ],
          ]
        : []),
      ['  other files', `${made.other_files}, not touched`],
      ...(made.unreadable_folders > 0
        ? [['  unreadable', `${plural(made.unreadable_folders, 'folder')}, not looked through`]]
        : []),
    ]),
    ...(left.length > 0 ? ['', 'Left alone:'] : []),
    ...table(
      left.map(each => [`  ${each.films}`, formatBytes(each.bytes), escapeForTerminal(each.text)]),
      columns,
    ),
    ...(largest.length > 0 ? ['', 'The largest:'] : []),
    ...table(
      largest.map(each => [
        `  ${formatBytes(each.bytes)}`,
        `-> ${formatBytes(each.expected_bytes)}`,
        formatDuration(each.seconds * 1000),
        escapeForTerminal(each.path),
      ]),
      columns,
    ),
    '',
    `Looked at ${plural(looked, 'film')}, of which ${sampled} were sampled for seconds each; sizes and times are estimates.`,
    ...(estimated.films > 0
      ? [
          `${plural(estimated.films, 'smaller film')} (${formatBytes(estimated.bytes)}) were not looked at one by one, but judged by some of them.`,
        ]
      : []),
    todo.films === 0
      ? 'Nothing was touched, and there is nothing to do.'
      : 'Nothing was touched. `shrinkbox library start` confirms this plan.',
  ];
}

async function ask(context: Context, act: 'start' | 'stop', dir: string | undefined): Promise<number> {
  const daemon = await openDaemon(context);
  try {
    const folder = dir === undefined ? await onlyLibrary(daemon) : resolve(context.io.cwd, dir);
    const views = await daemon.library(act, folder);
    if (context.json) context.printJson(views);
    else
      context.print(
        `${escapeForTerminal(folder)}: ${act === 'start' ? startedWords(views.find(({ library }) => isWithin(library, folder))) : 'stopped'}`,
      );
    return EXIT.fine;
  } finally {
    await daemon.close();
  }
}

function startedWords(view: LibraryView | undefined): string {
  const todo = view?.plan?.todo;
  const what = todo ? `, ${plural(todo.films, 'film')}, about ${formatDuration(todo.seconds * 1000)} of work` : '';
  return `started${what}; \`shrinkbox library status\` says how far it is`;
}

async function onlyLibrary(daemon: ControlClient): Promise<string> {
  const views = await daemon.libraries();
  const [only] = views;
  if (only && views.length === 1) return only.plan?.folder ?? only.library;
  throw new ShrinkError('usage', views.length === 0 ? 'the configuration has no library' : 'say which library');
}

async function status(context: Context): Promise<number> {
  const daemon = await openDaemon(context);
  try {
    const views = await daemon.libraries();
    if (context.json) context.printJson(views);
    else if (views.length === 0) context.print('the configuration has no library');
    else for (const line of views.flatMap(view => statusLines(context, view))) context.print(line);
    return EXIT.fine;
  } finally {
    await daemon.close();
  }
}

const STATES: Readonly<Record<LibraryView['state'], string>> = {
  idle: 'no plan: shrinkbox library plan',
  planning: 'being looked through; nothing is touched',
  planned: 'planned, not started: shrinkbox library start',
  running: 'at work',
};

function stateWords({ state, plan: made }: LibraryView): string {
  return state === 'planned' && made?.todo.films === 0 ? 'planned: nothing to do' : STATES[state];
}

function statusLines({ paint }: Context, view: LibraryView): string[] {
  const rows: [string, string | null][] = [
    ['state', view.reason === null ? stateWords(view) : `${stateWords(view)}; ${view.reason}`],
    ['done', `${view.done}, smaller by ${formatBytes(view.saved_bytes)}`],
    ['left alone', view.left_alone === 0 ? null : `${view.left_alone} when their turn came; the log says why`],
    ['need you', view.held === 0 ? null : `${view.held}: shrinkbox jobs --state held`],
    [
      'archive',
      view.archive === null
        ? 'none: originals are replaced'
        : `${formatBytes(view.archived_bytes)} of originals in ${view.archive}`,
    ],
    ['at work', view.now],
    ['next', view.next],
    [
      'left',
      view.left_ms === null
        ? null
        : `about ${formatDuration(view.left_ms)} of work${view.finish_at === null ? '' : `, until ${formatTime(view.finish_at)}`}`,
    ],
    ['check', view.check === null ? null : checkWords(view.check)],
  ];
  const shown = rows.flatMap(([name, value]) => (value === null ? [] : [[`  ${name}`, escapeForTerminal(value)]]));
  return [paint('bold', escapeForTerminal(view.library)), ...table(shown)];
}

function checkWords({ done, checked, of, problems }: NonNullable<LibraryView['check']>): string {
  return `${done ? '' : 'under way, '}${checked} of ${of} checked, ${plural(problems.length, 'problem')}`;
}

async function verify(context: Context, act: 'verify' | 'settle'): Promise<number> {
  const daemon = await openDaemon(context);
  try {
    let views = await daemon.library(act, '');
    while (views.some(({ check }) => check?.done === false)) {
      await sleep(context.io.clock, LOOK_MS);
      views = await daemon.libraries();
    }
    const problems = views.flatMap(({ check }) => check?.problems ?? []);
    const settled = views.flatMap(({ check }) => check?.settled ?? []);
    const checked = views.reduce((all, { check }) => all + (check?.checked ?? 0), 0);
    if (context.json) context.printJson({ checked, problems, settled });
    else {
      for (const { path, why } of problems) context.print(`${escapeForTerminal(path)}: ${escapeForTerminal(why)}`);
      for (const { path, why } of settled)
        context.print(`settled: ${escapeForTerminal(path)}: ${escapeForTerminal(why)}`);
      context.print(`${plural(checked, 'film')} checked, ${plural(problems.length, 'problem')}`);
      if (act === 'verify' && problems.some(({ message }) => message?.code.startsWith('library.left-over')))
        context.print('`shrinkbox library verify --settle` puts in order what is left of lost jobs; no original goes.');
    }
    return problems.length > 0 ? EXIT.unfinished : EXIT.fine;
  } finally {
    await daemon.close();
  }
}
