import { join } from 'node:path';
import { defineConfig, mergeConfig } from 'vitest/config';
import quick from '../../vitest.config.ts';

/** Everything that takes minutes: `npm run test:full`. What takes longer has scripts of its own. */
export default defineConfig(
  mergeConfig(
    { ...quick, test: { ...quick.test, include: [], exclude: [] } },
    {
      root: join(import.meta.dirname, '../..'),
      // Many of these wait for disks, clocks and services: a third worker takes what two leave of two cores.
      test: { include: ['test/long/**/*.test.ts'], maxWorkers: 3 },
    },
  ),
);
