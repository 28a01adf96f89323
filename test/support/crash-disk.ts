import { basename, dirname } from 'node:path';
import type { JournalFile, JournalFiles } from '../../src/journal/io.ts';

/** Bytes of a file: what a sync has seen, and what was written since. */
interface Inode {
  durable: Buffer;
  live: Buffer;
  /** Where the writes since the last sync begin; undefined while there is nothing to lose. */
  unsyncedFrom: number | undefined;
}

type NameChange =
  | { kind: 'create'; path: string; inode: Inode }
  | { kind: 'rename'; from: string; to: string; inode: Inode }
  | { kind: 'unlink'; path: string };

/** What may have happened to the bytes written since the last sync. */
const FATES = ['kept', 'dropped', 'torn', 'torn at a sector', 'zeroed', 'zeroed end', 'zeroed start'] as const;
type Fate = (typeof FATES)[number];

/** Which bytes come in units: what a disk writes whole or not at all. */
const SECTOR = 512;
/** Name changes between two syncs of which every subset is tried; more than the journal ever has. */
const MAX_CHANGES = 6;

export class Crashed extends Error {
  override readonly name = 'Crashed';
  /** Not an errno the journal would make sense of. */
  readonly code = 'ECRASHED';
}

/**
 * A disk that keeps what was synced, as SQLite's crash tests have it: it stops at a given operation, and then produces every
 * disk a power cut may leave behind - of the bytes written since the last sync all, none, a part, or zeros in their place;
 * of the names made, changed and removed since, any subset.
 */
export class CrashDisk implements JournalFiles {
  /** Operations that change something, in order. */
  readonly operations: string[] = [];
  /** Stops at this operation (from 1), before it is carried out, and does nothing any more. */
  crashAt = Number.POSITIVE_INFINITY;
  /** How this one came to be, for error messages. */
  readonly about: string;
  #names: Map<string, Inode>;
  #durableNames: Map<string, Inode>;
  #changes: NameChange[] = [];
  #crashed = false;

  constructor(files: ReadonlyMap<string, Buffer> = new Map(), about = 'as it was') {
    this.about = about;
    const inode = (bytes: Buffer): Inode => ({ durable: bytes, live: bytes, unsyncedFrom: undefined });
    this.#names = new Map([...files].map(([path, bytes]) => [path, inode(bytes)]));
    this.#durableNames = new Map(this.#names);
  }

  get hasCrashed(): boolean {
    return this.#crashed;
  }

  /** Only the process died: what it wrote is still there for the next one, and not one byte safer than before. */
  revived(): CrashDisk {
    const next = new CrashDisk(new Map(), 'as the killed process left it');
    next.#names = this.#names;
    next.#durableNames = this.#durableNames;
    next.#changes = this.#changes;
    return next;
  }

  /** As a process sees it now. */
  contents(): Map<string, Buffer> {
    return new Map([...this.#names].map(([path, { live }]) => [path, Buffer.from(live)]));
  }

  async list(dir: string): Promise<string[]> {
    this.#alive();
    return [...this.#names.keys()].filter(path => dirname(path) === dir).map(path => basename(path));
  }

  async open(path: string, mode: 'read' | 'update' | 'create'): Promise<JournalFile> {
    this.#alive();
    let inode = this.#names.get(path);
    if (mode === 'create') {
      if (inode) throw errno('EEXIST', path);
      this.#enter('create', path);
      inode = { durable: Buffer.alloc(0), live: Buffer.alloc(0), unsyncedFrom: undefined };
      this.#names.set(path, inode);
      this.#changes.push({ kind: 'create', path, inode });
    }
    if (!inode) throw errno('ENOENT', path);
    return this.#handle(inode, path);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#enter('rename', `${from} -> ${to}`);
    const inode = this.#names.get(from);
    if (!inode) throw errno('ENOENT', from);
    this.#names.delete(from);
    this.#names.set(to, inode);
    this.#changes.push({ kind: 'rename', from, to, inode });
  }

  async unlink(path: string): Promise<void> {
    this.#enter('unlink', path);
    if (!this.#names.delete(path)) throw errno('ENOENT', path);
    this.#changes.push({ kind: 'unlink', path });
  }

  async syncDir(dir: string): Promise<void> {
    this.#enter('syncDir', dir);
    this.#durableNames = new Map(this.#names);
    this.#changes = [];
  }

  #handle(inode: Inode, path: string): JournalFile {
    return {
      read: async (into, position) => {
        this.#alive();
        return inode.live.copy(into, 0, position);
      },
      write: async (bytes, position) => {
        this.#enter('write', path);
        const grown = Buffer.alloc(Math.max(inode.live.length, position + bytes.length));
        inode.live.copy(grown);
        grown.set(bytes, position);
        const changed = firstDifference(inode.live, grown, position);
        if (changed < grown.length) inode.unsyncedFrom = Math.min(inode.unsyncedFrom ?? changed, changed);
        inode.live = grown;
        return bytes.length;
      },
      truncate: async length => {
        this.#enter('truncate', path);
        inode.live = Buffer.from(inode.live.subarray(0, length));
        inode.unsyncedFrom = Math.min(inode.unsyncedFrom ?? length, length);
      },
      datasync: async () => {
        this.#enter('datasync', path);
        inode.durable = inode.live;
        inode.unsyncedFrom = undefined;
      },
      close: async () => {},
    };
  }

  #alive(): void {
    if (this.#crashed) throw new Crashed();
  }

  #enter(operation: string, path: string): void {
    this.#alive();
    this.operations.push(`${operation} ${path}`);
    if (this.operations.length < this.crashAt) return;
    this.#crashed = true;
    throw new Crashed();
  }

  /** Every disk that may be found after a power cut now. */
  *afterPowerCut(): Generator<CrashDisk> {
    for (const [names, lost] of this.#namings()) {
      const unsynced = [...names].filter(([, inode]) => inode.unsyncedFrom !== undefined);
      for (const fates of combinations(unsynced.map(() => FATES))) {
        const files = new Map([...names].map(([path, { durable }]) => [path, durable]));
        const told = unsynced.map(([path, inode], n) => {
          files.set(path, bytesAfter(inode, fates[n] ?? 'kept'));
          return `${basename(path)} ${fates[n]}`;
        });
        yield new CrashDisk(files, [...lost, ...told].join(', ') || 'everything synced');
      }
    }
  }

  /** Any subset of the changes of names may be there, in their order. */
  *#namings(): Generator<[Map<string, Inode>, string[]]> {
    const changes = this.#changes.slice(-MAX_CHANGES);
    for (let subset = 0; subset < 1 << changes.length; subset += 1) {
      const names = new Map(this.#durableNames);
      const lost: string[] = [];
      changes.forEach((change, n) => {
        if (subset & (1 << n)) applyTo(names, change);
        else lost.push(`no ${change.kind} of ${basename(change.kind === 'rename' ? change.to : change.path)}`);
      });
      yield [names, lost];
    }
  }
}

function applyTo(names: Map<string, Inode>, change: NameChange): void {
  if (change.kind === 'unlink') names.delete(change.path);
  else if (change.kind === 'create') names.set(change.path, change.inode);
  else {
    names.delete(change.from);
    names.set(change.to, change.inode);
  }
}

/** The same bytes written once more lose nothing. */
function firstDifference(before: Buffer, after: Buffer, from: number): number {
  let at = from;
  while (at < before.length && before[at] === after[at]) at += 1;
  return at;
}

function bytesAfter({ durable, live, unsyncedFrom = live.length }: Inode, fate: Fate): Buffer {
  const cut = (length: number) => Buffer.from(live.subarray(0, length));
  const middle = (unsyncedFrom + live.length) >> 1;
  switch (fate) {
    case 'kept':
      return live;
    case 'dropped':
      return durable;
    case 'torn':
      return cut(middle);
    case 'torn at a sector':
      return cut(Math.max(unsyncedFrom, Math.floor(live.length / SECTOR) * SECTOR));
    case 'zeroed':
      return Buffer.from(live).fill(0, unsyncedFrom);
    case 'zeroed end':
      return Buffer.from(live).fill(0, middle);
    case 'zeroed start':
      return Buffer.from(live).fill(0, unsyncedFrom, middle);
  }
}

function* combinations<T>(choices: readonly (readonly T[])[]): Generator<T[]> {
  const [first, ...rest] = choices;
  if (!first) return yield [];
  for (const one of first) for (const others of combinations(rest)) yield [one, ...others];
}

function errno(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
