import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** Needs nginx, caddy and chromium, so it is not part of `npm test`: `npm run test:proxies`. */
export default defineConfig({
  root: join(import.meta.dirname, '../../..'),
  test: {
    include: ['test/long/proxies/*.proxied.ts'],
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
});
