/**
 * Room: the inboxes. Finds files dropped into them and reports each as a Sighting once it is complete. It only reads, and
 * knows nothing about jobs or rules. May import core, messages, platform, and media/completeness.
 */
import { extensionOf } from '../core/file-names.ts';
import type { Pin, Sidecar, Sighting } from '../core/job.ts';
import type { Clock } from '../platform/clock.ts';
import { type Mount, readMounts } from '../platform/files/mounts.ts';
import type { Logger } from '../platform/log.ts';
import { type ChangeEvents, chokidarEvents, type WatchProblem } from './change-events.ts';
import { FileSystems } from './guarded-fs.ts';
import { isLinkInText } from './ignored-names.ts';
import { type FolderState, type FolderView, InboxLoop } from './inbox-loop.ts';
import { procWriters, type WriterProbe } from './open-files.ts';
import type { InboxContext, PendingFile } from './tracked-file.ts';
import type { WatchPorts } from './tree.ts';

export type { FolderView } from './inbox-loop.ts';
export type { PendingFile } from './tracked-file.ts';

export interface WatchFolder {
  /** Absolute. */
  inbox: string;
  /** Quiet time; default 5 s, or 30 s if the file system is polled. */
  settleMs?: number | undefined;
  /** Ms between scans; `auto`: every minute, or if polled, every 10 s while something happens and 30 s otherwise. */
  scan: 'auto' | number;
  /** Extensions, in lower case, of the files that are reported; the others are only counted. Absent: all are. */
  extensions?: readonly string[];
  /** Whether a GIF that is a single picture is reported as well. */
  stills?: boolean;
}

export interface WatcherOptions {
  folders: WatchFolder[];
  clock: Clock;
  log: Logger;
  /** Whether the queue has a job for this very file (same pin, same instruction): then it is neither pending nor reported. */
  hasJobFor(sighting: { inbox: string; relative: string; pin: Pin; sidecar?: Sidecar }): boolean;
  /** A complete file, or a path that is never opened (`refused`). Called once for each pin and instruction of a path. */
  onSighting(sighting: Sighting): void;
  onFolder?(inbox: string, state: FolderState): void;
  /** Watching cannot continue: a bug in it or in one of these callbacks. Default: throws, which ends the process. */
  onFatal?(error: unknown): void;
  /** How long a file must stay incomplete or empty before that is reported; default a minute, or four settle times. */
  incompleteAfterMs?: number;
  /** How long a network mount may take for one call before it counts as unavailable. */
  answerMs?: number;
  /** How many files of an inbox may be pending at the same time, to limit memory; default 20,000. */
  maxWaiting?: number;
  /** Replaced in tests. */
  changeEvents?: ChangeEvents;
  mounts?: () => Mount[];
  writers?: WriterProbe;
}

/** NFS retries for minutes before it gives up; a person who runs `status` does not. */
const ANSWER_MS = 20_000;
/** A pending file takes 300 bytes. */
const MAX_WAITING = 20_000;

/**
 * Watches inboxes. Events only say where to look, scans find what is there: even if every event is lost, everything is found,
 * only later. Problems with files and folders are waits or refused sightings; it rejects only because of a bug.
 */
export class Watcher {
  readonly #options: WatcherOptions;
  readonly #ports: WatchPorts & { fileSystems: FileSystems };
  readonly #watched: Map<string, Watched>;
  #stopped = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#ports = {
      fileSystems: new FileSystems(options.clock, options.answerMs ?? ANSWER_MS),
      changeEvents: options.changeEvents ?? chokidarEvents(logProblems(options)),
      mounts: options.mounts ?? (() => readMounts()),
    };
    this.#watched = new Map(options.folders.map(folder => [folder.inbox, this.#watch(folder)]));
  }

  /** Resolves after the first listing of every folder that is available. */
  async start(): Promise<void> {
    await this.#all(loop => loop.start());
  }

  /** Resolves when nothing more will be reported and no watch is left. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const ended = this.#all(loop => loop.stop());
    this.#ports.fileSystems.abandon();
    await ended;
  }

  /** Lists everything now and checks every file; resolves when that is done (files found may still have to settle). */
  async rescan(): Promise<void> {
    await this.#all(loop => loop.rescan());
  }

  /** Resolves when nothing is pending except files held back by a veto. */
  async settled(): Promise<void> {
    await this.#all(loop => loop.settled());
  }

  pending(): PendingFile[] {
    return [...this.#watched.values()].flatMap(({ loop }) => loop.pendingFiles());
  }

  folders(): FolderView[] {
    return [...this.#watched.values()].map(({ loop }) => loop.view());
  }

  /**
   * Watches these folders from now on: removed ones and ones with changed settings are stopped, new ones are listed before
   * this resolves. The others are not disturbed.
   */
  async setFolders(folders: WatchFolder[]): Promise<void> {
    const isKept = (folder: WatchFolder) => isSame(this.#watched.get(folder.inbox)?.folder, folder);
    const kept = new Set(folders.filter(isKept).map(({ inbox }) => inbox));
    const gone = [...this.#watched.values()].filter(({ folder }) => !kept.has(folder.inbox));
    await Promise.all(gone.map(({ loop }) => loop.stop()));
    if (this.#stopped) return;
    for (const { folder } of gone) this.#watched.delete(folder.inbox);
    const added = folders.filter(({ inbox }) => !kept.has(inbox)).map(folder => this.#watch(folder));
    for (const each of added) this.#watched.set(each.folder.inbox, each);
    await Promise.all(added.map(({ loop }) => loop.start()));
  }

  /** Treats the file as new: it settles and is reported again, unless `hasJobFor` says otherwise. */
  forget(inbox: string, relative: string): void {
    this.#watched.get(inbox)?.loop.forget(relative);
  }

  #all(act: (loop: InboxLoop) => Promise<void>): Promise<void[]> {
    return Promise.all([...this.#watched.values()].map(({ loop }) => act(loop)));
  }

  #watch(folder: WatchFolder): Watched {
    const options = this.#options;
    const context: InboxContext = {
      inbox: folder.inbox,
      settleMs: folder.settleMs,
      incompleteAfterMs: options.incompleteAfterMs,
      accepts: accepting(folder.extensions),
      takesStills: folder.stills === true,
      maxWaiting: options.maxWaiting ?? MAX_WAITING,
      clock: options.clock,
      log: options.log,
      writers: options.writers ?? procWriters,
      hasJobFor: sighting => options.hasJobFor(sighting),
      onSighting: sighting => options.onSighting(sighting),
    };
    const loop = new InboxLoop(context, this.#ports, {
      scan: folder.scan,
      onFolder: state => options.onFolder?.(folder.inbox, state),
      onFatal: error => {
        if (!options.onFatal) throw error;
        options.onFatal(error);
      },
    });
    return { folder, loop };
  }
}

interface Watched {
  folder: WatchFolder;
  loop: InboxLoop;
}

function isSame(a: WatchFolder | undefined, b: WatchFolder): boolean {
  const [before, after] = [a?.extensions, b.extensions];
  const areTaken = before?.join() === after?.join() && a?.stills === b.stills;
  return a?.inbox === b.inbox && a.settleMs === b.settleMs && a.scan === b.scan && areTaken;
}

/** A link in a text file is one whatever is taken besides. */
function accepting(extensions: readonly string[] | undefined): (name: string) => boolean {
  if (!extensions) return () => true;
  const known = new Set(extensions);
  return name => known.has(extensionOf(name)) || isLinkInText(name);
}

/** A limit keeps thousands of directories from being watched; a person needs to read that only once. */
function logProblems({ log }: WatcherOptions): (problem: WatchProblem) => void {
  const logged = new Set<string>();
  return ({ dir, code, message }) => {
    const sysctl = LIMITS[code];
    if (!sysctl) return log.debug({ dir, code, reason: message }, 'directory cannot be watched');
    if (logged.has(code)) return;
    logged.add(code);
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
