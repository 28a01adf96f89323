import type { LibraryView } from '../api/types.ts';
import { asFolder } from '../config/libraries.ts';
import type { Library } from '../config/load.ts';
import { isShrinkError, sentenceOf } from '../core/errors.ts';
import type { Candidate, Job } from '../core/job.ts';
import { messageOf, type Sentence } from '../core/message.ts';
import { findLeftovers } from '../library/leftovers.ts';
import { say } from '../messages/say.ts';
import { holding } from '../platform/files/entry.ts';
import { fileError } from '../platform/files/file-error.ts';
import { errnoOf, type Files, sha256OfOpen } from '../platform/files/files.ts';
import { verifyCandidate } from '../verify/verify.ts';
import type { Tools } from '../media/ffmpeg/tools.ts';
import type { Logger } from '../platform/log.ts';
import type { Folders } from './folders.ts';
import type { Queue } from './queue.ts';
import type { State } from './state.ts';

/** A check of all that was done in libraries. */
export interface Checking {
  stop: AbortController;
  done: Promise<void>;
  isOver(): boolean;
  view(library: string): LibraryView['check'];
}

interface CheckOptions {
  libraries: readonly Library[];
  /** What lost journals left behind is not only said, but put in order. */
  settle: boolean;
  files: Files;
  state: State;
  folders: Folders;
  tools: Tools;
  queue: Queue;
  log: Logger;
}

interface Found {
  library: string;
  path: string;
  why: Sentence;
  isSettled: boolean;
}

/** Every result has its bytes and decodes, every archived original has the bytes it had, and nothing is left of jobs that nobody knows. */
export function checkLibrary(options: CheckOptions): Checking {
  const { state, log } = options;
  const stop = new AbortController();
  const jobs = [...state.ledger.all()].filter(
    ({ library, state: { name }, original }) => library && name === 'done' && original,
  );
  const found: Found[] = [];
  const checked = new Map<string, number>();
  let isDone = false;
  const run = async () => {
    for (const job of jobs) {
      if (stop.signal.aborted) return;
      for (const { path, why } of await problemsOf(job, stop.signal, options)) {
        found.push({ library: job.inbox, path, why, isSettled: false });
        log.warn({ job: job.id, path }, `library check: ${why.text}`);
      }
      checked.set(job.inbox, (checked.get(job.inbox) ?? 0) + 1);
    }
    for (const library of options.libraries) {
      for await (const each of leftIn(library, stop.signal, options)) {
        found.push({ library: library.library, ...each });
        log.warn({ path: each.path, settled: each.isSettled }, `library check: ${each.why.text}`);
      }
    }
    isDone = true;
  };
  return {
    stop,
    isOver: () => isDone,
    // Whatever goes wrong here is no reason to end everything else.
    done: run().catch(error => {
      if (!stop.signal.aborted) log.error({ err: error }, 'internal error while checking the libraries');
      isDone = true;
    }),
    view: library => ({
      done: isDone,
      checked: checked.get(library) ?? 0,
      of: jobs.filter(({ inbox }) => inbox === library).length,
      problems: viewOf(found.filter(each => each.library === library && !each.isSettled)),
      settled: viewOf(found.filter(each => each.library === library && each.isSettled)),
    }),
  };
}

function viewOf(found: readonly Found[]): NonNullable<LibraryView['check']>['problems'] {
  return found.map(({ path, why }) => ({ path, why: why.text, message: messageOf(why) }));
}

/** Of what is under way, or held and may go on, nothing is left over. */
const IS_OVER: ReadonlySet<string> = new Set(['done', 'cancelled', 'skipped', 'failed']);

async function* leftIn(
  place: Library,
  signal: AbortSignal,
  { state: { ledger }, folders, files, log, settle }: CheckOptions,
): AsyncGenerator<Omit<Found, 'library'>> {
  const { library, archive } = place;
  const away = folders.whyAway(asFolder(place));
  if (away) return yield { path: library, why: sentenceOf(away), isSettled: false };
  const isAtWork = (job: Job) => job.restoring === true || !IS_OVER.has(job.state.name);
  const kept = new Set(
    [...ledger.all()].flatMap(({ original }) => (original?.kind === 'archived' ? original.path : [])),
  );
  yield* findLeftovers({
    ...{ library, archiveDir: archive, files, log, signal, settle },
    isAtWork(id) {
      const job = ledger.find(id);
      return job !== undefined && isAtWork(job);
    },
    isAtWorkAt: relative => ledger.atPlace(library, relative).some(isAtWork),
    isDoneAt: relative => ledger.atPlace(library, relative).some(job => job.library && job.state.name === 'done'),
    isArchived: path => kept.has(path),
  });
}

interface Problem {
  path: string;
  why: Sentence;
}

async function problemsOf(job: Job, signal: AbortSignal, options: CheckOptions): Promise<Problem[]> {
  if (job.state.name !== 'done') return [];
  const { output } = job.state;
  return [
    ...(await problem(output, () => resultDecodes(job, output, signal, options))),
    ...(job.original?.kind === 'archived' ? await archiveHolds(job, signal, options) : []),
  ];
}

async function archiveHolds({ original }: Job, signal: AbortSignal, { folders }: CheckOptions): Promise<Problem[]> {
  if (original?.kind !== 'archived') return [];
  const { path, sha256 } = original;
  return problem(path, async () => {
    const found = await holding(folders.openResult(path), file => sha256OfOpen(file, signal));
    return found === sha256 ? undefined : say('library.check-archive');
  });
}

async function resultDecodes(
  { state }: Job,
  output: string,
  signal: AbortSignal,
  { folders, tools, queue }: CheckOptions,
): Promise<Sentence | undefined> {
  if (state.name !== 'done') return undefined;
  return holding(folders.openResult(output), async source => {
    const { outputBytes, outputSha256: sha256 } = state;
    if (source.pin.sizeBytes !== outputBytes) return say('library.check-changed');
    if (sha256 !== undefined && (await sha256OfOpen(source, signal)) !== sha256) return say('library.check-changed');
    const candidate: Candidate = {
      ...{ path: output, isSource: true, bytes: outputBytes, how: '', notes: [] },
      expect: { videoCodecs: ['h264', 'hevc', 'av1'] },
    };
    await verifyCandidate(candidate, { tools, signal, gate: queue.gate, source });
    return undefined;
  });
}

async function problem(path: string, act: () => Promise<Sentence | undefined>): Promise<Problem[]> {
  try {
    const why = await act();
    return why === undefined ? [] : [{ path, why }];
  } catch (error) {
    // What is missing, or cannot be read, is what a check is for.
    if (!isShrinkError(error) && errnoOf(error) === undefined) throw error;
    return [{ path, why: sentenceOf(fileError(error, say('files.opening', { path }), path)) }];
  }
}
