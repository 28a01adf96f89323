import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { flock } from '../../../src/platform/process/flock.ts';
import { tempDir } from '../../support/serving.ts';

// Was: a rejection that nobody saw, which ended the daemon.
it('a flock that cannot be started is an error of whoever asked', async () => {
  const dir = await tempDir();
  await writeFile(join(dir, 'flock'), '#!/no/such/program\n', { mode: 0o755 });
  vi.stubEnv('PATH', dir);
  onTestFinished(() => void vi.unstubAllEnvs());
  const file = await open(join(dir, 'lock'), 'w');
  onTestFinished(() => file.close());
  await expect(flock(file.fd, 'trying')).rejects.toMatchObject({ name: 'ShrinkError', code: 'io' });
});
