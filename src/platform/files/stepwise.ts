/**
 * Looks that cannot hang, although they are synchronous (Linux). Whoever has a folder in an inbox may mount something there at
 * any moment, and a path that is looked up whole would ask that mount. So a path is followed one name at a time: O_PATH
 * opens a name without asking what is there, and fdinfo says which mount that is on before anything is asked.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { throughDescriptor } from './files.ts';
import { kindOfType } from './fs-types.ts';
import { type Mount, mountOf } from './mounts.ts';

/** Not in `fs.constants`, and the same number wherever Node runs on Linux. */
const O_PATH = 0o10000000;
/** What the kernel allows in one path. Whoever opens the file later has to give it whole. */
const MAX_LINKS = 40;
const MAX_PATH_BYTES = 4095;

interface Local {
  fd: number;
}

/** A mount that must not be asked synchronously; undefined if it is gone from the list already. */
export interface Elsewhere {
  fd: undefined;
  mount: Mount | undefined;
}

/** What a path leads to: something local that is open for looks alone, or a mount that may hang. */
type Reached = Local | Elsewhere;

export function isElsewhere(found: unknown): found is Elsewhere {
  return found !== null && typeof found === 'object' && 'mount' in found;
}

/** Follows absolute paths, believing one list of mounts; to be closed. Throws Node's errno errors, with the path as given. */
export class Stepwise {
  readonly #readMounts: () => readonly Mount[];
  #mounts: readonly Mount[];
  /** Where the last path was: most calls ask about many names of one folder. */
  #folder: { named: string; reached: Reached } | undefined;
  #linksLeft = MAX_LINKS;

  constructor(readMounts: () => readonly Mount[]) {
    this.#readMounts = readMounts;
    this.#mounts = readMounts();
  }

  /** @param follows whether a last link is followed; otherwise it is what `act` gets */
  at<T>(path: string | Buffer, follows: boolean, act: (reached: Reached) => T): T {
    return this.#naming(path, () => {
      if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw errno('ENAMETOOLONG', 'name too long');
      const [folder, name] = splitLast(path);
      const above = this.#enter(folder);
      return above.fd === undefined ? act(above) : holding(this.#step(above, name, follows), act);
    });
  }

  /** The text of a link. */
  readlink(path: string): string | Elsewhere {
    return this.#naming(path, () => {
      const [folder, name] = splitLast(path);
      const above = this.#enter(folder);
      return above.fd === undefined ? above : readlinkSync(below(above, name));
    });
  }

  close(): void {
    if (this.#folder?.reached.fd !== undefined) closeSync(this.#folder.reached.fd);
    this.#folder = undefined;
  }

  #naming<T>(path: string | Buffer, act: () => T): T {
    this.#linksLeft = MAX_LINKS;
    try {
      return act();
    } catch (error) {
      if (error instanceof Error) error.message = error.message.replace(/\/proc\/self\/fd\/\d+[^']*/, path.toString());
      throw error;
    }
  }

  #enter(named: string): Reached {
    if (this.#folder?.named !== named) {
      this.close();
      this.#folder = { named, reached: this.#follow(...this.#start(named)) };
    }
    return this.#folder.reached;
  }

  /** From the root, or where that must not be asked, from a local disk above the path. */
  #start(named: string): [Reached, string] {
    const root = this.#open('/');
    const mount = mountOf(this.#mounts, named);
    const isBehind = root.fd === undefined && mount !== undefined && !kindOfType(mount.type).polled;
    return isBehind ? [this.#open(mount.point), named.slice(mount.point.length)] : [root, named];
  }

  /** Takes over what is open in `from`. */
  #follow(from: Reached, way: string): Reached {
    return way.split('/').reduce<Reached>((at, name) => {
      if (at.fd === undefined || name === '' || name === '.') return at;
      return holding(at, above => this.#step(above, name, true));
    }, from);
  }

  #step(above: Local, name: string | Buffer, follows: boolean): Reached {
    const at = below(above, name);
    const next = this.#open(at);
    if (next.fd === undefined || !follows || !fstatSync(next.fd).isSymbolicLink()) return next;
    closeSync(next.fd);
    this.#linksLeft -= 1;
    if (this.#linksLeft < 0) throw errno('ELOOP', 'too many links');
    const target = readlinkSync(at);
    return this.#follow(this.#open(target.startsWith('/') ? '/' : below(above, '.')), target);
  }

  #open(at: string | Buffer): Reached {
    const fd = openSync(at, O_PATH | constants.O_NOFOLLOW);
    const mount = this.#mountOf(fd);
    if (mount && !kindOfType(mount.type).polled) return { fd };
    closeSync(fd);
    return { fd: undefined, mount };
  }

  #mountOf(fd: number): Mount | undefined {
    const id = Number(/^mnt_id:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]);
    const known = this.#mounts.find(mount => mount.id === id);
    if (known) return known;
    this.#mounts = this.#readMounts();
    return this.#mounts.find(mount => mount.id === id);
  }
}

function splitLast(path: string | Buffer): [folder: string, name: string | Buffer] {
  const at = path.lastIndexOf('/');
  return typeof path === 'string'
    ? [path.slice(0, at), path.slice(at + 1)]
    : [path.subarray(0, at).toString(), path.subarray(at + 1)];
}

function below({ fd }: Local, name: string | Buffer): string | Buffer {
  const at = `${throughDescriptor(fd)}/`;
  return typeof name === 'string' ? at + name : Buffer.concat([Buffer.from(at), name]);
}

function holding<R extends Reached, T>(reached: R, act: (reached: R) => T): T {
  try {
    return act(reached);
  } finally {
    if (reached.fd !== undefined) closeSync(reached.fd);
  }
}

function errno(code: string, words: string): Error {
  return Object.assign(new Error(`${code}: ${words}`), { code });
}
