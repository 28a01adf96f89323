/**
 * Loaded into a daemon under test (`node --import`): dies by SIGKILL the moment a record of its journal is durable, and not a step later.
 * SHRINKBOX_KILL_AT names a file with `{"journal": DIR, "records": N}`; it is removed first, so that the next start lives.
 */
import { existsSync, readdirSync, readFileSync, unlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

const at = process.env.SHRINKBOX_KILL_AT;
if (at && existsSync(at)) {
  const { journal, records } = JSON.parse(readFileSync(at, 'utf8'));
  const handle = await open('/dev/null');
  const files = Object.getPrototypeOf(handle);
  await handle.close();
  const { datasync } = files;
  files.datasync = async function (...args) {
    await datasync.apply(this, args);
    if (linesIn(journal) < records) return;
    unlinkSync(at);
    process.kill(process.pid, 'SIGKILL');
    // Nothing of ours goes on while the signal is on its way.
    await new Promise(() => {});
  };
}

function linesIn(dir) {
  const names = readdirSync(dir).filter(name => name.endsWith('.jsonl'));
  return names.reduce((sum, name) => sum + readFileSync(join(dir, name), 'utf8').split('\n').length - 1, 0);
}
