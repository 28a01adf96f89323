import { expect, it } from 'vitest';
import { disksOf } from '../../src/web/disks.ts';

const TB = 1e12;

function shown(...disks: [path: string, freeBytes: number, sizeBytes: number][]): string[] {
  const view = disks.map(([path, free_bytes, size_bytes]) => ({ path, free_bytes, size_bytes }));
  const folders = [{ disks: view }] as unknown as Parameters<typeof disksOf>[0]['folders'];
  return disksOf({ folders }).map(({ path }) => path);
}

// Was: one disk stood there twice, because something was written between the looks at both folders.
it('folders on one disk show one disk', () => {
  expect(shown(['/in', 0.5 * TB, TB], ['/out', 0.5 * TB - 50e6, TB])).toEqual(['/in']);
});

it('of disks of their own, the two fullest are shown', () => {
  expect(shown(['/in', 0.5 * TB, TB], ['/out', 0.3 * TB, TB], ['/nas', 0.5 * TB, 2 * TB])).toEqual(['/nas', '/out']);
});
