import type { Pin, Sidecar, Sighting } from '../core/job.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { type Mount, readMounts } from '../platform/mounts.ts';
import type { Desk, PendingFile } from './book.ts';
import { Disks } from './disk.ts';
import { type FolderState, type FolderView, FolderWatch } from './folder.ts';
import { chokidarHints, type HintProblem, type HintSource } from './hints.ts';
import { procWriters, type WriterProbe } from './writer.ts';

export type { PendingFile } from './book.ts';
export type { FolderView } from './folder.ts';

export interface WatchFolder {
  /** Absolute. */
  inbox: string;
  /** Quiet time; default 5 s, 30 s where the file system is polled. */
  settleMs?: number | undefined;
  /** Ms between scans; `auto`: every minute, where polled every 10 s while something happens and 30 s otherwise. */
  scan: 'auto' | number;
}

export interface WatcherOptions {
  folders: WatchFolder[];
  clock: Clock;
  log: Logger;
  /** True when the queue has this very file already (same pin, same words): it is not waited for and not reported. */
  known(sighting: { inbox: string; relative: string; pin: Pin; sidecar?: Sidecar }): boolean;
  /** A complete file, or a path that is never opened (`refused`). Once for each pin and words of a path. */
  onSighting(sighting: Sighting): void;
  onFolder?(inbox: string, state: FolderState): void;
  /** How long a file must stay incomplete or empty before that is reported; default a minute, or four settle times. */
  incompleteAfterMs?: number;
  /** How long a network mount may take to answer one question before it counts as unavailable. */
  answerMs?: number;
  /** The outside world, where a test has another one. */
  hints?: HintSource;
  mounts?: () => Mount[];
  writers?: WriterProbe;
}

/**
 * Finds files dropped into inboxes and reports each once it is complete. Events are hints, a scan is the truth: with every
 * event lost everything is still found, later. All of its problems are waits or refused sightings; it never rejects but for
 * a mistake in itself.
 */
export interface Watcher {
  /** Resolves after the first listing of every folder that is available. */
  start(): Promise<void>;
  /** Resolves when nothing is reported any more and no watch is left. */
  stop(): Promise<void>;
  /** Lists everything now, looking at every file; resolves when that is done (files found may still have to settle). */
  rescan(): Promise<void>;
  /** Resolves when nothing is pending except files held by a veto. */
  settled(): Promise<void>;
  pending(): PendingFile[];
  folders(): FolderView[];
  /** Looks at the file as if it were new: it settles and is reported again, unless `known` says otherwise. */
  forget(inbox: string, relative: string): void;
}

/** NFS retries for minutes before it gives up; a person waiting for `status` does not. */
const ANSWER_MS = 20_000;

export function createWatcher(options: WatcherOptions): Watcher {
  const { clock, log } = options;
  const disks = new Disks(clock, options.answerMs ?? ANSWER_MS);
  const surroundings = {
    disks,
    hints: options.hints ?? chokidarHints(sayOnce(options)),
    mounts: options.mounts ?? (() => readMounts()),
  };
  const watches = new Map(
    options.folders.map(folder => {
      const desk: Desk = {
        inbox: folder.inbox,
        settleMs: folder.settleMs,
        incompleteAfterMs: options.incompleteAfterMs,
        clock,
        log,
        writers: options.writers ?? procWriters,
        known: sighting => options.known(sighting),
        onSighting: sighting => options.onSighting(sighting),
      };
      const onFolder = (state: FolderState) => options.onFolder?.(folder.inbox, state);
      return [folder.inbox, new FolderWatch(desk, surroundings, folder.scan, onFolder)] as const;
    }),
  );
  const all = <T>(what: (watch: FolderWatch) => Promise<T>) => Promise.all([...watches.values()].map(what));
  return {
    start: async () => void (await all(watch => watch.start())),
    async stop() {
      const stopped = all(watch => watch.stop());
      disks.abandon();
      await stopped;
    },
    rescan: async () => void (await all(watch => watch.rescan())),
    settled: async () => void (await all(watch => watch.settled())),
    pending: () => [...watches.values()].flatMap(watch => watch.pendingFiles()),
    folders: () => [...watches.values()].map(watch => watch.view()),
    forget: (inbox, relative) => watches.get(inbox)?.forget(relative),
  };
}

/** A limit is met once for each of thousands of directories; a person needs to hear of it once. */
function sayOnce({ log }: WatcherOptions): (problem: HintProblem) => void {
  const said = new Set<string>();
  return ({ dir, code, message }) => {
    const sysctl = LIMITS[code];
    if (!sysctl) return log.debug({ dir, code, reason: message }, 'directory gives no hints');
    if (said.has(code)) return;
    said.add(code);
    log.warn(
      { dir, code, sysctl },
      `the system's limit for watching folders is reached: further folders are only scanned; raise it with "sysctl ${sysctl}"`,
    );
  };
}

const LIMITS: Readonly<Record<string, string>> = {
  ENOSPC: 'fs.inotify.max_user_watches=524288',
  EMFILE: 'fs.inotify.max_user_instances=1024',
};
