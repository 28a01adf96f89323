import { namedPath } from './named-path.ts';
import { type Files, nodeFiles, type OpenFile, type OpenMode } from '../../src/platform/files/files.ts';

export type Operation =
  | keyof Files
  | 'read'
  | 'write'
  | 'handle stat'
  | 'utimes'
  | 'chmod'
  | 'sync'
  | 'sync folder'
  | 'close'
  | 'journal';

const LOOKS: ReadonlySet<Operation> = new Set<Operation>([
  'lstat',
  'stat',
  'readdir',
  'statfs',
  'read',
  'handle stat',
  'close',
]);

export interface Call {
  operation: Operation;
  path: string;
  /** Set where something is opened that is there already. */
  onlyLooks?: boolean;
}

/**
 * A file system that fails where a test says: the nth call of an operation, or everything from the nth call on, as a
 * process that was killed there would see it. Records every call in order.
 */
export class FailingFiles implements Files {
  readonly calls: Call[] = [];
  readonly #files: Files;
  readonly #faults: { operation: Operation; nth: number; errno: string; forever: boolean; suffix: string }[] = [];
  #crashAt = Number.POSITIVE_INFINITY;

  constructor(files: Files = nodeFiles) {
    this.#files = files;
  }

  /** The nth (1-based) call of `operation`, of those on paths that end in `on`, fails with `errno`; `forever`: and all later. */
  fail(operation: Operation, errno: string, options: { nth?: number; forever?: boolean; on?: string } = {}): this {
    const { nth = 1, forever = false, on = '' } = options;
    this.#faults.push({ operation, nth, errno, forever, suffix: on });
    return this;
  }

  /**
   * The nth (1-based) call that changes something, and everything after it, fails without being carried out. A crash at a
   * call that only looks leaves the same disk behind as one at the next change.
   */
  crashAt(nth: number): this {
    this.#crashAt = nth;
    return this;
  }

  get hasCrashed(): boolean {
    return this.changes.length >= this.#crashAt;
  }

  /** The calls that change something or make it durable. */
  get changes(): Call[] {
    return this.calls.filter(call => !call.onlyLooks && !LOOKS.has(call.operation));
  }

  /** Notes a step that is not a file's, so that the order of both is seen and a crash can fall on it. */
  async note(operation: Operation, path: string): Promise<void> {
    this.#enter(operation, path);
  }

  lstat = (path: string) => this.#do('lstat', path, () => this.#files.lstat(path));
  stat = (path: string) => this.#do('stat', path, () => this.#files.stat(path));
  readdir = (path: string) => this.#do('readdir', path, () => this.#files.readdir(path));
  mkdir = (path: string) => this.#do('mkdir', path, () => this.#files.mkdir(path));
  link = (from: string, to: string) => this.#do('link', to, () => this.#files.link(from, to));
  rename = (from: string, to: string) => this.#do('rename', to, () => this.#files.rename(from, to));
  unlink = (path: string) => this.#do('unlink', path, () => this.#files.unlink(path));
  statfs = (path: string) => this.#do('statfs', path, () => this.#files.statfs(path));

  open = async (at: string, how: OpenMode, mode?: number): Promise<OpenFile> => {
    const path = namedPath(at);
    this.#enter('open', path, how !== 'wx');
    const handle = await this.#files.open(at, how, mode);
    const isFolder = (await handle.stat()).isDirectory();
    return {
      fd: handle.fd,
      read: (...args) => this.#do('read', path, () => handle.read(...args)),
      write: (...args) => this.#do('write', path, () => handle.write(...args)),
      stat: () => this.#do('handle stat', path, () => handle.stat()),
      utimes: (...args) => this.#do('utimes', path, () => handle.utimes(...args)),
      chmod: mode => this.#do('chmod', path, () => handle.chmod(mode)),
      sync: () => this.#do(isFolder ? 'sync folder' : 'sync', path, () => handle.sync()),
      close: async () => {
        // A killed process closes its files too; otherwise the test would leak them.
        await handle.close();
        this.#enter('close', path);
      },
    };
  };

  async #do<T>(operation: Operation, path: string, act: () => Promise<T>): Promise<T> {
    this.#enter(operation, namedPath(path));
    return act();
  }

  #enter(operation: Operation, path: string, onlyLooks = false): void {
    this.calls.push({ operation, path, ...(onlyLooks && { onlyLooks }) });
    // What was once down stays down, whatever kind of call comes next.
    if (this.hasCrashed) throw errnoError('EIO', operation, path);
    for (const fault of this.#faults) {
      if (fault.operation !== operation || !path.endsWith(fault.suffix)) continue;
      fault.nth -= 1;
      if (fault.nth === 0 || (fault.nth < 0 && fault.forever)) throw errnoError(fault.errno, operation, path);
    }
  }
}

export function errnoError(code: string, syscall: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: made to fail, ${syscall} '${path}'`), { code, syscall, path });
}
