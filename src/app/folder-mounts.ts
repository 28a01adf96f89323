/**
 * Which disk each folder is on, remembered across restarts: without its disk a mount point is only an empty folder, or
 * shows another disk, and nothing may be made, delivered or deleted there.
 */
import { lstatSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ShrinkError } from '../core/errors.ts';
import { isWithin } from '../core/file-names.ts';
import { say } from '../messages/say.ts';
import { replaceDurably } from '../platform/files/durable.ts';
import { describeDisks, diskIdentity, isSameDisk, type KeptIdentity } from '../platform/files/disk-identity.ts';
import { errnoOf, type Files, nodeFiles } from '../platform/files/files.ts';
import { kindOfType } from '../platform/files/fs-types.ts';
import {
  fstabPoints,
  type Mount,
  mountOf,
  readMounts,
  throughLinks,
  withoutSelfBinds,
} from '../platform/files/mounts.ts';
import type { Logger } from '../platform/log.ts';

export interface FolderMountsOptions {
  /** Where it is remembered; absent: only as long as the process lives. */
  stateDir?: string;
  mounts?: () => Mount[];
  /** Mount points of /etc/fstab. */
  fstab?: () => string[];
  /** The uid of a folder's owner; absent where it is not there. */
  ownerOf?: (path: string) => number | undefined;
}

interface Remembered extends KeptIdentity {
  /** The mount point the folder was below. */
  point: string;
  /** By mount point: disks mounted on folders inside it, such as one for each member of a family. */
  inside?: Record<string, KeptIdentity & Pick<Mount, 'user'>>;
}

export class FolderMounts {
  readonly #file: string | undefined;
  readonly #mounts: () => Mount[];
  readonly #fstab: () => string[];
  readonly #ownerOf: (path: string) => number | undefined;
  readonly #folders: Map<string, Remembered>;
  /** Folders that this process has found on their disk. */
  readonly #used = new Set<string>();
  #saved: string;

  constructor(options: FolderMountsOptions = {}) {
    const { stateDir, mounts = readMounts, fstab = fstabPoints, ownerOf = lookUpOwner } = options;
    this.#ownerOf = ownerOf;
    this.#file = stateDir === undefined ? undefined : join(stateDir, 'mounts.json');
    this.#mounts = mounts;
    this.#fstab = fstab;
    this.#folders = this.#file === undefined ? new Map() : readRemembered(this.#file);
    this.#saved = textOf(this.#folders, [...this.#folders.keys()]);
  }

  /**
   * Why a folder is not on its disk now, although the path may be there: `unavailable`; `undefined` while all is well.
   * @param within what is to be read or written inside it, relative: a disk of its own may have been mounted on the way
   */
  whyAway(path: string, within = ''): ShrinkError | undefined {
    const { mounts, real } = this.#look(path);
    // Not Linux, or /proc is hidden.
    if (mounts.length === 0) return undefined;
    const isMounted = (point: string) => mounts.some(mount => mount.point === point);
    const before = this.#folders.get(path);
    if (before && isWithin(before.point, real)) {
      const why = this.#whyNotOn(before, path, mounts) ?? this.#whyCovered(before, path, mountOf(mounts, real));
      if (why) return why;
    }
    const target = join(real, within);
    for (const [point, disk] of Object.entries(before?.inside ?? {})) {
      if (!isWithin(point, target) || (!isMounted(point) && this.#wasStrangers(point, disk.user, mounts))) continue;
      const why = this.#whyNotOn({ point, ...disk }, point, mounts);
      if (why) return why;
    }
    const point = this.#fstab().find(point => isWithin(point, target) && !isMounted(point));
    return point === undefined ? undefined : away(path, say('app.not-mounted-fstab-hint', { point }));
  }

  /**
   * Whether somebody had mounted something on a folder of another's, which his leaving must not close to the others. Only of a folder
   * on a file system that answers.
   */
  #wasStrangers(point: string, user: number | undefined, mounts: readonly Mount[]): boolean {
    if (user === undefined || user === 0) return false;
    const under = mountOf(mounts, point);
    if (under && kindOfType(under.type).polled) return false;
    const owner = this.#ownerOf(point);
    return owner !== undefined && owner !== user;
  }

  #whyNotOn(before: Remembered, path: string, mounts: readonly Mount[]): ShrinkError | undefined {
    const { point } = before;
    const file = this.#file ?? '';
    // Of several mounted at the same place, the last lies on top.
    const mount = mounts.findLast(each => each.point === point);
    if (!mount) return away(path, say('app.not-mounted-hint', { point, file }));
    // Nobody takes another disk of the system for the right one by mistake, and each new container has its own.
    if (point === '/') return undefined;
    const now = diskIdentity(mount);
    if (isSameDisk(before, now)) return undefined;
    return new ShrinkError('unavailable', say('app.another-disk', { point, ...describeDisks(before, now) }), {
      subject: path,
      hint: say('app.another-disk-hint', { point, file }),
    });
  }

  /** A disk that was mounted over the folder while this process used it: what it holds lies below. A new start takes it. */
  #whyCovered(before: Remembered, path: string, mount: Mount | undefined): ShrinkError | undefined {
    if (!mount || !this.#used.has(path) || mount.point === before.point) return undefined;
    if (!isWithin(before.point, mount.point) || [before.type, mount.type].includes('autofs')) return undefined;
    const { point } = mount;
    const now = describeDisks(before, diskIdentity(mount)).now;
    return new ShrinkError('unavailable', say('app.covered', { path, point, now }), {
      subject: path,
      hint: say('app.covered-hint', { point }),
    });
  }

  /**
   * Why a folder that is missing must not be made: its disk is not there, or it is, and the folder that was on it is not.
   * `undefined` where it may be made.
   */
  async whyNotMade(path: string, files: Files): Promise<ShrinkError | undefined> {
    const isAway = this.whyAway(path);
    if (isAway) return isAway;
    const { mounts, real } = this.#look(path);
    const before = this.#folders.get(path);
    if (before && before.point !== '/' && isWithin(before.point, real)) {
      return new ShrinkError(
        'unavailable',
        say('app.not-on-disk', { path, point: before.point, source: before.source }),
        {
          subject: path,
          hint: say('app.not-on-disk-hint'),
        },
      );
    }
    const parent = dirname(real);
    const isDisk = REMOVABLE.test(parent) && mounts.length > 0 && !mounts.some(mount => mount.point === parent);
    if (!isDisk || (await files.readdir(parent)).length > 0) return undefined;
    return away(path, say('app.not-mounted-empty-hint', { path, point: parent }));
  }

  /**
   * Notes what a folder that is there is on. Call it after the folder was looked at: only then does an automounter show it.
   * @returns as `whyAway`; nothing is noted then
   */
  remember(path: string): ShrinkError | undefined {
    const why = this.whyAway(path);
    if (why) return why;
    const { mounts, real } = this.#look(path);
    const mount = mountOf(mounts, real);
    const before = this.#folders.get(path);
    const isKept = mount !== undefined && before?.point === mount.point;
    if (isKept && mount.type === 'autofs' && before.type !== undefined) return undefined;
    const identity = mount ? identityIn(mount) : { source: '' };
    // What cannot be found now, in a container for instance, still holds.
    const known = isKept
      ? { ...(before.uuid && { uuid: before.uuid }), ...(before.born && { born: before.born }) }
      : {};
    const inside = { ...before?.inside, ...disksInside(real, mounts) };
    this.#used.add(path);
    this.#folders.set(path, {
      ...{ point: mount?.point ?? '/', ...known, ...identity },
      ...(Object.keys(inside).length > 0 && { inside }),
    });
    return undefined;
  }

  /** Keeps what was noted about these folders for the next start. A disk that refuses is only logged. */
  async save(paths: readonly string[], log: Logger): Promise<void> {
    const text = textOf(this.#folders, paths);
    if (this.#file === undefined || text === this.#saved) return;
    try {
      await replaceDurably(this.#file, text, { files: nodeFiles, log, mode: 0o600 });
      this.#saved = text;
    } catch (error) {
      log.warn({ path: this.#file, errno: errnoOf(error) }, 'could not keep in mind which disks the folders are on');
    }
  }

  #look(path: string): { mounts: Mount[]; real: string } {
    const mounts = this.#mounts();
    return { mounts: withoutSelfBinds(mounts), real: throughLinks(path, mounts) };
  }
}

/** What an automounter shows before its disk is there says nothing. */
function disksInside(folder: string, mounts: readonly Mount[]): Record<string, KeptIdentity> {
  const inside = mounts.filter(({ point, type }) => point !== folder && isWithin(folder, point) && type !== 'autofs');
  const known = (mount: Mount) => ({ ...diskIdentity(mount), ...(mount.user !== undefined && { user: mount.user }) });
  return Object.fromEntries(inside.map(mount => [mount.point, known(mount)]));
}

function lookUpOwner(path: string): number | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.uid;
  } catch {
    return undefined;
  }
}

/** The disk of the system is never compared. */
function identityIn(mount: Mount): KeptIdentity {
  return mount.point === '/' ? { type: mount.type, source: mount.source } : diskIdentity(mount);
}

function textOf(folders: ReadonlyMap<string, Remembered>, paths: readonly string[]): string {
  const kept = [...folders].filter(([path]) => paths.includes(path));
  return `${JSON.stringify({ v: 1, folders: Object.fromEntries(kept) }, undefined, 2)}\n`;
}

/** Where disks are mounted by hand or by a desktop. */
const REMOVABLE = /^(?:\/mnt\/[^/]+|\/media\/[^/]+(?:\/[^/]+)?|\/run\/media\/[^/]+\/[^/]+)$/;

/** A file that is missing or damaged is like none: it is written anew. */
function readRemembered(file: string): Map<string, Remembered> {
  try {
    const { folders } = JSON.parse(readFileSync(file, 'utf8')) as { folders: Record<string, Remembered> };
    return new Map(
      Object.entries(folders).filter(([, { point, source, inside = {} }]) =>
        [point, source, ...Object.values(inside).map(disk => disk.source)].every(each => typeof each === 'string'),
      ),
    );
  } catch {
    return new Map();
  }
}

function away(path: string, hint: ReturnType<typeof say>): ShrinkError {
  return new ShrinkError('unavailable', say('app.not-mounted', { path }), { subject: path, hint });
}
