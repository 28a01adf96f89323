import { type Directory, type Hold, pathOf } from './tracked-file.ts';
import { type Completeness, walkContainer } from '../media/completeness/container.ts';
import type { OpenedFile } from './guarded-fs.ts';
import { companionsOf } from './ignored-names.ts';
import { type FileStat, pinKey } from './file-id.ts';

/** What a look into a quiet file says. */
export type Inspection =
  | { kind: 'complete'; stat: FileStat }
  /** It changed while it was looked at, or is not there any more. */
  | { kind: 'moved' }
  /** Nothing is missing for sure; a longer window answers it. */
  | { kind: 'doubt'; stat: FileStat; why: string }
  | { kind: 'hold'; stat: FileStat; hold: Exclude<Hold['kind'], 'writer'>; why: string }
  /** A process still writes to it. */
  | { kind: 'writing'; why: string }
  | { kind: 'refuse'; stat: FileStat; why: string };

/** Smaller files may live in the inode or in one block, and have none of their own. */
const SPARSE_FROM_BYTES = 64 * 1024;

/**
 * Opens a quiet file and asks the container whether it is all there. `key` is the pin key all samples agreed on; the file
 * must still have it before and after. Rejects with `unavailable` where the mount does not answer.
 */
export async function inspect(dir: Directory, name: string, key: number): Promise<Inspection> {
  const companions = companionsOf(name);
  const [stat, ...beside] = await dir.disk.lstat([name, ...companions].map(each => pathOf(dir, each)));
  if (!stat || stat instanceof Error || pinKey(stat) !== key) return { kind: 'moved' };
  const companion = companions.find((_, i) => beside[i] && !(beside[i] instanceof Error));
  if (companion) return heldBack(stat, 'companion', `it is still being downloaded: ${companion} lies beside it`);
  if (stat.size === 0n) return heldBack(stat, 'empty', 'it is empty');
  return lookInto(dir, pathOf(dir, name), stat, key);
}

async function lookInto(dir: Directory, path: string, stat: FileStat, key: number): Promise<Inspection> {
  let opened: OpenedFile;
  try {
    opened = await dir.disk.open(path);
  } catch (error) {
    return cannotOpen(error, stat);
  }
  try {
    // Opening makes NFS and SMB ask the server: attributes may be newer now than all samples were.
    if (pinKey(await opened.stat()) !== key) return { kind: 'moved' };
    const said = await walkContainer({ size: Number(stat.size), read: (at, length) => opened.read(at, length) });
    const after = await opened.stat();
    return pinKey(after) === key ? assess(said, after, dir) : { kind: 'moved' };
  } catch (error) {
    return cannotRead(error, stat);
  } finally {
    await opened.close().catch(() => {});
  }
}

function assess(said: Completeness, stat: FileStat, dir: Directory): Inspection {
  if (said.kind === 'truncated') return heldBack(stat, 'incomplete', said.why);
  if (said.kind === 'suspect') return { kind: 'doubt', stat, why: said.why };
  if (dir.kind.honestBlocks && stat.size >= SPARSE_FROM_BYTES && stat.blocks * 512n < stat.size) {
    return { kind: 'doubt', stat, why: 'parts of it were never written' };
  }
  if (said.kind === 'unknown' && dir.kind.network)
    return { kind: 'doubt', stat, why: 'its format does not say where it ends' };
  return { kind: 'complete', stat };
}

function cannotOpen(error: unknown, stat: FileStat): Inspection {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return { kind: 'moved' };
  if (code !== 'EACCES' && code !== 'EPERM') return cannotRead(error, stat);
  return { kind: 'refuse', stat, why: 'it cannot be read: permission denied to the user shrinkbox runs as' };
}

function cannotRead(error: unknown, stat: FileStat): Inspection {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'unavailable') throw error;
  // Anything without an errno is a mistake of ours, not of the disk.
  if (code === undefined) throw error;
  return heldBack(stat, 'unreadable', `it cannot be read at the moment (${code})`);
}

function heldBack(stat: FileStat, kind: Exclude<Hold['kind'], 'writer'>, why: string): Inspection {
  return { kind: 'hold', stat, hold: kind, why };
}
