import { expect, it } from 'vitest';
import { joinedTables, keepsChapters, longTags, videoTables } from '../../../../src/engine/local/plan/budget.ts';

it('tables: 12 bytes a frame, 20 where frames differ in length, as measured on 23 s at 30 frames a second', () => {
  expect(videoTables(690, 23, false)).toBe(690 * 12 + 23 * 32 + 2_000);
  expect(videoTables(690, 23, true)).toBe(690 * 20 + 23 * 32 + 2_000);
});

it('tables of a small clip, which the estimate put 1.4 kB too high: within 100 bytes of what was measured', () => {
  const phone = {
    durationS: 1.156,
    tags: { creation_time: '2020-01-01T00:00:00Z' },
    tagBytes: 33,
    chapters: 0,
    hasSound: true,
  };
  expect(Math.abs(joinedTables(1_290, phone) - 1_053)).toBeLessThan(100);
  const street = { durationS: 9.8, tags: {}, tagBytes: 0, chapters: 0, hasSound: false };
  expect(Math.abs(joinedTables(2_035, street) - 2_040)).toBeLessThan(100);
});

it('hundreds of chapters are counted, as measured with titles of 19 letters; thousands are left out', () => {
  const withChapters = (chapters: number) => longTags({ tagBytes: 0, chapters });
  expect([2, 255, 1_000, 1_001].map(withChapters)).toEqual([0, 15_850, 68_000, 0]);
  for (const [chapters, bytes] of [
    [100, 6_676],
    [255, 16_131],
    [1_000, 40_716],
  ] as const) {
    expect(withChapters(chapters) + 2_000).toBeGreaterThan(bytes);
  }
  expect([0, 1, 1_000, 1_001].map(chapters => keepsChapters({ chapters }))).toEqual([false, true, true, false]);
});
