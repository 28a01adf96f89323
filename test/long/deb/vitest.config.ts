import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** Boots a machine, so it is not part of `npm test`: `npm run test:deb`. Needs root, debootstrap and systemd-nspawn. */
export default defineConfig({
  root: join(import.meta.dirname, '../../..'),
  test: {
    include: ['test/long/deb/*.boot.ts'],
    reporters: ['verbose'],
    testTimeout: 180_000,
    hookTimeout: 600_000,
  },
});
