import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { common } from '../../../vitest.config.ts';

/** Quick tests and those of test/long that are named: which of them, run.mjs says. */
const isNamed = process.argv.some(one => one.startsWith('test/long/'));

export default defineConfig({
  root: join(import.meta.dirname, '../../..'),
  test: {
    ...common,
    maxWorkers: 2,
    include: ['test/**/*.test.ts'],
    exclude: isNamed ? ['node_modules/**'] : ['node_modules/**', 'test/long/**'],
  },
});
