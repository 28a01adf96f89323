import type { Sentence } from '../core/message.ts';
import { type Completeness, checkCompleteness } from '../media/completeness/index.ts';
import { say } from '../messages/say.ts';
import { type FileStat, pinKey } from './file-id.ts';
import { hidesItsWriter } from '../platform/files/files.ts';
import type { OpenedFile } from './guarded-fs.ts';
import { companionsOf } from './ignored-names.ts';
import { EMPTY_END_FACTOR } from './stability.ts';
import { type Directory, openIn, pathOf, type Veto } from './tracked-file.ts';

/** The result of inspecting a quiet file. */
export type Inspection =
  | { kind: 'complete'; stat: FileStat }
  /** Complete, and a single picture. */
  | { kind: 'still'; stat: FileStat }
  /** It changed meanwhile, or is no longer there. */
  | { kind: 'changed' }
  /** Bytes may be missing; a longer window decides. */
  | { kind: 'doubt'; stat: FileStat; why: Sentence; factor?: number }
  | { kind: 'veto'; stat: FileStat; veto: Exclude<Veto['kind'], 'writer'>; why: Sentence }
  /** A process is still writing to it. */
  | { kind: 'writing'; why: Sentence }
  | { kind: 'refuse'; stat: FileStat; why: Sentence };

/** Smaller files may be stored in the inode and have no blocks of their own. */
const SPARSE_FROM_BYTES = 64 * 1024;

/**
 * Opens a quiet file and checks by its container whether it is complete. `key` is the pin key of all its samples; the
 * file must have it before and after. Rejects with `unavailable` if the mount does not answer.
 */
export async function inspect(dir: Directory, name: string, key: number): Promise<Inspection> {
  const companions = companionsOf(name);
  const [stat, ...beside] = await dir.fs.lstat([name, ...companions].map(each => pathOf(dir, each)));
  if (!stat || stat instanceof Error || pinKey(stat) !== key) return { kind: 'changed' };
  const companion = companions.find((_, i) => beside[i] && !(beside[i] instanceof Error));
  if (companion) return vetoed(stat, 'companion', say('inbox.downloading', { companion }));
  if (stat.size === 0n) return vetoed(stat, 'empty', say('inbox.empty'));
  return inspectContent(dir, name, stat);
}

async function inspectContent(dir: Directory, name: string, stat: FileStat): Promise<Inspection> {
  const key = pinKey(stat);
  let opened: OpenedFile;
  try {
    opened = await openIn(dir, name);
  } catch (error) {
    return cannotOpen(error, stat);
  }
  try {
    // Opening makes NFS and SMB ask the server: these attributes may be newer than those of all samples.
    if (pinKey(await opened.stat()) !== key) return { kind: 'changed' };
    const completeness = await checkCompleteness({
      size: Number(stat.size),
      read: (at, length) => opened.read(at, length),
    });
    const after = await opened.stat();
    return pinKey(after) === key ? assess(completeness, after, dir) : { kind: 'changed' };
  } catch (error) {
    return cannotRead(error, stat);
  } finally {
    await opened.close().catch(() => {});
  }
}

function assess(completeness: Completeness, stat: FileStat, { kind: fsKind }: Directory): Inspection {
  if (completeness.kind === 'truncated') return vetoed(stat, 'incomplete', completeness.why);
  if (completeness.kind === 'suspect') {
    const { why, hasEmptyEnd } = completeness;
    return { kind: 'doubt', stat, why, ...(hasEmptyEnd && { factor: EMPTY_END_FACTOR }) };
  }
  if (fsKind.honestBlocks && stat.size >= SPARSE_FROM_BYTES && stat.blocks * 512n < stat.size) {
    return { kind: 'doubt', stat, why: say('inbox.never-written') };
  }
  if (completeness.kind === 'still') return { kind: 'still', stat };
  const mayBeOpen = fsKind.network || hidesItsWriter(stat);
  if (completeness.kind === 'unknown' && mayBeOpen) return { kind: 'doubt', stat, why: say('inbox.no-end') };
  return { kind: 'complete', stat };
}

function cannotOpen(error: unknown, stat: FileStat): Inspection {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'changed-underneath') return { kind: 'changed' };
  if (code !== 'EACCES' && code !== 'EPERM') return cannotRead(error, stat);
  return { kind: 'refuse', stat, why: say('inbox.permission-denied') };
}

function cannotRead(error: unknown, stat: FileStat): Inspection {
  const { code } = error as NodeJS.ErrnoException;
  // Anything without an errno is a bug of ours, not a fault of the disk.
  if (code === undefined || code === 'unavailable') throw error;
  return vetoed(stat, 'unreadable', say('inbox.unreadable-now', { errno: code }));
}

function vetoed(stat: FileStat, veto: Exclude<Veto['kind'], 'writer'>, why: Sentence): Inspection {
  return { kind: 'veto', stat, veto, why };
}
