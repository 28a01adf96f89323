import type { Clock } from '../clock.ts';
import type { Files, OpenFile } from './files.ts';
import { MountGuard } from './mount-gate.ts';
import type { MountSlots } from './mount-slots.ts';
import { kindOfType, type Mount, mountOf, readMounts, throughLinks } from './mounts.ts';

/** As long as the watcher waits: NFS retries for minutes before it gives up. */
const ANSWER_MS = 20_000;
/** A share takes its time to put gigabytes on its disk (2 GB at 10 MB/s). */
const DATA_MS = 5 * 60_000;
/**
 * For so long mounts and links are taken to be what they were; reading the list of mounts takes as long as two calls. A mount that hangs from its
 * first moment is met without its gate in that time, by calls that each hold a thread.
 */
const MOUNTS_MS = 50;

export interface GatedOptions {
  clock: Clock;
  mounts?: () => Mount[];
  /** Milliseconds; shorter in tests. */
  answerMs?: number;
  /** Threads that shares may hold; those of this process unless told otherwise. */
  slots?: MountSlots;
}

/**
 * The same files, with every call into a mount that may hang (network, FUSE) behind that mount's gate: a share that is off
 * holds one thread of the pool (two where it is an inbox as well, which the watcher asks by itself), and who asks for
 * something there learns after a while that it is `unavailable`. Without that, two deliveries to a hung share stop every other
 * folder, and four of them the journal. How many threads all shares together may hold: mount-slots.ts.
 * A path that leads into a share through links is the share's as well.
 * An act that was given up on may still happen, as on any network share whose answer was lost.
 */
export function gatedFiles(files: Files, options: GatedOptions): Files {
  const { clock, answerMs = ANSWER_MS } = options;
  const guards = new Map<string, MountGuard>();
  let known: { mounts: Mount[]; seen: Map<string, string>; at: number } | undefined;
  const gateOf = (path: string): MountGuard | undefined => {
    const now = clock.monotonic();
    if (!known || now - known.at >= MOUNTS_MS)
      known = { mounts: (options.mounts ?? readMounts)(), seen: new Map(), at: now };
    const { mounts, seen } = known;
    const mount = mountOf(mounts, throughLinks(path, mounts, seen));
    if (!mount || !kindOfType(mount.type).polled) return undefined;
    let guard = guards.get(mount.point);
    if (!guard) guards.set(mount.point, (guard = new MountGuard(mount.point, clock, answerMs, options.slots)));
    return guard;
  };
  const asking = <T>(path: string, work: () => Promise<T>): Promise<T> => gateOf(path)?.call(work) ?? work();
  /** Where only one of two names lies there, that one is asked for. */
  const between = (from: string, to: string) => (gateOf(to) ? to : from);
  return {
    lstat: path => asking(path, () => files.lstat(path)),
    stat: path => asking(path, () => files.stat(path)),
    async open(path, flags, mode) {
      const guard = gateOf(path);
      if (!guard) return files.open(path, flags, mode);
      const file = await guard.call(
        () => files.open(path, flags, mode),
        late => letGo(late, path, flags === 'wx', files),
      );
      return gatedFile(file, guard);
    },
    readdir: path => asking(path, () => files.readdir(path)),
    mkdir: path => asking(path, () => files.mkdir(path)),
    link: (from, to) => asking(between(from, to), () => files.link(from, to)),
    rename: (from, to) => asking(between(from, to), () => files.rename(from, to)),
    unlink: path => asking(path, () => files.unlink(path)),
    statfs: path => asking(path, () => files.statfs(path)),
  };
}

function gatedFile(file: OpenFile, guard: MountGuard): OpenFile {
  const data = <T>(work: () => Promise<T>): Promise<T> => guard.call(work, undefined, DATA_MS);
  return {
    read: (...args) => data(() => file.read(...args)),
    write: (...args) => data(() => file.write(...args)),
    stat: () => guard.call(() => file.stat()),
    utimes: (...args) => guard.call(() => file.utimes(...args)),
    chmod: mode => guard.call(() => file.chmod(mode)),
    sync: () => data(() => file.sync()),
    async close() {
      let begun = false;
      const closing = () => {
        begun = true;
        return file.close();
      };
      try {
        await guard.call(closing);
      } catch (error) {
        if (!begun) void guard.whenBack(closing).catch(() => {});
        throw error;
      }
    },
  };
}

/** A file that came to be after nobody waited for it any more: taken away, or it would stand there empty, under its last name. */
async function letGo(file: OpenFile, path: string, isNew: boolean, files: Files): Promise<void> {
  const made = isNew ? await file.stat() : undefined;
  await file.close();
  if (made && (await files.lstat(path)).ino === made.ino) await files.unlink(path);
}
