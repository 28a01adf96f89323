import { isShrinkError } from '../core/errors.ts';
import { type Directory, pathOf, relativeOf } from './tracked-file.ts';
import type { Entries } from './entries.ts';
import { mediaNameOf, sidecarNameOf } from './ignored-names.ts';
import type { Pending } from './waiting-files.ts';
import type { MountMap } from './mount-map.ts';

/** Names per lstat batch. */
const CHUNK = 256;

export interface ListingParts {
  pending: Pending;
  entries: Entries;
  mountMap: MountMap;
  /** Told of a directory with more files than can be waited for now. */
  onFull(rel: string): void;
}

/** Which names of a directory are to be looked at, and the looking. */
export class Listing {
  private readonly pending: Pending;
  private readonly entries: Entries;
  private readonly mountMap: MountMap;
  private readonly onFull: (rel: string) => void;

  constructor(parts: ListingParts) {
    this.pending = parts.pending;
    this.entries = parts.entries;
    this.mountMap = parts.mountMap;
    this.onFull = rel => parts.onFull(rel);
  }

  /** Compares a listing with what is known of the directory, and looks at what is new; when `deep`, at all of it. */
  async reconcile(dir: Directory, names: readonly string[], deep: boolean): Promise<void> {
    const { fresh, again, words, matched } = this.sort(dir, names, deep);
    if (matched < dir.files.size + dir.children.size) await this.dropMissing(dir, new Set(names));
    if (dir.sidecars.size > 0) this.dropMissingWords(dir, new Set(words));
    await this.lookAtWords(dir, deep ? words : words.filter(name => !dir.sidecars.has(mediaNameOf(name) ?? '')));
    await this.lookAt(dir, again);
    await this.takeUp(dir, fresh);
  }

  /** Looks at names not seen before, until too many files are waited for. */
  private async takeUp(dir: Directory, fresh: readonly string[]): Promise<void> {
    for (let i = 0; i < fresh.length; i += CHUNK) {
      if (this.pending.isFull) return this.onFull(dir.rel);
      await this.lookAt(dir, fresh.slice(i, i + CHUNK));
    }
  }

  private sort(dir: Directory, names: readonly string[], deep: boolean) {
    const fresh: string[] = [];
    const again: string[] = [];
    const words: string[] = [];
    let matched = 0;
    let listed: Set<string> | undefined;
    for (const name of names) {
      const file = dir.files.get(name);
      if (file !== undefined || dir.children.has(name)) matched += 1;
      if (file !== undefined && deep && isDone(file) && !name.includes('\ufffd')) again.push(name);
      if (file !== undefined || dir.children.has(name) || this.entries.isLeftAlone(name)) continue;
      if (mediaNameOf(name) !== undefined) listed ??= new Set(names);
      if (this.entries.isWords(dir, name, listed)) words.push(name);
      else fresh.push(name);
    }
    return { fresh, again, words, matched };
  }

  private async dropMissing(dir: Directory, listed: ReadonlySet<string>): Promise<void> {
    for (const name of [...dir.files.keys(), ...dir.children]) {
      if (!listed.has(name)) await this.entries.note(dir, name, undefined);
    }
  }

  private dropMissingWords(dir: Directory, words: ReadonlySet<string>): void {
    for (const media of [...dir.sidecars.keys()]) {
      if (!words.has(sidecarNameOf(media))) this.entries.noteWords(dir, media, undefined);
    }
  }

  /** What hints named. A file that is waited for is sampled anyway. */
  async look(dir: Directory, names: readonly string[]): Promise<void> {
    const plain: string[] = [];
    const words = new Set<string>();
    for (const name of names) {
      const file = dir.files.get(name);
      if (file !== undefined && !isDone(file)) continue;
      if (this.entries.isLeftAlone(name)) continue;
      if (this.entries.isWords(dir, name)) words.add(name);
      else plain.push(name);
      if (file === undefined && !dir.children.has(name)) words.add(sidecarNameOf(name));
    }
    await this.lookAtWords(dir, [...words]);
    await this.lookAt(dir, plain);
  }

  private async lookAt(dir: Directory, names: readonly string[]): Promise<void> {
    const mounted = names.filter(name => this.mountMap.isMountPoint(relativeOf(dir, name)));
    const plain = mounted.length === 0 ? names : names.filter(name => !mounted.includes(name));
    for (const name of mounted) await this.lookAtMount(dir, name);
    for (let i = 0; i < plain.length; i += CHUNK) {
      const chunk = plain.slice(i, i + CHUNK);
      const looked = await dir.disk.lstat(chunk.map(name => pathOf(dir, name)));
      // A directory that may be listed but not entered (r without x).
      const denied = looked.find(each => each instanceof Error && each.code === 'EACCES');
      if (denied) throw denied;
      for (const [n, name] of chunk.entries()) await this.entries.note(dir, name, looked[n]);
    }
  }

  private async lookAtMount(dir: Directory, name: string): Promise<void> {
    const rel = relativeOf(dir, name);
    try {
      const [looked] = await this.mountMap.diskAt(rel, this.mountMap.kindAt(rel)).lstat([pathOf(dir, name)]);
      await this.entries.note(dir, name, looked);
    } catch (error) {
      if (!isShrinkError(error, 'unavailable')) throw error;
      // It will be a folder when it answers again; until then it counts as one that cannot be listed.
      dir.children.add(name);
    }
  }

  private async lookAtWords(dir: Directory, names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const looked = await dir.disk.lstat(names.map(name => pathOf(dir, name)));
    for (const [n, name] of names.entries()) this.entries.noteWords(dir, mediaNameOf(name) ?? name, looked[n]);
  }
}

function isDone(file: number | { phase: string }): boolean {
  return typeof file === 'number' || file.phase !== 'pending';
}
