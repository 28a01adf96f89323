import { expect, it } from 'vitest';
import { archiveRoom } from '../../src/app/library-plan.ts';
import type { Config } from '../../src/config/load.ts';
import type { Files } from '../../src/platform/files/files.ts';

/** Disks by folder: the device, and blocks of a kilobyte, free of all. */
function filesOn(disks: Record<string, { dev: number; free: number; of: number }>): Files {
  const at = (path: string) => disks[path] ?? Promise.reject(Object.assign(new Error('gone'), { code: 'ENOENT' }));
  return {
    stat: async (path: string) => ({ dev: BigInt((await at(path)).dev) }),
    statfs: async (path: string) => {
      const { free, of } = await at(path);
      return { bsize: 1000, blocks: of, bavail: free, files: 0, ffree: 0 };
    },
  } as unknown as Files;
}

const LIBRARY = { library: '/films', archive: '/archive', originals: 'archive' as const, minAge: 0, rules: [] };
const config = { limits: { minFree: { bytes: 100_000, share: 0.1 } } } as unknown as Config;
const films = { dev: 1, free: 9_000, of: 9_000 };

it('a plan did not say that the archive is too small: what is kept free is no room', async () => {
  const on = (archive: { dev: number; free: number; of: number }) => filesOn({ '/films': films, '/archive': archive });
  expect(await archiveRoom(LIBRARY, { config, files: on({ dev: 2, free: 1_500, of: 5_000 }) })).toBe(1_000_000);
  expect(await archiveRoom(LIBRARY, { config, files: on({ dev: 2, free: 50, of: 500 }) })).toBe(-50_000);
});

it('an archive on the disk of the library has room for everything, and of one that is away nobody knows', async () => {
  const full = { dev: 1, free: 0, of: 5_000 };
  expect(await archiveRoom(LIBRARY, { config, files: filesOn({ '/films': films, '/archive': full }) })).toBe(Infinity);
  expect(await archiveRoom(LIBRARY, { config, files: filesOn({ '/films': films }) })).toBe(Infinity);
  const replaced = { ...LIBRARY, originals: 'replace' as const };
  expect(await archiveRoom(replaced, { config, files: filesOn({}) })).toBe(Infinity);
});
