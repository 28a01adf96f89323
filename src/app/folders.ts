import { accessSync, constants, lstatSync } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import { dirname, relative, sep } from 'node:path';
import { allFolders } from '../config/libraries.ts';
import type { Config, Folder } from '../config/load.ts';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import { isWithin } from '../core/file-names.ts';
import type { Job, Pin, StateName } from '../core/job.ts';
import type { Sentence } from '../core/message.ts';
import { type FolderIdentity, identityOf, waitsForRights } from '../deliver/output-folder.ts';
import { say } from '../messages/say.ts';
import type { DiskPath } from '../monitor/disk-space.ts';
import { fileError } from '../platform/files/file-error.ts';
import { type HeldFile, openBelow, openFolder } from '../platform/files/door.ts';
import { type Files, pinFrom } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import type { Whereabouts } from '../queue/admission-policy.ts';
import { FolderMounts } from './folder-mounts.ts';
import { InboxLock } from './inbox-lock.ts';
import type { Lifetime } from './lifetime.ts';
import type { LiveConfig } from './live-config.ts';
import { whyOriginalsStay } from './originals-check.ts';
import { mustNotBeRefused, startFacts } from './start-checks.ts';

/** The configured pairs of inbox and outbox, and whether their disks are still the same ones. */
export class Folders {
  #config: Config;
  /** Libraries included. */
  #all: readonly Folder[];
  readonly #files: Files;
  /** Folders removed by a reload; jobs under way in them are still finished. */
  readonly #retired = new Map<string, Folder>();
  /** Folders that could not be created although their parent exists. */
  readonly #missing = new Set<string>();
  readonly #mounts: FolderMounts;
  /** What was wrong with a folder when it was last looked at. */
  readonly #trouble = new Map<string, ShrinkError>();
  /** By inbox, as of the last look: why originals stay there although they should go. */
  readonly #originalsStay = new Map<string, Sentence>();

  constructor(config: Config, files: Files, mounts = new FolderMounts()) {
    this.#config = config;
    this.#all = allFolders(config);
    this.#files = files;
    this.#mounts = mounts;
  }

  /** Switches to another configuration; jobs under way in a folder it no longer has are still finished. */
  use(config: Config): void {
    for (const folder of this.#all) this.#retired.set(folder.inbox, folder);
    this.#config = config;
    this.#all = allFolders(config);
    for (const { inbox } of this.#all) this.#retired.delete(inbox);
  }

  /** Inboxes with their outboxes; no libraries. */
  get all(): readonly Folder[] {
    return this.#config.folders;
  }

  /** Folders nothing may be delivered to. */
  get forbidden(): string[] {
    return [this.#config.stateDir, ...this.#all.map(folder => folder.inbox)];
  }

  find(inbox: string): Folder | undefined {
    return this.#all.find(folder => folder.inbox === inbox);
  }

  /** @throws ShrinkError `denied` if the folder was removed from the configuration: such a job is held. */
  of(job: Job): Folder {
    const folder = this.find(job.inbox) ?? (UNDER_WAY.has(job.state.name) ? this.#retired.get(job.inbox) : undefined);
    if (folder) return folder;
    throw new ShrinkError('denied', folderRemoved(job.inbox), { subject: job.inbox, hint: FOLDER_REMOVED_HINT });
  }

  /** The folder whose inbox holds `path` (absolute), and the path below that inbox with `/` between parts. */
  containing(path: string): { folder: Folder; relative: string } | undefined {
    const folder = this.#all.find(({ inbox }) => path !== inbox && isWithin(inbox, path));
    return folder && { folder, relative: relative(folder.inbox, path).split(sep).join('/') };
  }

  /**
   * Creates missing inboxes, outboxes and archives if their parent exists. A missing parent more likely means an unmounted
   * disk, so it is not created; nor is anything on a share that does not answer.
   */
  async create(log: Logger): Promise<void> {
    this.#missing.clear();
    const paths = this.#paths();
    // All at once, so that several shares of a dead server are waited for together.
    const looks = await Promise.all(paths.map(async path => ({ path, seen: await lookAt(path, this.#files) })));
    for (const { path, seen } of looks) {
      if (seen === 'there') continue;
      if (seen !== 'missing') {
        log.warn({ path, hint: seen.hint }, seen.message);
        continue;
      }
      const notMade = this.#isLibrary(path) ? libraryMissing(path) : await this.#mounts.whyNotMade(path, this.#files);
      if (notMade) {
        if (!this.#isLibrary(path)) this.#missing.add(path);
        log.warn({ path, hint: notMade.hint }, notMade.message);
        continue;
      }
      const why = await this.#createFolder(path, log);
      if (!why) continue;
      const isParentThere = (await lookAt(dirname(path), this.#files)) === 'there';
      if (isParentThere) this.#missing.add(path);
      const hint = isParentThere ? why.hint : 'Create it, or mount the disk or share it is on.';
      log.warn({ path, hint }, `${path} is missing and could not be created`);
    }
  }

  /** Tries again to create what `create` could not: a disk may have free space by now, or be mounted. */
  async createMissing(log: Logger): Promise<void> {
    for (const path of this.#missing) {
      const isThere = (await lookAt(path, this.#files)) === 'there';
      if (!isThere && (await this.#mounts.whyNotMade(path, this.#files))) continue;
      if (isThere || !(await this.#createFolder(path, log))) this.#missing.delete(path);
    }
    // A disk that was mounted since is remembered too. All at once, as several shares of a dead server are silent together.
    await Promise.all(this.#paths().map(path => this.mustBeMounted(path).catch(() => {})));
    await this.#mounts.save(this.#paths(), log);
    await this.#checkOriginals(log);
  }

  /** An empty one would be of no use: its films are elsewhere. */
  #isLibrary(path: string): boolean {
    return this.#all.some(({ inbox, library }) => library !== undefined && inbox === path);
  }

  /** Resolves with what went wrong, if anything. */
  async #createFolder(path: string, log: Logger): Promise<ShrinkError | undefined> {
    try {
      await this.#files.mkdir(path);
      log.info({ path }, 'folder created');
      return undefined;
    } catch (error) {
      return fileError(error, say('files.creating', { path }), path);
    }
  }

  /**
   * The identity of a job's source now.
   * @throws ShrinkError `gone`, `changed-underneath`, or `unavailable` if the whole inbox is missing.
   */
  async pin(job: Job): Promise<Pin> {
    return this.#atSource(job, () => this.#sourcePin(job));
  }

  async #sourcePin(job: Job): Promise<Pin> {
    const parts = namesBelow(job.inbox, job.path);
    const name = parts.pop() ?? '';
    const folder = await openFolder(job.inbox, parts, this.#files);
    return pinFrom(await folder.lstat(name).finally(() => folder.close()));
  }

  /** A job's source, to be closed. @throws as `pin` does. */
  async openSource(job: Job): Promise<HeldFile> {
    return this.#atSource(job, () => openBelow(job.inbox, namesBelow(job.inbox, job.path), this.#files));
  }

  async #atSource<T>(job: Job, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      const known = fileError(error, say('files.opening', { path: job.path }), job.path);
      if (known.code !== 'gone') throw known;
      // A folder that was moved is first removed from the configuration under its old name.
      this.of(job);
      await this.mustBeMounted(job.inbox, job.relative);
      throw known;
    }
  }

  /** Opens a file in whichever inbox, outbox or archive holds it. @throws ShrinkError `denied` if none does; as `HeldFolder.file`. */
  async openFile(path: string): Promise<HeldFile> {
    const root = this.#rootOf(path);
    if (root !== undefined) return openBelow(root, namesBelow(root, path), this.#files);
    throw new ShrinkError('denied', say('app.in-no-folder', { path }), { subject: path });
  }

  /** The same, where a disk that is away is no reason to say that the file is gone. @throws as `openFile`, or `unavailable` */
  async openResult(path: string): Promise<HeldFile> {
    const root = this.#rootOf(path);
    if (root !== undefined) await this.mustBeMounted(root, relative(root, path));
    return this.openFile(path);
  }

  /** The configured folder a path is in; the innermost, if several. */
  #rootOf(path: string): string | undefined {
    const configured = [...this.#all, ...this.#retired.values()];
    const roots = configured.flatMap(({ inbox, outbox, archive }) => [inbox, outbox, archive ?? inbox]);
    return roots.filter(each => isWithin(each, path)).sort((a, b) => b.length - a.length)[0];
  }

  /** @throws ShrinkError `unavailable` if nothing can be put into an outbox */
  mustBeWritable(path: string): void {
    try {
      accessSync(path, constants.W_OK | constants.X_OK);
    } catch (error) {
      throw waitsForRights(fileError(error, say('app.checking-writable', { path }), path), path);
    }
  }

  /** The type of what is at a path, found without opening it. */
  lookAt(path: string): 'file' | 'unreadable' | 'other' {
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return 'other';
    try {
      accessSync(path, constants.R_OK);
      return 'file';
    } catch {
      return 'unreadable';
    }
  }

  /** Where the file of a job is now. Not compared by inode or date: a remount changes both. */
  async whereabouts(job: Job): Promise<Whereabouts> {
    if (!this.find(job.inbox)) return 'inbox-removed';
    try {
      return (await this.#sourcePin(job)).sizeBytes === job.pin.sizeBytes ? 'there' : 'moved';
    } catch (error) {
      if (fileError(error, say('files.opening', { path: job.path }), job.path).code !== 'gone') return 'there';
    }
    if (this.#mounts.whyAway(job.inbox, job.relative)) return 'inbox-away';
    const inbox = await lookAt(job.inbox, this.#files);
    return inbox === 'there' ? 'moved' : inbox === 'missing' ? 'inbox-away' : 'there';
  }

  /**
   * The identity of the outbox now, after checking that it is still on its disk. A folder that was recreated on the same
   * disk is accepted.
   * @throws ShrinkError `unavailable`
   */
  async outboxIdentity(outbox: string, within: string): Promise<FolderIdentity> {
    return this.mustBeMounted(outbox, within);
  }

  /** Records which disk every folder is on, for the next start as well. */
  async rememberMounts(log: Logger): Promise<void> {
    for (const path of this.#paths()) {
      await this.mustBeMounted(path).catch((error: ShrinkError) => log.warn({ path, hint: error.hint }, error.message));
    }
    await this.#mounts.save(this.#paths(), log);
    await this.#checkOriginals(log);
  }

  /** Why originals stay in an inbox although the folder has them archived or deleted; `undefined` where they go. */
  whyOriginalsStay(inbox: string): Sentence | undefined {
    return this.#originalsStay.get(inbox);
  }

  /** Each problem is logged once. */
  async #checkOriginals(log: Logger): Promise<void> {
    for (const folder of this.#config.folders) {
      const why = await whyOriginalsStay(folder, this.#files);
      const before = this.#originalsStay.get(folder.inbox);
      if (!why) this.#originalsStay.delete(folder.inbox);
      else this.#originalsStay.set(folder.inbox, why);
      if (why && why.text !== before?.text) log.warn({ inbox: folder.inbox }, why.text);
    }
  }

  /** Why this pair of folders rests at the moment: a disk is not mounted, or the outbox or archive is missing or fails. */
  whyAway({ inbox, outbox, archive }: Folder): ShrinkError | undefined {
    for (const path of [inbox, outbox, ...(archive ? [archive] : [])]) {
      // What is wrong with an inbox its watcher knows better.
      const why = this.#mounts.whyAway(path) ?? (path === inbox ? undefined : this.#trouble.get(path));
      if (why) return why;
    }
    return undefined;
  }

  /**
   * @param within what is to be read or written inside the folder, relative to it
   * @throws ShrinkError `unavailable` where the folder is missing, or its disk is not mounted, or another one is.
   */
  async mustBeMounted(path: string, within = ''): Promise<FolderIdentity> {
    const why = this.#mounts.whyAway(path, within);
    if (why) throw why;
    try {
      const identity = await identityOf(path, this.#files);
      // It may have been mounted, or swapped, since the first look.
      const swapped = this.#mounts.remember(path);
      if (swapped) throw swapped;
      this.#trouble.delete(path);
      return identity;
    } catch (error) {
      if (isShrinkError(error)) this.#trouble.set(path, error);
      throw error;
    }
  }

  #paths(): string[] {
    const paths = this.#all.flatMap(({ inbox, outbox, archive }) => [inbox, outbox, ...(archive ? [archive] : [])]);
    return [...new Set(paths)];
  }
}

/** The names on the way from a folder to what is below it. */
export function namesBelow(root: string, path: string): string[] {
  return relative(root, path).split(sep);
}

async function lookAt(path: string, files: Files): Promise<'there' | 'missing' | ShrinkError> {
  try {
    await files.stat(path);
    return 'there';
  } catch (error) {
    const known = fileError(error, say('files.identifying', { path }), path);
    return known.code === 'gone' ? 'missing' : known;
  }
}

export function inboxesOf({ folders }: Config): string[] {
  return folders.map(({ inbox }) => inbox);
}

/** What no other daemon may work on. */
function claimedBy(config: Config): string[] {
  return allFolders(config).map(({ inbox }) => inbox);
}

/** Every folder whose free space is worth monitoring. Folders are numbered because their names may reveal too much. */
export function diskPathsOf(config: Config): DiskPath[] {
  const state: DiskPath = { path: config.stateDir, labels: { place: 'state', folder: '' } };
  const folders = allFolders(config).flatMap(({ inbox, outbox, archive, library }, index): DiskPath[] => {
    const folder = String(index);
    return [
      { path: inbox, labels: { place: 'inbox', folder } },
      ...(library ? [] : [{ path: outbox, labels: { place: 'outbox' as const, folder } }]),
      ...(archive ? [{ path: archive, labels: { place: 'archive' as const, folder } }] : []),
    ];
  });
  return [state, ...folders];
}

export interface OpenFoldersOptions {
  live: LiveConfig;
  files: Files;
  log: Logger;
  life: Lifetime;
}

/**
 * The folders of the configuration: created if missing, and locked against other daemons; they follow a reload.
 * @throws ShrinkError `locked` where another daemon watches one of them.
 */
export async function openFolders({ live, files, log, life }: OpenFoldersOptions): Promise<Folders> {
  const folders = new Folders(live.current, files, new FolderMounts({ stateDir: live.current.stateDir }));
  const lock = new InboxLock(live.current.stateDir, files);
  life.defer(() => lock.release());
  await life.starting('the folders', folders.create(log));
  const claim = async (config: Config) => {
    await lock.claim(claimedBy(config));
    for (const { text } of await lock.strangers(claimedBy(config))) log.warn(text);
  };
  if (live.current.source === null) await mustNotBeForeign(live.current.folders);
  await life.starting('other daemons', claim(live.current));
  await life.starting('the folders', folders.rememberMounts(log));
  live.beforeChange(async next => {
    // What http.listen needs was checked at the start, and a new value counts after a restart only.
    mustNotBeRefused(await startFacts({ config: next, hasHttpToken: true, files }));
    await claim(next);
  });
  live.onChange(async config => {
    folders.use(config);
    await folders.create(log);
    await folders.rememberMounts(log);
  });
  return folders;
}

/**
 * Folders that nobody configured are only what was found in the working directory. Where others may write, one of them may have
 * put it there, or a link, to get the results.
 * @throws ShrinkError `config-invalid`
 */
async function mustNotBeForeign(folders: readonly Folder[]): Promise<void> {
  const self = process.geteuid?.();
  if (self === undefined) return;
  for (const path of folders.flatMap(({ inbox, outbox }) => [inbox, outbox])) {
    const found = await Promise.all([lstat(path), stat(path)].map(each => each.catch(() => undefined)));
    const owner = found.find(each => each && each.uid !== self && each.uid !== 0)?.uid;
    if (owner === undefined) continue;
    throw new ShrinkError('config-invalid', say('app.folder-foreign', { path, uid: owner }), {
      subject: path,
      hint: say('app.folder-foreign-hint'),
    });
  }
}

function libraryMissing(path: string): ShrinkError {
  const hint = say('app.library-missing-hint');
  return new ShrinkError('unavailable', say('app.library-missing', { path }), { subject: path, hint });
}

/** Why a job is held after its folder was removed from the configuration. */
export function folderRemoved(inbox: string): Sentence {
  return say('app.folder-removed', { inbox });
}

export const FOLDER_REMOVED_HINT = say('app.folder-removed-hint');

/** States in which a result is being made or delivered. */
const UNDER_WAY: ReadonlySet<StateName> = new Set(['running', 'in-doubt', 'verifying', 'delivering']);
