import { dirname, resolve } from 'node:path';
import { isWithin } from '../core/file-names.ts';
import { type InboxContext, type Directory, pathOf, refuse, sightingOf } from './tracked-file.ts';
import type { Looked } from './guarded-fs.ts';
import { isLinkInText, mediaNameOf, reasonToIgnoreFile, reasonToIgnoreFolder, sidecarNameOf } from './ignored-names.ts';
import type { Pending } from './waiting-files.ts';
import { readWords } from './sidecar.ts';
import { type FileStat, pinKey } from './file-id.ts';

/** What one directory entry means: a file to wait for, a directory to go into, words beside a file, or nothing. */
export class Entries {
  private readonly context: InboxContext;
  private readonly pending: Pending;
  /** Forgets a directory that is gone or became something else, and everything below it. */
  private readonly removeChild: (dir: Directory, name: string) => void;

  constructor(context: InboxContext, pending: Pending, removeChild: (dir: Directory, name: string) => void) {
    this.context = context;
    this.pending = pending;
    this.removeChild = removeChild;
  }

  /** Whether the name alone settles it, so that nobody need look what it is. */
  isLeftAlone(name: string): boolean {
    return reasonToIgnoreFile(name) !== undefined && reasonToIgnoreFolder(name) !== undefined;
  }

  /** Whether `name` is a text that can only be an instruction (or somebody's notes), never work of its own. */
  isWords(dir: Directory, name: string, listed?: ReadonlySet<string>): boolean {
    const media = mediaNameOf(name);
    if (media === undefined) return false;
    return !isLinkInText(name) || dir.files.has(media) || listed?.has(media) === true;
  }

  /** Takes note of what lstat said about `name`. */
  async note(dir: Directory, name: string, looked: Looked): Promise<void> {
    if (looked instanceof Error) return;
    if (!looked) return this.missing(dir, name);
    if (looked.isDirectory()) return this.noteFolder(dir, name);
    if (dir.children.has(name)) this.removeChild(dir, name);
    if (reasonToIgnoreFile(name) !== undefined) return;
    if (!looked.isFile()) return this.noteSpecial(dir, name, looked);
    return this.noteFile(dir, name, looked);
  }

  /** Takes note of the words beside `media`, whether or not that file is known already. */
  noteWords(dir: Directory, media: string, looked: Looked): void {
    const before = dir.sidecars.get(media);
    const after = looked && !(looked instanceof Error) && looked.isFile() ? pinKey(looked) : undefined;
    if (after === before) return;
    if (after === undefined) dir.sidecars.delete(media);
    else dir.sidecars.set(media, after);
    const file = dir.files.get(media);
    if (file !== undefined) this.pending.review(file, dir, media, before !== undefined);
  }

  /** A listed name that cannot be looked up: gone meanwhile, or not valid UTF-8 and therefore lost on the way through. */
  private async missing(dir: Directory, name: string): Promise<void> {
    if (name.includes('\ufffd') && (await this.noteUnreadableName(dir, name))) return;
    if (dir.children.has(name)) this.removeChild(dir, name);
    const file = dir.files.get(name);
    if (file !== undefined && typeof file !== 'number') this.pending.drop(file);
    dir.files.delete(name);
  }

  private async noteUnreadableName(dir: Directory, name: string): Promise<boolean> {
    const raw = (await dir.disk.listRaw(dir.path)).find(bytes => bytes.toString('utf8') === name);
    if (!raw) return false;
    const [stat] = await dir.disk.lstat([Buffer.concat([Buffer.from(`${dir.path}/`), raw])]);
    if (!stat || stat instanceof Error) return false;
    if (dir.files.has(name)) return true;
    dir.files.set(name, pinKey(stat));
    refuse(this.context, dir, name, stat, 'its name is not valid UTF-8; rename it');
    return true;
  }

  private noteFolder(dir: Directory, name: string): void {
    if (reasonToIgnoreFolder(name) !== undefined) return;
    const file = dir.files.get(name);
    if (file !== undefined && typeof file !== 'number') this.pending.drop(file);
    dir.files.delete(name);
    dir.children.add(name);
  }

  private async noteFile(dir: Directory, name: string, stat: FileStat): Promise<void> {
    const file = dir.files.get(name);
    if (file === undefined) return this.discover(dir, name, stat);
    const key = typeof file === 'number' ? file : file.settling.key;
    const waiting = typeof file !== 'number' && file.phase === 'pending';
    if (!waiting && key !== pinKey(stat)) this.pending.changed(file, dir, name, stat);
  }

  private async discover(dir: Directory, name: string, stat: FileStat): Promise<void> {
    const path = sidecarNameOf(pathOf(dir, name));
    const words = dir.sidecars.has(name) ? await readWords(dir.disk, path) : undefined;
    const sidecar = words?.kind === 'words' ? { path, text: words.text } : undefined;
    if (this.context.known(sightingOf(this.context, dir, name, stat, { sidecar }))) dir.files.set(name, pinKey(stat));
    else this.pending.add(dir, name, stat);
  }

  private async noteSpecial(dir: Directory, name: string, stat: FileStat): Promise<void> {
    const key = pinKey(stat);
    const before = dir.files.get(name);
    if (before === key) return;
    if (before !== undefined && typeof before !== 'number') this.pending.drop(before);
    dir.files.set(name, key);
    const reason = stat.isSymbolicLink() ? await this.whyNotFollow(dir, name) : `it is ${sortOf(stat)}, not a file`;
    if (reason !== undefined) refuse(this.context, dir, name, stat, reason);
  }

  /** The target is compared by its text: following a link could lead into a mount that hangs. */
  private async whyNotFollow(dir: Directory, name: string): Promise<string | undefined> {
    const target = await dir.disk.readlink(pathOf(dir, name)).catch(() => undefined);
    if (target === undefined) return undefined;
    const absolute = resolve(dirname(pathOf(dir, name)), target);
    if (isWithin(this.context.inbox, absolute)) {
      this.context.log.debug({ path: pathOf(dir, name), target }, 'link within the inbox left alone');
      return undefined;
    }
    return `it is a link that leads out of the inbox (to ${absolute})`;
  }
}

const S_IFMT = 0o170000n;
const SORTS: Readonly<Record<string, string>> = {
  [String(0o010000)]: 'a named pipe',
  [String(0o020000)]: 'a character device',
  [String(0o060000)]: 'a block device',
  [String(0o140000)]: 'a socket',
};

function sortOf(stat: FileStat): string {
  return SORTS[String(stat.mode & S_IFMT)] ?? 'something special';
}
