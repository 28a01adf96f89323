import { FSWatcher } from 'chokidar';

/** Told that something in a directory changed; `name` is the entry, or null where the system does not say. */
export type OnHint = (name: string | null) => void;

export interface DirectoryHints {
  /** False: this directory gives no hints (limit reached, not watchable); only scans see it. */
  readonly live: boolean;
  close(): Promise<void>;
}

/** Where hints come from. They may be late, doubled, wrong or missing: the scan is the truth. */
export interface HintSource {
  /** Resolves once changes in `dir` are reported, or cannot be. Never rejects. */
  watch(dir: string, onHint: OnHint): Promise<DirectoryHints>;
}

export interface HintProblem {
  dir: string;
  code: string;
  message: string;
}

/** chokidar, held to one inotify watch per directory. `onProblem` hears why a directory gives no hints. */
export function chokidarHints(onProblem: (problem: HintProblem) => void): HintSource {
  return {
    watch: (dir, onHint) =>
      new Promise(resolve => {
        const watcher = new DirectoryOnly({ followSymlinks: false, atomic: false, ignoreInitial: true });
        const hints = {
          live: true,
          close: async () => {
            await watcher.close();
            // close() took our listener away, and an error nobody listens to is thrown.
            watcher.on('error', () => {});
          },
        };
        watcher.on('error', error => {
          hints.live = false;
          const { code, message } = error as NodeJS.ErrnoException;
          onProblem({ dir, code: code ?? 'unknown', message });
        });
        watcher.on('raw', (_event, name) => onHint(typeof name === 'string' ? name : null));
        watcher.once('ready', () => resolve(hints));
        watcher.add(dir);
      }),
  };
}

/**
 * chokidar 5 lists a directory, stats every entry and watches each file by itself, before it watches the directory and again
 * on every event. `ignored` spares the watches but not the work: 100,000 files took 2.4 s and 263 MB that way, 0.2 s and
 * 63 MB without the listing. Only `raw` events are wanted here, so each of its listings is told that another one runs.
 */
class DirectoryOnly extends FSWatcher {
  override _throttle(): false {
    return false;
  }
}
