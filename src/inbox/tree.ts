import { basename } from 'node:path';
import { Sidecars } from './sidecars.ts';
import { ShrinkError } from '../core/errors.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { isWithin } from '../core/file-names.ts';
import type { Mount } from '../platform/files/mounts.ts';
import type { ChangeEvents } from './change-events.ts';
import { type FileStat, identityOf } from './file-id.ts';
import type { FileSystems } from './guarded-fs.ts';
import { Listing } from './listing.ts';
import { MountMap } from './mount-map.ts';
import { type Directory, type InboxContext, refuse, relativeOf, splitRelative, dropLeftAlone } from './tracked-file.ts';
import type { WaitingFiles } from './waiting-files.ts';

/** Directories visited concurrently: registering a watch waits for the thread pool, listing does not. */
const VISITED_AT_ONCE = 32;
/** With more changed names than this, the whole directory is listed instead. */
const MAX_CHANGED_NAMES = 4096;
/** This many empty listings in a row are blamed on the network rather than on an emptied inbox. */
const DOUBTED_EMPTY_READS = 2;

/** What connects an inbox to the system; replaced in tests. */
export interface WatchPorts {
  fileSystems: FileSystems;
  changeEvents: ChangeEvents;
  mounts(): Mount[];
}

export interface ScanScope {
  /** Known files are checked as well: finds what was overwritten in place without an event. */
  deep: boolean;
  /** Only polled directories. */
  polledOnly: boolean;
}

/** The directories of one inbox and their last known content. Events only say where to look; listings say what is there. */
export class Tree {
  readonly #context: InboxContext;
  readonly #changeEvents: ChangeEvents;
  readonly #mountMap: MountMap;
  readonly #waiting: WaitingFiles;
  readonly #listing: Listing;
  readonly #dirs = new Map<string, Directory>();
  readonly #onChange: () => void;
  /** Names that events reported, by directory. */
  #changed = new Map<string, Set<string> | 'all'>();
  /** Directories whose files have to wait their turn: those are not recorded, the directory is listed again. */
  readonly #backlog = new Set<string>();
  #retryWatches = true;
  #emptyReads = 0;
  #rootMoved = false;

  constructor(context: InboxContext, ports: WatchPorts, waiting: WaitingFiles, onChange: () => void) {
    this.#context = context;
    this.#changeEvents = ports.changeEvents;
    this.#mountMap = new MountMap(context.inbox, ports.fileSystems, ports.mounts);
    this.#waiting = waiting;
    this.#onChange = onChange;
    this.#listing = new Listing({
      context,
      waiting,
      mountMap: this.#mountMap,
      onFull: rel => void this.#backlog.add(rel),
      onGone: rel => this.#remove(rel),
    });
  }

  get hasChanges(): boolean {
    return this.#changed.size > 0;
  }

  get hasBacklog(): boolean {
    return this.#backlog.size > 0;
  }

  /** An event reported that the inbox itself was moved or deleted. */
  get rootMoved(): boolean {
    return this.#rootMoved;
  }

  get polled(): boolean {
    return this.#dirs.get('')?.kind.polled ?? false;
  }

  /** How many entries of each kind are left alone, in the whole inbox. */
  get leftAlone(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { leftAlone } of this.#dirs.values()) {
      for (const [kind, { size }] of leftAlone) if (size > 0) counts.set(kind, (counts.get(kind) ?? 0) + size);
    }
    return counts;
  }

  get anyPolled(): boolean {
    for (const dir of this.#dirs.values()) if (dir.kind.polled) return true;
    return false;
  }

  /** Something changed in a directory; `name` is null if it is unknown what. */
  markChanged(rel: string, name: string | null): void {
    const names = this.#changed.get(rel);
    if (name === null || (names instanceof Set && names.size >= MAX_CHANGED_NAMES)) this.#changed.set(rel, 'all');
    else if (names === undefined) this.#changed.set(rel, new Set([name]));
    else if (names !== 'all') names.add(name);
    this.#onChange();
  }

  /**
   * Lists every directory. Calls `afterBatch` after every few of them, so that pending files are not delayed; the scan ends
   * if it returns false. Rejects if the inbox itself cannot be listed, and then forgets nothing.
   */
  async scan(scope: ScanScope, afterBatch: () => Promise<boolean>): Promise<void> {
    await this.#mountMap.refresh();
    this.#retryWatches = true;
    this.#rootMoved = false;
    const todo = [''];
    while (todo.length > 0) {
      const batch = todo.splice(-VISITED_AT_ONCE);
      await Promise.all(batch.filter(rel => this.#isInScope(rel, scope)).map(rel => this.#visit(rel, scope.deep)));
      for (const rel of batch) for (const child of this.#childrenOf(rel)) todo.push(child);
      if (!(await afterBatch())) return;
    }
  }

  #isInScope(rel: string, scope: ScanScope): boolean {
    return !scope.polledOnly || this.#dirs.get(rel)?.kind.polled !== false;
  }

  /** Checks what events reported, and enters new directories. */
  async checkChanges(): Promise<void> {
    const changed = this.#changed;
    this.#changed = new Map();
    for (const [rel, names] of changed) {
      const dir = this.#dirs.get(rel);
      if (!dir) continue;
      const replaced = names === 'all' ? [] : this.#maybeReplaced(dir, names);
      if (names === 'all') await this.#visit(rel, true);
      else await this.#contained(dir, () => this.#listing.checkNames(dir, [...names]));
      await this.#enterNew(rel);
      await this.#renew(replaced);
    }
  }

  /** An event that names a known directory, from its parent or from itself, means that it was created, moved or deleted. */
  #maybeReplaced(dir: Directory, names: ReadonlySet<string>): string[] {
    const rels = [...names].filter(name => dir.children.has(name)).map(name => relativeOf(dir, name));
    return names.has(basename(this.#mountMap.realPathOf(dir.rel))) ? [...rels, dir.rel] : rels;
  }

  /** Sets up new watches on directories that may have been replaced. */
  async #renew(rels: readonly string[]): Promise<void> {
    for (const rel of rels) {
      const dir = this.#dirs.get(rel);
      if (!dir) continue;
      dir.identity = '';
      if (rel === '') this.#rootMoved = true;
      else await this.#visit(rel, false);
      await this.#enterNew(rel);
    }
  }

  /** Adds files that had to wait their turn, as long as there is room. */
  async takeBacklog(): Promise<void> {
    for (const rel of this.#backlog) {
      if (this.#waiting.isFull) return;
      this.#backlog.delete(rel);
      if (!this.#dirs.has(rel)) continue;
      await this.#visit(rel, false);
      await this.#enterNew(rel);
    }
  }

  /** Treats the file as new. */
  forget(relative: string): void {
    const { rel, name } = splitRelative(relative);
    const dir = this.#dirs.get(rel);
    const file = dir?.files.get(name);
    if (file !== undefined && typeof file !== 'number') this.#waiting.drop(file);
    dir?.files.delete(name);
    if (dir) dropLeftAlone(dir, name);
    this.markChanged(rel, name);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#dirs.values()].map(async dir => dir.watch?.close()));
    this.#dirs.clear();
  }

  #childrenOf(rel: string): string[] {
    const dir = this.#dirs.get(rel);
    return dir ? [...dir.children].map(name => relativeOf(dir, name)) : [];
  }

  async #enterNew(rel: string): Promise<void> {
    for (const child of this.#childrenOf(rel)) {
      if (this.#dirs.has(child)) continue;
      await this.#visit(child, false);
      await this.#enterNew(child);
    }
  }

  /** Watches, then lists one directory. */
  #visit(rel: string, deep: boolean): Promise<void> {
    const dir = this.#dirs.get(rel) ?? this.#create(rel);
    return this.#contained(dir, async () => {
      this.#updateKind(dir);
      const stat = await this.#watchDirectory(dir);
      if (!stat) return this.#remove(rel);
      const names = await dir.fs.list(dir.path);
      if (rel === '') this.#refuseSuddenlyEmpty(dir, names, stat);
      dir.identity = identityOf(stat);
      await this.#listing.reconcile(dir, names, deep);
      dir.refused = false;
    });
  }

  /** Throws errors of the inbox itself; those of a directory in it are handled here. */
  async #contained(dir: Directory, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (dir.rel === '') throw error;
      await this.#cannotList(dir, error as NodeJS.ErrnoException);
    }
  }

  #create(rel: string): Directory {
    const kind = this.#mountMap.kindAt(rel);
    const path = rel === '' ? this.#context.inbox : `${this.#context.inbox}/${rel}`;
    const dir: Directory = {
      rel,
      path,
      identity: '',
      kind,
      fs: this.#mountMap.fsAt(rel, kind),
      watch: undefined,
      files: new Map(),
      children: new Set(),
      leftAlone: new Map(),
      sidecars: new Sidecars(),
      refused: false,
    };
    this.#dirs.set(rel, dir);
    return dir;
  }

  #updateKind(dir: Directory): void {
    const kind = this.#mountMap.kindAt(dir.rel);
    if (kind.type !== dir.kind.type) dir.kind = kind;
    dir.fs = this.#mountMap.fsAt(dir.rel, kind);
  }

  /** The directory's stat once events come from this very directory; undefined if it no longer exists. */
  async #watchDirectory(dir: Directory): Promise<FileStat | undefined> {
    const stat = await this.#statOf(dir);
    if (!stat) return undefined;
    const isSame = identityOf(stat) === dir.identity;
    if (isSame && (dir.watch?.live || !dir.kind.events || !this.#retryWatches)) return stat;
    await dir.watch?.close();
    dir.watch = undefined;
    if (!dir.kind.events) return stat;
    // Watched before listed: anything created in between is in the listing or in an event, or both.
    // The real path, because chokidar, given a link, watches the link's folder.
    dir.watch = await this.#changeEvents.watch(this.#mountMap.realPathOf(dir.rel), name =>
      this.markChanged(dir.rel, name),
    );
    // Once the limit is reached, one attempt per scan shows whether it was raised.
    if (!dir.watch.live) this.#retryWatches = false;
    return this.#statOf(dir);
  }

  async #statOf(dir: Directory): Promise<FileStat | undefined> {
    if (dir.rel === '') return this.#rootStat(dir);
    const [found] = await dir.fs.lstat([dir.path]);
    if (found instanceof Error) throw found;
    return found?.isDirectory() ? found : undefined;
  }

  /** The inbox itself may be a symbolic link. */
  async #rootStat(dir: Directory): Promise<FileStat> {
    const stat = await dir.fs.stat(dir.path);
    if (!stat.isDirectory()) throw unavailable(dir.path, say('inbox.not-a-folder'));
    return stat;
  }

  /**
   * An inbox that held something and is now empty on another device is a mount point without its disk, for as long as that
   * lasts; on a network it may be a server that is still starting. A person who empties a local inbox does not change its
   * device.
   */
  #refuseSuddenlyEmpty(dir: Directory, names: readonly string[], stat: FileStat): void {
    const isEmptied = names.length === 0 && dir.files.size + dir.children.size > 0;
    this.#emptyReads = isEmptied ? this.#emptyReads + 1 : 0;
    if (!isEmptied) return;
    const isOtherDevice = dir.identity !== '' && dir.identity.split(':')[0] !== String(stat.dev);
    if (isOtherDevice || (dir.kind.network && this.#emptyReads <= DOUBTED_EMPTY_READS)) {
      throw unavailable(dir.path, say('inbox.suddenly-empty'));
    }
  }

  async #cannotList(dir: Directory, error: NodeJS.ErrnoException): Promise<void> {
    if (error.code === undefined) throw error;
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return this.#remove(dir.rel);
    if (dir.refused) return;
    dir.refused = true;
    this.#context.log.warn({ path: dir.path, reason: error.message }, 'part of the inbox cannot be listed');
    const [stat] = error.code === 'unavailable' ? [] : await dir.fs.lstat([dir.path]);
    if (!stat || stat instanceof Error) return;
    const { rel, name } = splitRelative(dir.rel);
    const parent = this.#dirs.get(rel);
    if (parent) refuse(this.#context, { dir: parent, name, stat }, say('inbox.cannot-list', { errno: error.code }));
  }

  #remove(rel: string): void {
    for (const [key, dir] of this.#dirs) {
      if (!isWithin(rel, key)) continue;
      for (const file of dir.files.values()) if (typeof file !== 'number') this.#waiting.drop(file);
      void dir.watch?.close();
      this.#dirs.delete(key);
    }
    const { rel: parent, name } = splitRelative(rel);
    this.#dirs.get(parent)?.children.delete(name);
  }
}

function unavailable(path: string, why: Sentence): ShrinkError {
  return new ShrinkError('unavailable', why, { doing: 'watching', subject: path });
}
