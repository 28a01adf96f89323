import type { BigIntStats } from 'node:fs';
import { namedPath } from './named-path.ts';
import { type Files, nodeFiles } from '../../src/platform/files/files.ts';

/**
 * The real disk with inodes numbered by name, as mergerfs and unionfs-fuse show it: two names of one file have two numbers,
 * and a renamed file keeps the one it had.
 */
export function renumberingFiles(): Files {
  const numbers = new Map<string, bigint>();
  let last = 0n;
  const numbered = (at: string, stats: BigIntStats): BigIntStats => {
    if (!stats.isFile()) return stats;
    const path = namedPath(at);
    const ino = numbers.get(path) ?? (last += 1n);
    numbers.set(path, ino);
    return Object.assign(Object.create(Object.getPrototypeOf(stats) as object) as BigIntStats, stats, { ino });
  };
  return {
    ...nodeFiles,
    lstat: async path => numbered(path, await nodeFiles.lstat(path)),
    stat: async path => numbered(path, await nodeFiles.stat(path)),
    async open(path, flags, mode) {
      const handle = await nodeFiles.open(path, flags, mode);
      const name = namedPath(path);
      return { ...handle, stat: async () => numbered(name, await handle.stat()) };
    },
    async rename(from, to) {
      await nodeFiles.rename(from, to);
      const ino = numbers.get(namedPath(from));
      numbers.delete(namedPath(from));
      if (ino !== undefined) numbers.set(namedPath(to), ino);
    },
    async unlink(path) {
      await nodeFiles.unlink(path);
      numbers.delete(namedPath(path));
    },
  };
}
