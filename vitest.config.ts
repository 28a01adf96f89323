import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Only what hangs should meet these: on a busy machine a test takes twenty times as long as it should.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    // Two cores, and ffmpeg uses both: more workers only make every wait longer.
    maxWorkers: 2,
  },
});
