import type { BigIntStats } from 'node:fs';
import type { Pin } from '../core/job.ts';
import type { Sample } from './stability.ts';

/** The parts of lstat that are used; BigIntStats has them all. */
export type FileStat = Pick<
  BigIntStats,
  | 'dev'
  | 'ino'
  | 'mode'
  | 'uid'
  | 'size'
  | 'mtimeNs'
  | 'ctimeNs'
  | 'birthtimeNs'
  | 'blocks'
  | 'isFile'
  | 'isDirectory'
  | 'isSymbolicLink'
>;

export function pinOf(stat: FileStat): Pin {
  return {
    dev: String(stat.dev),
    ino: String(stat.ino),
    sizeBytes: Number(stat.size),
    mtimeNs: String(stat.mtimeNs),
    ctimeNs: String(stat.ctimeNs),
  };
}

export function sampleOf(stat: FileStat): Sample {
  return {
    key: pinKey(stat),
    blocks: Number(stat.blocks),
    ino: Number(stat.ino),
    sizeBytes: Number(stat.size),
  };
}

const fields = new BigInt64Array(5);
const halves = new Uint32Array(fields.buffer);

/**
 * A pin as a 53-bit hash, so that 100,000 known files cost one number each. Two different pins of one path share a key once in
 * 2^53.
 */
export function pinKey(stat: FileStat): number {
  fields[0] = stat.dev;
  fields[1] = stat.ino;
  fields[2] = stat.size;
  fields[3] = stat.mtimeNs;
  fields[4] = stat.ctimeNs;
  let a = 0x9e3779b9;
  let b = 0x85ebca6b;
  for (const half of halves) {
    a = Math.imul(a ^ half, 0x85ebca6b);
    a ^= a >>> 13;
    b = Math.imul(b ^ half, 0xc2b2ae35);
    b ^= b >>> 15;
  }
  return (a >>> 0) * 0x200000 + (b >>> 11);
}

/**
 * Identifies a directory, whatever its name. ext4 reuses inode numbers at once (after `rm -r` and `mkdir`), so the birth
 * time counts too; if the file system keeps none, it is 0 or ctime, and a watch is renewed once too often.
 */
export function identityOf(stat: FileStat): string {
  return `${stat.dev}:${stat.ino}:${stat.birthtimeNs}`;
}
