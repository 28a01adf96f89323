import { FSWatcher } from 'chokidar';

/** Something in a directory changed; `name` is the entry, or null if the system does not say. */
export type OnChange = (name: string | null) => void;

export interface DirectoryWatch {
  /** False: this directory reports nothing (limit reached, not watchable); only scans see its changes. */
  readonly live: boolean;
  close(): Promise<void>;
}

/** Reports of changes. They may be late, duplicated, wrong or missing: only a scan tells the truth. */
export interface ChangeEvents {
  /**
   * Resolves once changes in `dir` are reported, or cannot be. Never rejects. `dir` must not be a symbolic link. A directory
   * with a backslash in its path reports nothing (chokidar treats it as a slash).
   */
  watch(dir: string, onChange: OnChange): Promise<DirectoryWatch>;
}

export interface WatchProblem {
  dir: string;
  code: string;
  message: string;
}

/**
 * chokidar, limited to one inotify watch per directory. `onProblem` receives why a directory reports nothing. Directories
 * requested in the same turn of the event loop share one FSWatcher, to save memory.
 */
export function chokidarEvents(onProblem: (problem: WatchProblem) => void): ChangeEvents {
  let gathering: WatchGroup | undefined;
  return {
    async watch(dir, onChange) {
      if (gathering === undefined || gathering.has(dir)) {
        const group = new WatchGroup(onProblem);
        gathering = group;
        setImmediate(() => {
          if (gathering === group) gathering = undefined;
          group.begin();
        });
      }
      const group = gathering;
      group.add(dir, onChange);
      await group.ready;
      return {
        get live() {
          return group.isLive(dir);
        },
        close: () => group.remove(dir),
      };
    },
  };
}

/** Directories that share an FSWatcher. */
class WatchGroup {
  readonly ready: Promise<void>;
  readonly #watcher = new DirectoryOnly({ followSymlinks: false, atomic: false, ignoreInitial: true });
  readonly #listeners = new Map<string, OnChange>();
  readonly #dead = new Set<string>();

  constructor(onProblem: (problem: WatchProblem) => void) {
    this.ready = new Promise(resolve => this.#watcher.once('ready', resolve));
    this.#watcher.on('error', error => {
      const { code = 'unknown', message, path = '' } = error as NodeJS.ErrnoException;
      this.#dead.add(path);
      onProblem({ dir: path, code, message });
    });
    this.#watcher.on('raw', (_event, name: string | null, details) => {
      const { watchedPath } = details as { watchedPath: string };
      this.#listeners.get(watchedPath)?.(name);
    });
  }

  has(dir: string): boolean {
    return this.#listeners.has(dir);
  }

  isLive(dir: string): boolean {
    return this.#listeners.has(dir) && !this.#dead.has(dir);
  }

  add(dir: string, onChange: OnChange): void {
    this.#listeners.set(dir, onChange);
  }

  begin(): void {
    this.#watcher.add([...this.#listeners.keys()]);
  }

  async remove(dir: string): Promise<void> {
    if (!this.#listeners.delete(dir)) return;
    if (this.#listeners.size > 0) return void this.#watcher.unwatch(dir);
    await this.#watcher.close();
    // close() removed our listener, and an error event without a listener is thrown.
    this.#watcher.on('error', () => {});
  }
}

/**
 * chokidar 5 lists a directory, stats every entry and watches each file before it watches the directory, and again on every
 * event; `ignored` avoids the watches but not the work. Only `raw` events are wanted here, so `_throttle`
 * answers that a listing is already running.
 */
class DirectoryOnly extends FSWatcher {
  override _throttle(): false {
    return false;
  }
}
