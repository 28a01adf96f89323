import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findProgram } from './limits.ts';

/**
 * A core file of ours would hold tokens in plain sight. Node cannot set its own limits, `prlimit` (util-linux) sets those of a
 * running process; where it is missing the units' LimitCORE=0 is what there is.
 */
export async function forbidCoreDumps(): Promise<void> {
  const prlimit = await findProgram('prlimit');
  if (!prlimit) return;
  const child = spawn(prlimit, ['--pid', String(process.pid), '--core=0:0'], { stdio: 'ignore' });
  await once(child, 'close').catch(() => {});
}
