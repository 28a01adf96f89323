import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores, and ffmpeg uses both: more workers only make every wait longer.
    maxWorkers: 2,
  },
});
