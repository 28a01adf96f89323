import type { Pin, Sidecar, Sighting } from '../core/job.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { type Mount, readMounts } from '../platform/files/mounts.ts';
import type { InboxContext, PendingFile } from './tracked-file.ts';
import { Disks } from './guarded-fs.ts';
import { type FolderState, type FolderView, FolderWatch } from './inbox-loop.ts';
import { chokidarHints, type HintProblem, type HintSource } from './change-events.ts';
import { procWriters, type WriterProbe } from './open-files.ts';

export type { PendingFile } from './tracked-file.ts';
export type { FolderView } from './inbox-loop.ts';

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
  /** Watching cannot go on: a mistake in it or in one of these callbacks. Default: throws, which ends the process. */
  onFatal?(error: unknown): void;
  /** How long a file must stay incomplete or empty before that is reported; default a minute, or four settle times. */
  incompleteAfterMs?: number;
  /** How long a network mount may take to answer one question before it counts as unavailable. */
  answerMs?: number;
  /** How many files of an inbox are waited for at the same time, so that a huge one takes no more memory; default 20,000. */
  maxWaiting?: number;
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
  /**
   * Watches these folders from now on: those that are gone or have other settings are let go of, new ones are listed
   * before this resolves. The others are not disturbed.
   */
  setFolders(folders: WatchFolder[]): Promise<void>;
  /** Looks at the file as if it were new: it settles and is reported again, unless `known` says otherwise. */
  forget(inbox: string, relative: string): void;
}

/** NFS retries for minutes before it gives up; a person waiting for `status` does not. */
const ANSWER_MS = 20_000;
/** 300 bytes each while they are waited for. */
const MAX_WAITING = 20_000;

export function createWatcher(options: WatcherOptions): Watcher {
  const { clock, log } = options;
  const disks = new Disks(clock, options.answerMs ?? ANSWER_MS);
  const surroundings = {
    disks,
    hints: options.hints ?? chokidarHints(sayOnce(options)),
    mounts: options.mounts ?? (() => readMounts()),
  };
  const watchOf = (folder: WatchFolder): Watched => {
    const context: InboxContext = {
      inbox: folder.inbox,
      settleMs: folder.settleMs,
      incompleteAfterMs: options.incompleteAfterMs,
      maxWaiting: options.maxWaiting ?? MAX_WAITING,
      clock,
      log,
      writers: options.writers ?? procWriters,
      known: sighting => options.known(sighting),
      onSighting: sighting => options.onSighting(sighting),
    };
    const watch = new FolderWatch(context, surroundings, {
      scan: folder.scan,
      onFolder: state => options.onFolder?.(folder.inbox, state),
      onFatal: error => {
        if (!options.onFatal) throw error;
        options.onFatal(error);
      },
    });
    return { folder, watch };
  };
  const watched = new Map(options.folders.map(folder => [folder.inbox, watchOf(folder)]));
  const all = <T>(what: (watch: FolderWatch) => Promise<T>) =>
    Promise.all([...watched.values()].map(({ watch }) => what(watch)));
  let stopped = false;
  return {
    start: async () => void (await all(watch => watch.start())),
    async stop() {
      stopped = true;
      const ended = all(watch => watch.stop());
      disks.abandon();
      await ended;
    },
    rescan: async () => void (await all(watch => watch.rescan())),
    settled: async () => void (await all(watch => watch.settled())),
    pending: () => [...watched.values()].flatMap(({ watch }) => watch.pendingFiles()),
    folders: () => [...watched.values()].map(({ watch }) => watch.view()),
    async setFolders(folders) {
      const kept = new Set(
        folders.filter(folder => isSame(watched.get(folder.inbox)?.folder, folder)).map(({ inbox }) => inbox),
      );
      const gone = [...watched.values()].filter(({ folder }) => !kept.has(folder.inbox));
      await Promise.all(gone.map(({ watch }) => watch.stop()));
      if (stopped) return;
      for (const { folder } of gone) watched.delete(folder.inbox);
      const fresh = folders.filter(({ inbox }) => !kept.has(inbox)).map(watchOf);
      for (const each of fresh) watched.set(each.folder.inbox, each);
      await Promise.all(fresh.map(({ watch }) => watch.start()));
    },
    forget: (inbox, relative) => watched.get(inbox)?.watch.forget(relative),
  };
}

interface Watched {
  folder: WatchFolder;
  watch: FolderWatch;
}

function isSame(a: WatchFolder | undefined, b: WatchFolder): boolean {
  return a?.inbox === b.inbox && a.settleMs === b.settleMs && a.scan === b.scan;
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
