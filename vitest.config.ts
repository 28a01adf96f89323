import { defineConfig } from 'vitest/config';

// Tests that let a mount hang share one process, and its threads, with others of their file.
process.env['UV_THREADPOOL_SIZE'] ??= '16';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/long/**'],
    // Only what hangs should meet these: on a busy machine a test takes twenty times as long as it should.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    // Two cores, and ffmpeg uses both: more workers only make every wait longer.
    maxWorkers: 2,
  },
});
