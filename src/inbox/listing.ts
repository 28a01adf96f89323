import { dirname, resolve } from 'node:path';
import { isShrinkError } from '../core/errors.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { isWithin } from '../core/file-names.ts';
import { type FileStat, pinKey } from './file-id.ts';
import type { LstatResult } from './guarded-fs.ts';
import {
  isLinkInText,
  mediaNameOf,
  misnamedInstructions,
  reasonToIgnoreFile,
  reasonToIgnoreFolder,
  sidecarNameOf,
} from './ignored-names.ts';
import type { MountMap } from './mount-map.ts';
import { instructionBeside } from './report.ts';
import {
  type Directory,
  type Entry,
  dropLeftAlone,
  type InboxContext,
  kindOf,
  pathOf,
  refuse,
  relativeOf,
  sidecarOf,
  sightingOf,
  SPECIAL_KINDS,
} from './tracked-file.ts';
import type { WaitingFiles } from './waiting-files.ts';

/** In place of a pin key for what cannot be looked at. */
const UNSEEN = -1;
/** Names per lstat batch. */
const CHUNK = 256;
/** So that somebody who makes links all day fills neither the memory nor the log. */
const MAX_TOLD = 100;

export interface ListingOptions {
  context: InboxContext;
  waiting: WaitingFiles;
  mountMap: MountMap;
  /** A directory has more files than can be tracked now. */
  onFull(rel: string): void;
  /** A directory, with everything below it, is gone or became something else. */
  onGone(rel: string): void;
}

/**
 * Decides which names of a directory need an lstat, and what each turns out to be: a file to wait for, a directory to enter,
 * an instruction beside a file, or nothing.
 */
export class Listing {
  readonly #context: InboxContext;
  readonly #waiting: WaitingFiles;
  readonly #mountMap: MountMap;
  /** Paths of instructions that are not read, and about which that was said. */
  readonly #told = new Set<string>();
  /** The same of links, pipes and other special files. */
  readonly #linksTold = new Set<string>();
  readonly #onFull: (rel: string) => void;
  readonly #onGone: (rel: string) => void;

  constructor(options: ListingOptions) {
    this.#context = options.context;
    this.#waiting = options.waiting;
    this.#mountMap = options.mountMap;
    this.#onFull = rel => options.onFull(rel);
    this.#onGone = rel => options.onGone(rel);
  }

  /** Compares a listing with what is known about the directory, and checks the new names, or all of them if `deep`. */
  async reconcile(dir: Directory, names: readonly string[], deep: boolean): Promise<void> {
    const { fresh, again, sidecars, matched } = this.#sort(dir, names, deep);
    if (matched < dir.files.size + dir.children.size) await this.#dropMissing(dir, new Set(names));
    this.#dropMissingSidecars(dir, new Set(sidecars));
    const unseen = sidecars.filter(name => dir.sidecars.keyOf(name) === undefined);
    await this.#checkSidecars(dir, deep ? sidecars : unseen);
    this.#tellMisnamed(dir, names);
    await this.#check(dir, again);
    await this.#addNew(dir, fresh);
  }

  /** Checks the names that events reported. Pending files are sampled anyway. */
  async checkNames(dir: Directory, names: readonly string[]): Promise<void> {
    const plain: string[] = [];
    const sidecars = new Set<string>();
    const beside = new Set<string>();
    const inLowerCase = lowered(() => dir.files.keys());
    for (const name of names) {
      const file = dir.files.get(name);
      if (file !== undefined && !isDone(file)) continue;
      if (isIgnored(name)) continue;
      if (isSidecar(name, inLowerCase)) sidecars.add(name);
      else plain.push(name);
      if (file === undefined && !dir.children.has(name)) beside.add(name);
    }
    await this.#checkSidecars(dir, [...sidecars]);
    // Where case does not count, a text that is known by its real name would be found once more by this one.
    const unknown = [...beside].filter(name => !sidecarOf({ dir, name })).map(sidecarNameOf);
    await this.#checkSidecars(
      dir,
      unknown.filter(name => !sidecars.has(name)),
    );
    await this.#check(dir, plain);
  }

  #sort(dir: Directory, names: readonly string[], deep: boolean) {
    const fresh: string[] = [];
    const again: string[] = [];
    const sidecars: string[] = [];
    let matched = 0;
    const inLowerCase = lowered(() => names);
    for (const name of names) {
      const file = dir.files.get(name);
      if (file !== undefined || dir.children.has(name)) {
        matched += 1;
        if (file !== undefined && deep && isDone(file) && !isMangled(name)) again.push(name);
        continue;
      }
      if (isIgnored(name)) continue;
      if (isSidecar(name, inLowerCase)) sidecars.push(name);
      else fresh.push(name);
    }
    return { fresh, again, sidecars, matched };
  }

  /** Checks new names, until too many files are pending. */
  async #addNew(dir: Directory, fresh: readonly string[]): Promise<void> {
    for (let i = 0; i < fresh.length; i += CHUNK) {
      if (this.#waiting.isFull) return this.#onFull(dir.rel);
      await this.#check(dir, fresh.slice(i, i + CHUNK));
    }
  }

  async #dropMissing(dir: Directory, listed: ReadonlySet<string>): Promise<void> {
    for (const name of [...dir.files.keys(), ...dir.children]) {
      if (!listed.has(name)) await this.#update(dir, name, undefined);
    }
  }

  #dropMissingSidecars(dir: Directory, listed: ReadonlySet<string>): void {
    const gone = dir.sidecars.names().filter(name => !listed.has(name));
    this.#updateSidecars(dir, new Map(gone.map(name => [name, undefined])));
  }

  async #check(dir: Directory, names: readonly string[]): Promise<void> {
    const mounted = names.filter(name => this.#mountMap.isMountPoint(relativeOf(dir, name)));
    const plain = mounted.length === 0 ? names : names.filter(name => !mounted.includes(name));
    for (const name of mounted) await this.#checkMountPoint(dir, name);
    for (let i = 0; i < plain.length; i += CHUNK) {
      const chunk = plain.slice(i, i + CHUNK);
      const results = await dir.fs.lstat(chunk.map(name => pathOf(dir, name)));
      // A directory that may be listed but not entered (r without x).
      const denied = results.find(each => each instanceof Error && each.code === 'EACCES');
      if (denied) throw denied;
      for (const [n, name] of chunk.entries()) await this.#update(dir, name, results[n]);
    }
  }

  async #checkMountPoint(dir: Directory, name: string): Promise<void> {
    const rel = relativeOf(dir, name);
    try {
      const [found] = await this.#mountMap.fsAt(rel, this.#mountMap.kindAt(rel)).lstat([pathOf(dir, name)]);
      await this.#update(dir, name, found);
    } catch (error) {
      if (!isShrinkError(error, 'unavailable')) throw error;
      // It becomes a folder once it answers again; until then it is treated as one that cannot be listed.
      dir.children.add(name);
    }
  }

  async #checkSidecars(dir: Directory, names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const results = await dir.fs.lstat(names.map(name => pathOf(dir, name)));
    const found = new Map<string, number | undefined>();
    for (const [n, name] of names.entries()) {
      const stat = results[n];
      const isKnown = stat !== undefined && !(stat instanceof Error);
      if (isKnown && !stat.isFile()) this.#tellOnce(dir, name, stat);
      found.set(name, isKnown && stat.isFile() ? pinKey(stat) : undefined);
    }
    this.#updateSidecars(dir, found);
  }

  /** Records what lstat found at `name`. */
  async #update(dir: Directory, name: string, found: LstatResult): Promise<void> {
    if (found instanceof Error) return this.#updateUnseen(dir, name, found);
    if (!found) return this.#updateMissing(dir, name);
    if (found.isDirectory()) return this.#updateFolder(dir, name);
    if (dir.children.has(name)) this.#onGone(relativeOf(dir, name));
    if (reasonToIgnoreFile(name) !== undefined) return;
    const entry = { dir, name, stat: found };
    return found.isFile() ? this.#updateFile(entry) : this.#updateSpecial(entry);
  }

  /** A listed name that lstat cannot find: gone meanwhile, or not valid UTF-8 and therefore garbled on the way. */
  async #updateMissing(dir: Directory, name: string): Promise<void> {
    if (isMangled(name) && (await this.#refuseMangled(dir, name))) return;
    if (dir.children.has(name)) this.#onGone(relativeOf(dir, name));
    this.#forgetFile(dir, name);
  }

  async #refuseMangled(dir: Directory, name: string): Promise<boolean> {
    const raw = (await dir.fs.listRaw(dir.path)).find(bytes => bytes.toString('utf8') === name);
    if (!raw) return false;
    const [stat] = await dir.fs.lstat([Buffer.concat([Buffer.from(`${dir.path}/`), raw])]);
    if (!stat || stat instanceof Error) return false;
    if (dir.files.has(name)) return true;
    dir.files.set(name, pinKey(stat));
    refuse(this.#context, { dir, name, stat }, say('inbox.name-not-utf8'));
    return true;
  }

  #updateFolder(dir: Directory, name: string): void {
    if (reasonToIgnoreFolder(name) !== undefined) return;
    this.#forgetFile(dir, name);
    dir.children.add(name);
  }

  async #updateFile(entry: Entry): Promise<void> {
    const { dir, name } = entry;
    // What is a file now was a link or a pipe before.
    if (isSpecial(dir, name)) this.#forgetFile(dir, name);
    const file = dir.files.get(name);
    if (file === undefined) return this.#addFile(entry);
    if (isLeftAlone(entry)) return;
    const key = typeof file === 'number' ? file : file.settling.key;
    if (isDone(file) && key !== pinKey(entry.stat)) this.#waiting.fileChanged(file, entry);
  }

  async #addFile(entry: Entry): Promise<void> {
    const { dir, name, stat } = entry;
    if (!this.#context.accepts(name)) return leaveAlone(entry, kindOf(name));
    const { sidecar } = await instructionBeside(entry, stat);
    if (this.#context.hasJobFor(sightingOf(this.#context, entry, { sidecar }))) dir.files.set(name, pinKey(stat));
    else this.#waiting.add(entry);
  }

  /** A link or a pipe never becomes a job: whoever exchanges one all day would fill the journal. */
  async #updateSpecial(entry: Entry): Promise<void> {
    const { dir, name, stat } = entry;
    if (dir.files.get(name) === pinKey(stat)) return;
    this.#forgetFile(dir, name);
    leaveAlone(entry, specialKindOf(stat));
    const path = pathOf(dir, name);
    if (this.#linksTold.has(path)) return;
    const why = stat.isSymbolicLink() ? await this.#whyNotFollow(dir, path) : whyNotAFile(stat);
    if (why !== undefined && isNews(this.#linksTold, path))
      this.#context.log.info({ path, why: why.text }, 'left alone');
  }

  /** It is there, but the system does not say what it is: as a path of more than 4,096 bytes, or on a disk that fails. */
  #updateUnseen(dir: Directory, name: string, { code = 'EIO' }: NodeJS.ErrnoException): void {
    if (reasonToIgnoreFile(name) !== undefined || dir.files.has(name) || dir.children.has(name)) return;
    const isTooLong = code === 'ENAMETOOLONG';
    if (isTooLong) record({ dir, name }, 'path too long', UNSEEN);
    const path = pathOf(dir, name);
    if (!isNews(this.#linksTold, path)) return;
    const why = isTooLong ? say('inbox.path-too-long') : say('inbox.not-seen', { errno: code });
    this.#context.log.warn({ path }, why.text);
  }

  /** Only the text of the link is compared: following it could lead into a mount that hangs. */
  async #whyNotFollow(dir: Directory, path: string): Promise<Sentence | undefined> {
    const link = await dir.fs.readlink(path).catch(() => undefined);
    if (link === undefined) return undefined;
    const target = resolve(dirname(path), link);
    if (!isWithin(this.#context.inbox, target)) return say('inbox.link-out', { target });
    this.#context.log.debug({ path, target: link }, 'link within the inbox left alone');
    return undefined;
  }

  /** Records instructions (their pin keys; `undefined`: gone), whether or not their files are already known. */
  #updateSidecars(dir: Directory, found: ReadonlyMap<string, number | undefined>): void {
    const changed = [...found.keys()].filter(name => found.get(name) !== dir.sidecars.keyOf(name));
    const medias = filesBeside(dir, changed).map(name => ({ dir, name, before: sidecarOf({ dir, name })?.key }));
    for (const name of changed) dir.sidecars.set(name, found.get(name));
    for (const { name, before } of medias) {
      const file = dir.files.get(name);
      if (file === undefined || sidecarOf({ dir, name })?.key === before) continue;
      this.#waiting.sidecarChanged(file, { dir, name, hadSidecar: before !== undefined });
    }
  }

  /** Somebody may wait for what a text of another name says. */
  #tellMisnamed(dir: Directory, names: readonly string[]): void {
    for (const misnamed of misnamedInstructions(names)) {
      const path = pathOf(dir, misnamed.name);
      if (!isNews(this.#told, path)) continue;
      this.#context.log.info({ path }, say('inbox.misnamed-instruction', misnamed).text);
    }
  }

  /** An instruction is read only from a regular file. */
  #tellOnce(dir: Directory, name: string, found: FileStat): void {
    const path = pathOf(dir, name);
    if (found.isDirectory() || !isNews(this.#told, path)) return;
    const what = found.isSymbolicLink() ? 'a link' : 'not a regular file';
    this.#context.log.warn({ path }, `the instruction beside a file is not read: it is ${what}`);
  }

  #forgetFile(dir: Directory, name: string): void {
    const file = dir.files.get(name);
    if (file !== undefined && typeof file !== 'number') this.#waiting.drop(file);
    dir.files.delete(name);
    dropLeftAlone(dir, name);
  }
}

/** Whether nothing was said about a path yet, and there is room to say it; from now on it counts as said. */
function isNews(told: Set<string>, path: string): boolean {
  if (told.has(path) || told.size >= MAX_TOLD) return false;
  told.add(path);
  return true;
}

/** The file is known and needs nothing more, whatever becomes of its content. */
function leaveAlone(entry: Entry, kind: string): void {
  record(entry, kind, pinKey(entry.stat));
}

function record({ dir, name }: Pick<Entry, 'dir' | 'name'>, kind: string, key: number): void {
  dir.files.set(name, key);
  const names = dir.leftAlone.get(kind) ?? new Set();
  dir.leftAlone.set(kind, names.add(name));
}

function isLeftAlone({ dir, name }: Entry): boolean {
  return dir.leftAlone.get(kindOf(name))?.has(name) === true;
}

function isSpecial(dir: Directory, name: string): boolean {
  return SPECIAL_KINDS.some(kind => dir.leftAlone.get(kind)?.has(name));
}

function isDone(file: number | { phase: string }): boolean {
  return typeof file === 'number' || file.phase !== 'pending';
}

/** Whether the name alone shows that there is nothing to do, whatever the entry is. */
function isIgnored(name: string): boolean {
  return reasonToIgnoreFile(name) !== undefined && reasonToIgnoreFolder(name) !== undefined;
}

/**
 * Whether `name` is a text that can only be an instruction (or somebody's notes), never a job in itself.
 * @param others what is beside it, in lower case
 */
function isSidecar(name: string, others: () => ReadonlySet<string>): boolean {
  const media = mediaNameOf(name);
  if (media === undefined) return false;
  return !isLinkInText(name) || others().has(media.toLowerCase());
}

/** These names in lower case, collected when first asked for. */
function lowered(names: () => Iterable<string>): () => ReadonlySet<string> {
  let set: Set<string> | undefined;
  return () => (set ??= new Set(Array.from(names(), name => name.toLowerCase())));
}

/** The known files that one of these texts may be for. */
function filesBeside(dir: Directory, texts: readonly string[]): string[] {
  const medias = texts.flatMap(name => mediaNameOf(name) ?? []);
  const own = new Set(medias.filter(name => dir.files.has(name)));
  const inOtherCase = new Set(medias.filter(name => !own.has(name)).map(name => name.toLowerCase()));
  if (inOtherCase.size === 0) return [...own];
  return [...dir.files.keys()].filter(name => own.has(name) || inOtherCase.has(name.toLowerCase()));
}

/** Whether decoding the name as UTF-8 may have lost something. */
function isMangled(name: string): boolean {
  return name.includes('\ufffd');
}

const S_IFMT = 0o170000n;

function specialKindOf({ mode }: FileStat): (typeof SPECIAL_KINDS)[number] {
  const type = mode & S_IFMT;
  if (type === 0o120000n) return 'symbolic link';
  return type === 0o010000n ? 'named pipe' : 'special file';
}

function whyNotAFile({ mode }: FileStat): Sentence {
  switch (mode & S_IFMT) {
    case 0o010000n:
      return say('inbox.named-pipe');
    case 0o020000n:
      return say('inbox.character-device');
    case 0o060000n:
      return say('inbox.block-device');
    case 0o140000n:
      return say('inbox.socket');
    default:
      return say('inbox.special-file');
  }
}
