import { join } from 'node:path';
import { defineConfig, mergeConfig } from 'vitest/config';
import quick from '../../vitest.config.ts';

/** Everything that takes minutes: `npm run test:full`. What takes longer has scripts of its own. */
export default defineConfig(
  mergeConfig(
    { ...quick, test: { ...quick.test, include: [], exclude: [] } },
    {
      root: join(import.meta.dirname, '../..'),
      test: { include: ['test/long/**/*.test.ts'] },
    },
  ),
);
