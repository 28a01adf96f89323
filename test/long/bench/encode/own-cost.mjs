/** Loaded into shrinkbox by --import: at the end, the process writes down its own processor time (its children's is not in it). */
import { writeFileSync } from 'node:fs';

process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  if (process.env.SHRINKBOX_BENCH_OWN) writeFileSync(process.env.SHRINKBOX_BENCH_OWN, String((user + system) / 1e6));
});
