import { basename } from 'node:path';
import { ShrinkError } from '../core/errors.ts';
import { isWithin } from '../core/file-names.ts';
import type { Mount } from '../platform/files/mounts.ts';
import { type InboxContext, type Directory, refuse, relativeOf } from './tracked-file.ts';
import type { Disks } from './guarded-fs.ts';
import { Entries } from './entries.ts';
import type { HintSource } from './change-events.ts';
import { Listing } from './listing.ts';
import type { Pending } from './waiting-files.ts';
import { MountMap } from './mount-map.ts';
import { type FileStat, identityOf } from './file-id.ts';

/** Directories visited side by side: registering a watch waits for the thread pool, listing does not. */
const VISITED_AT_ONCE = 32;
/** More hints than this waiting for one directory, and it is listed instead. */
const MANY_NAMES = 4096;
/** So many empty listings in a row are taken for a mishap of the network, not for an emptied inbox. */
const DOUBTED_EMPTY_READS = 2;

export interface WatchPorts {
  disks: Disks;
  hints: HintSource;
  mounts(): Mount[];
}

export interface ScanScope {
  /** Known files are looked at as well: finds what was overwritten in place without anybody saying so. */
  deep: boolean;
  /** Only directories that are polled. */
  polledOnly: boolean;
}

/** The directories of one inbox and what was last seen in them. Hints say where to look; only listings say what is there. */
export class Tree {
  private readonly context: InboxContext;
  private readonly hints: HintSource;
  private readonly mountMap: MountMap;
  private readonly pending: Pending;
  private readonly listing: Listing;
  private readonly dirs = new Map<string, Directory>();
  private readonly onHint: () => void;
  private dirty = new Map<string, Set<string> | 'all'>();
  /** Directories with files that have to wait for their turn: nothing is kept of those, the directory is listed again. */
  private readonly backlog = new Set<string>();
  private retryHints = true;
  private emptyReads = 0;
  /** A hint said that the inbox itself was moved or deleted. */
  rootMoved = false;

  constructor(context: InboxContext, ports: WatchPorts, pending: Pending, onHint: () => void) {
    this.context = context;
    this.hints = ports.hints;
    this.mountMap = new MountMap(context.inbox, ports.disks, ports.mounts);
    this.pending = pending;
    this.onHint = onHint;
    const entries = new Entries(context, pending, (dir, name) => this.remove(relativeOf(dir, name)));
    this.listing = new Listing({
      pending,
      entries,
      mountMap: this.mountMap,
      onFull: rel => void this.backlog.add(rel),
    });
  }

  get hinted(): boolean {
    return this.dirty.size > 0;
  }

  get hasBacklog(): boolean {
    return this.backlog.size > 0;
  }

  get polled(): boolean {
    return this.dirs.get('')?.kind.polled ?? false;
  }

  get anyPolled(): boolean {
    for (const dir of this.dirs.values()) if (dir.kind.polled) return true;
    return false;
  }

  /** Something changed in a directory; `name` is null where nobody knows what. */
  hint(rel: string, name: string | null): void {
    const names = this.dirty.get(rel);
    if (name === null || (names instanceof Set && names.size >= MANY_NAMES)) this.dirty.set(rel, 'all');
    else if (names === undefined) this.dirty.set(rel, new Set([name]));
    else if (names !== 'all') names.add(name);
    this.onHint();
  }

  /**
   * Lists every directory, and calls `between` after every few, so that files that are waited for are not kept waiting. Rejects
   * when the inbox itself cannot be listed, and then forgets nothing.
   */
  async scan(scope: ScanScope, between: () => Promise<boolean>): Promise<void> {
    await this.mountMap.refresh();
    this.retryHints = true;
    this.rootMoved = false;
    const todo = [''];
    while (todo.length > 0) {
      const batch = todo.splice(-VISITED_AT_ONCE);
      await Promise.all(batch.filter(rel => this.isInScope(rel, scope)).map(rel => this.visit(rel, scope.deep)));
      for (const rel of batch) for (const child of this.childrenOf(rel)) todo.push(child);
      if (!(await between())) return;
    }
  }

  private isInScope(rel: string, scope: ScanScope): boolean {
    return !scope.polledOnly || this.dirs.get(rel)?.kind.polled !== false;
  }

  /** Looks where hints point; goes into directories that are new. */
  async flush(): Promise<void> {
    const dirty = this.dirty;
    this.dirty = new Map();
    for (const [rel, names] of dirty) {
      const dir = this.dirs.get(rel);
      if (!dir) continue;
      const suspects = names === 'all' ? [] : this.suspectsAmong(dir, names);
      if (names === 'all') await this.visit(rel, true);
      else await this.guarded(dir, () => this.listing.look(dir, [...names]));
      await this.enterNew(rel);
      await this.renew(suspects);
    }
  }

  /** A hint that names a known directory, from above or from itself, says that it was made, moved or deleted. */
  private suspectsAmong(dir: Directory, names: ReadonlySet<string>): string[] {
    const rels = [...names].filter(name => dir.children.has(name)).map(name => relativeOf(dir, name));
    return names.has(basename(this.mountMap.realPathOf(dir.rel))) ? [...rels, dir.rel] : rels;
  }

  /** Watches directories anew that may be others than before. */
  private async renew(rels: readonly string[]): Promise<void> {
    for (const rel of rels) {
      const suspect = this.dirs.get(rel);
      if (!suspect) continue;
      suspect.identity = '';
      if (rel === '') this.rootMoved = true;
      else await this.visit(rel, false);
      await this.enterNew(rel);
    }
  }

  /** Takes up files that had to wait, as long as there is room. */
  async takeBacklog(): Promise<void> {
    for (const rel of this.backlog) {
      if (this.pending.isFull) return;
      this.backlog.delete(rel);
      if (!this.dirs.has(rel)) continue;
      await this.visit(rel, false);
      await this.enterNew(rel);
    }
  }

  /** The file is looked at as if it were new. */
  forget(relative: string): void {
    const slash = relative.lastIndexOf('/');
    const [rel, name] = [relative.slice(0, Math.max(0, slash)), relative.slice(slash + 1)];
    const dir = this.dirs.get(rel);
    const file = dir?.files.get(name);
    if (file !== undefined && typeof file !== 'number') this.pending.drop(file);
    dir?.files.delete(name);
    this.hint(rel, name);
  }

  async close(): Promise<void> {
    await Promise.all([...this.dirs.values()].map(async dir => dir.hints?.close()));
    this.dirs.clear();
  }

  private childrenOf(rel: string): string[] {
    const dir = this.dirs.get(rel);
    return dir ? [...dir.children].map(name => relativeOf(dir, name)) : [];
  }

  private async enterNew(rel: string): Promise<void> {
    for (const child of this.childrenOf(rel)) {
      if (this.dirs.has(child)) continue;
      await this.visit(child, false);
      await this.enterNew(child);
    }
  }

  /** Watches, then lists one directory. */
  private visit(rel: string, deep: boolean): Promise<void> {
    const dir = this.dirs.get(rel) ?? this.create(rel);
    return this.guarded(dir, async () => {
      this.updateKind(dir);
      const stat = await this.settleIdentity(dir);
      if (!stat) return this.remove(rel);
      const names = await dir.disk.list(dir.path);
      this.refuseSuddenlyEmpty(dir, names, stat);
      dir.identity = identityOf(stat);
      await this.listing.reconcile(dir, names, deep);
      dir.refused = false;
    });
  }

  /** Problems of the inbox itself are thrown, those of a part of it are dealt with here. */
  private async guarded(dir: Directory, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (dir.rel === '') throw error;
      await this.cannotList(dir, error as NodeJS.ErrnoException);
    }
  }

  private create(rel: string): Directory {
    const kind = this.mountMap.kindAt(rel);
    const path = rel === '' ? this.context.inbox : `${this.context.inbox}/${rel}`;
    const dir: Directory = {
      rel,
      path,
      identity: '',
      kind,
      disk: this.mountMap.diskAt(rel, kind),
      hints: undefined,
      files: new Map(),
      children: new Set(),
      sidecars: new Map(),
      refused: false,
    };
    this.dirs.set(rel, dir);
    return dir;
  }

  private updateKind(dir: Directory): void {
    const kind = this.mountMap.kindAt(dir.rel);
    if (kind.type !== dir.kind.type) dir.kind = kind;
    dir.disk = this.mountMap.diskAt(dir.rel, kind);
  }

  /** Stat of the directory once hints come from this very one; undefined when there is no directory any more. */
  private async settleIdentity(dir: Directory): Promise<FileStat | undefined> {
    const stat = await this.statOf(dir);
    if (!stat) return undefined;
    const same = identityOf(stat) === dir.identity;
    if (same && (dir.hints?.live || !dir.kind.events || !this.retryHints)) return stat;
    await dir.hints?.close();
    dir.hints = undefined;
    if (!dir.kind.events) return stat;
    // Watched before listed: what is created in between is in the listing or in a hint, never in neither.
    // The real path, because chokidar watches a link's folder where it is given a link.
    dir.hints = await this.hints.watch(this.mountMap.realPathOf(dir.rel), name => this.hint(dir.rel, name));
    // Once the limit is reached, one try per scan tells whether it was raised.
    if (!dir.hints.live) this.retryHints = false;
    return this.statOf(dir);
  }

  private async statOf(dir: Directory): Promise<FileStat | undefined> {
    if (dir.rel === '') return this.rootStat(dir);
    const [looked] = await dir.disk.lstat([dir.path]);
    if (looked instanceof Error) throw looked;
    return looked?.isDirectory() ? looked : undefined;
  }

  /** The inbox itself may be a symbolic link. */
  private async rootStat(dir: Directory): Promise<FileStat> {
    const stat = await dir.disk.stat(dir.path);
    if (!stat.isDirectory()) throw unavailable(dir.path, 'it is not a folder');
    return stat;
  }

  /**
   * An inbox that held something and now reads empty on another device is a mount point without its disk, for as long as
   * that lasts; on a network it may be a server that is just starting. A person who moves everything out of a local inbox
   * leaves the device the same.
   */
  private refuseSuddenlyEmpty(dir: Directory, names: readonly string[], stat: FileStat): void {
    if (dir.rel !== '') return;
    const emptied = names.length === 0 && dir.files.size + dir.children.size > 0;
    this.emptyReads = emptied ? this.emptyReads + 1 : 0;
    if (!emptied) return;
    const otherDevice = dir.identity !== '' && dir.identity.split(':')[0] !== String(stat.dev);
    if (otherDevice || (dir.kind.network && this.emptyReads <= DOUBTED_EMPTY_READS)) {
      throw unavailable(dir.path, 'it suddenly reads empty; is its disk or share mounted?');
    }
  }

  private async cannotList(dir: Directory, error: NodeJS.ErrnoException): Promise<void> {
    if (error.code === undefined) throw error;
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return this.remove(dir.rel);
    if (dir.refused) return;
    dir.refused = true;
    const reason = `this folder cannot be listed (${error.code})`;
    this.context.log.warn({ path: dir.path, reason: error.message }, 'part of the inbox cannot be listed');
    const [stat] = error.code === 'unavailable' ? [] : await dir.disk.lstat([dir.path]);
    if (!stat || stat instanceof Error) return;
    const slash = dir.rel.lastIndexOf('/');
    const parent = this.dirs.get(dir.rel.slice(0, Math.max(0, slash)));
    if (parent) refuse(this.context, parent, dir.rel.slice(slash + 1), stat, reason);
  }

  private remove(rel: string): void {
    for (const [key, dir] of this.dirs) {
      if (!isWithin(rel, key)) continue;
      for (const file of dir.files.values()) if (typeof file !== 'number') this.pending.drop(file);
      void dir.hints?.close();
      this.dirs.delete(key);
    }
    const slash = rel.lastIndexOf('/');
    this.dirs.get(rel.slice(0, Math.max(0, slash)))?.children.delete(rel.slice(slash + 1));
  }
}

function unavailable(path: string, why: string): ShrinkError {
  return new ShrinkError('unavailable', why, { doing: 'watching', subject: path });
}
