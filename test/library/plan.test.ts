import type { BigIntStats } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Candidates } from '../../src/library/plan/candidates.ts';
import { whyLeftAlone } from '../../src/library/plan/look.ts';
import { orphansOf, resultNameOf, rivalsOf } from '../../src/library/names.ts';

const NOW = 1_700_000_000_000;
const ago = (ms: number) => BigInt(NOW - ms) * 1_000_000n;
const film = (more: object = {}) =>
  ({
    ...{ isFile: () => true, isSymbolicLink: () => false, size: 5_000_000n, blocks: 9_766n, nlink: 1n, uid: 1000n },
    ...{ mtimeNs: ago(30 * 86_400_000), ctimeNs: ago(30 * 86_400_000), ...more },
  }) as unknown as BigIntStats;
const look = (stats: BigIntStats, beside: string[] = [], user = 0) =>
  whyLeftAlone({ name: 'a.mov', stats, beside: ['a.mov', ...beside], now: NOW, minAge: 7 * 86_400_000, user })?.left;

describe('a film of a library', () => {
  test('that nothing speaks against is looked at', () => expect(look(film())).toBeUndefined());

  test.each([
    ['young', film({ mtimeNs: ago(3_600_000), ctimeNs: ago(3_600_000) })],
    // `cp -p` an hour ago keeps the date of years ago.
    ['young', film({ ctimeNs: ago(3_600_000) })],
    // A file server sets dates as it is told to.
    ['young', film({ mtimeNs: ago(3_600_000) })],
    ['hard-linked', film({ nlink: 2n })],
    ['sparse', film({ blocks: 8n })],
    ['sparse', film({ blocks: 0n })],
    ['empty', film({ size: 0n, blocks: 0n })],
    ['link', film({ isFile: () => false, isSymbolicLink: () => true })],
  ])('is left alone: %s', (left, stats) => expect(look(stats)).toBe(left));

  test('of another user is left alone, unless root may keep that', () => {
    expect(look(film(), [], 1001)).toBe('not-ours');
    expect(look(film(), [], 1000)).toBeUndefined();
  });

  test.each(['a.mp4', 'A.MP4', 'a.mkv', 'a.avi'])('is left alone beside %s', name => {
    expect(look(film(), [name])).toBe('name-taken');
  });

  test.each(['a.srt', 'b.mp4', 'a.en.srt', 'a.mov.xmp'])('is done beside %s', name => {
    expect(look(film(), [name])).toBeUndefined();
  });
});

test('a result has the name of its original, and an MP4 keeps all of it', () => {
  expect(['a.mov', 'B.MP4', 'c.d.mkv', 'e.m4v'].map(resultNameOf)).toEqual(['a.mp4', 'B.MP4', 'c.d.mp4', 'e.mp4']);
  expect(rivalsOf('a.mp4', ['a.mov', 'a.mp4', 'a.mkv'])).toEqual([]);
  expect(orphansOf('a.mov', ['a.mov', 'a.mov.xmp', 'a.srt'])).toEqual(['a.mov.xmp']);
});

test('of many films the largest are looked at, and as many of the others by chance', () => {
  const candidates = new Candidates({ most: 20, random: () => 0.5 });
  for (let n = 0; n < 5000; n += 1) candidates.add({ relative: `${n}`, bytes: (n * 7919) % 5000, mtimeNs: '1' });
  const { largest, some } = candidates.chosen();
  expect(largest.map(({ bytes }) => bytes)).toEqual(Array.from({ length: 10 }, (_, n) => 4999 - n));
  expect(some).toHaveLength(10);
  expect(candidates.others.files).toBe(4990);
});
