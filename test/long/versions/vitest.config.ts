import { defineConfig, mergeConfig } from 'vitest/config';
import { join } from 'node:path';
import quick from '../../../vitest.config.ts';

/** Quick tests and those of test/long that are named: which of them, run.mjs says. */
const isNamed = process.argv.some(one => one.startsWith('test/long/'));

export default defineConfig(
  mergeConfig(
    { ...quick, test: { ...quick.test, exclude: [] } },
    {
      root: join(import.meta.dirname, '../../..'),
      test: { exclude: isNamed ? ['node_modules/**'] : ['node_modules/**', 'test/long/**'] },
    },
  ),
);
