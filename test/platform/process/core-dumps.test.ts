import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { Box } from '../../support/box.ts';

let box: Box | undefined;
afterEach(() => box?.dispose());

it('a daemon that crashes leaves no core file with its tokens', async () => {
  // Where the shell that starts it allows core files; not everybody may raise that limit.
  const wrap = ['sh', '-c', 'ulimit -c unlimited 2>/dev/null; exec "$@"', 'sh'];
  box = new Box({ wrap, env: { NEMO_TOKEN: 'planted-0123456789' } });
  await box.start();
  expect(readFileSync(`/proc/${box.pid}/limits`, 'utf8')).toMatch(/Max core file size +0 +0 /);
});
