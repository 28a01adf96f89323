import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** Builds an image and runs it, so it is not part of `npm test`: `npm run test:container`. */
export default defineConfig({
  root: join(import.meta.dirname, '../../..'),
  test: {
    include: ['test/long/container/*.boot.ts'],
    reporters: ['verbose'],
    testTimeout: 180_000,
    hookTimeout: 1_800_000,
  },
});
