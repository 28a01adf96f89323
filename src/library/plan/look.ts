import type { BigIntStats } from 'node:fs';
import { extensionOf, VIDEO_EXTENSIONS } from '../../core/file-names.ts';
import type { Sentence } from '../../core/message.ts';
import { reasonToIgnoreFile } from '../../inbox/ignored-names.ts';
import { say } from '../../messages/say.ts';
import { rivalsOf } from '../names.ts';

/** Why a film is left alone; a plan counts them. */
export const LEFT = [
  'young',
  'hard-linked',
  'open',
  'done-before',
  'brought-back',
  'name-taken',
  'sparse',
  'empty',
  'link',
  'not-ours',
  'unreadable',
  'no-rule',
  'codec',
  'no-encoder',
  'would-lose',
  'below-floor',
  'saves-too-little',
  'protected',
  'damaged',
] as const;
export type Left = (typeof LEFT)[number];

export interface LeftAlone {
  left: Left;
  why: Sentence;
}

/** Whether a name is one of a film, as far as names go: others are not counted as left alone. */
export function isFilm(name: string): boolean {
  return reasonToIgnoreFile(name) === undefined && VIDEO_EXTENSIONS.has(extensionOf(name));
}

export interface LookOptions {
  name: string;
  stats: BigIntStats;
  /** All names of its folder. */
  beside: readonly string[];
  /** Epoch ms. */
  now: number;
  /** Milliseconds. */
  minAge: number;
  /** The user we are, or 0 for root, who may keep any owner. */
  user: number;
}

/** What a film's name, its neighbours and its inode say against touching it. Nothing is opened. Pure. */
export function whyLeftAlone({ name, stats, beside, now, minAge, user }: LookOptions): LeftAlone | undefined {
  const left = (kind: Left, why: Sentence): LeftAlone => ({ left: kind, why });
  if (stats.isSymbolicLink()) return left('link', say('library.left-link'));
  if (!stats.isFile()) return left('link', say('library.left-special'));
  if (stats.size === 0n) return left('empty', say('library.left-empty'));
  if (stats.nlink > 1n) return left('hard-linked', say('library.left-linked', { names: Number(stats.nlink) }));
  if (now - lastTouched(stats) < minAge) return left('young', say('library.left-young', { minMs: minAge }));
  if (isSparse(stats)) return left('sparse', say('library.left-sparse'));
  if (user !== 0 && Number(stats.uid) !== user)
    return left('not-ours', say('library.left-owner', { uid: Number(stats.uid) }));
  const [rival] = rivalsOf(name, beside);
  if (rival !== undefined) return left('name-taken', say('library.left-taken', { name: rival }));
  return undefined;
}

/**
 * Epoch ms. A copy that keeps its date (`cp -p`, a backup brought back) has an old mtime from its first byte on; ctime is when it came
 * to be here. A change of owner or name counts as well: whoever does that is at work there.
 */
function lastTouched({ mtimeNs, ctimeNs }: Pick<BigIntStats, 'mtimeNs' | 'ctimeNs'>): number {
  return Number((mtimeNs > ctimeNs ? mtimeNs : ctimeNs) / 1_000_000n);
}

/** Less than half of it was ever written. Small files may have no blocks of their own, and some file systems count none. */
function isSparse({ blocks, size }: Pick<BigIntStats, 'blocks' | 'size'>): boolean {
  return blocks * 512n * 2n < size && (blocks > 0n || size > 1_000_000n);
}
