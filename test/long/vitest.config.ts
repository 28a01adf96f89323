import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { common } from '../../vitest.config.ts';

/** Everything that takes minutes: `npm run test:full`. What takes longer has scripts of its own. */
export default defineConfig({
  root: join(import.meta.dirname, '../..'),
  test: { ...common, include: ['test/long/**/*.test.ts'], maxWorkers: 3 },
});
