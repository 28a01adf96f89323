import type { StatusView } from '../api/types.ts';

/** Disks shown: those with the least room. */
const DISKS = 2;

export interface Disk {
  path: string;
  free: number;
  size: number;
}

/** What was written between two looks at one disk, as a share of it. */
const BETWEEN_LOOKS = 0.001;

/** Each disk once: folders on one disk have the same room, but may have been looked at one after the other. */
export function disksOf({ folders }: Pick<StatusView, 'folders'>): Disk[] {
  const found: Disk[] = [];
  for (const { path, free_bytes: free, size_bytes: size } of folders.flatMap(({ disks }) => disks)) {
    if (free === null || size === null || size <= 0) continue;
    const isKnown = found.some(disk => disk.size === size && Math.abs(disk.free - free) <= size * BETWEEN_LOOKS);
    if (!isKnown) found.push({ path, free, size });
  }
  return found.sort((a, b) => a.free / a.size - b.free / b.size).slice(0, DISKS);
}
