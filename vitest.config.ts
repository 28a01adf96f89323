import { defineConfig, type TestUserConfig } from 'vitest/config';

// Tests that let a mount hang share one process, and its threads, with others of their file.
process.env['UV_THREADPOOL_SIZE'] ??= '16';

/** What the longer suites share. */
export const common: TestUserConfig = {
  // Only what hangs should meet these: on a busy machine a test takes twenty times as long as it should.
  testTimeout: 300_000,
  hookTimeout: 300_000,
  expect: { poll: { timeout: 60_000 } },
};

/** Rooms whose tests change nothing of their process: their files share one, which saves half of their time. */
const SHARED = [
  'after',
  'config',
  'core',
  'engine',
  'fleet',
  'journal',
  'library',
  'messages',
  'monitor',
  'notify',
  'queue',
  'rules',
  'shape',
  'verify',
  'web',
].map(room => `test/${room}/**/*.test.ts`);

export default defineConfig({
  test: {
    ...common,
    // Some wait for disks, clocks and pages: a third worker takes what two leave of two cores.
    maxWorkers: 3,
    projects: [
      { extends: true, test: { name: 'shared', include: SHARED, isolate: false } },
      { extends: true, test: { name: 'rest', include: ['test/**/*.test.ts'], exclude: ['test/long/**', ...SHARED] } },
    ],
  },
});
