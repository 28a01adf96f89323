import type { LibraryView } from '../api/types.ts';
import { isShrinkError, sentenceOf } from '../core/errors.ts';
import type { Candidate, Job } from '../core/job.ts';
import { messageOf, type Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { holding } from '../platform/files/entry.ts';
import { fileError } from '../platform/files/file-error.ts';
import { errnoOf, sha256OfOpen } from '../platform/files/files.ts';
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
  state: State;
  folders: Folders;
  tools: Tools;
  queue: Queue;
  log: Logger;
}

/** Every result decodes, and every archived original has the bytes it had. */
export function checkLibrary(options: CheckOptions): Checking {
  const { state, log } = options;
  const stop = new AbortController();
  const jobs = [...state.ledger.all()].filter(
    ({ library, state: { name }, original }) => library && name === 'done' && original,
  );
  const found: { library: string; path: string; why: Sentence }[] = [];
  const checked = new Map<string, number>();
  let isDone = false;
  const run = async () => {
    for (const job of jobs) {
      if (stop.signal.aborted) return;
      for (const { path, why } of await problemsOf(job, stop.signal, options)) {
        found.push({ library: job.inbox, path, why });
        log.warn({ job: job.id, path }, `library check: ${why.text}`);
      }
      checked.set(job.inbox, (checked.get(job.inbox) ?? 0) + 1);
    }
    isDone = true;
  };
  return {
    stop,
    isOver: () => isDone,
    // It only looks: whatever goes wrong here is no reason to end everything else.
    done: run().catch(error => {
      if (!stop.signal.aborted) log.error({ err: error }, 'internal error while checking the libraries');
      isDone = true;
    }),
    view: library => ({
      done: isDone,
      checked: checked.get(library) ?? 0,
      of: jobs.filter(({ inbox }) => inbox === library).length,
      problems: found
        .filter(each => each.library === library)
        .map(({ path, why }) => ({ path, why: why.text, message: messageOf(why) })),
    }),
  };
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
    if (source.pin.sizeBytes !== state.outputBytes) return say('library.check-changed');
    const candidate: Candidate = {
      ...{ path: output, isSource: true, bytes: state.outputBytes, how: '', notes: [] },
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
