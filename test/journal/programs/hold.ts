/** Takes the lock of a state directory, says how that went, and holds it until its stdin ends. */
import { writeSync } from 'node:fs';
import { isShrinkError } from '../../../src/core/errors.ts';
import { acquireLock } from '../../../src/journal/lock.ts';

const [stateDir = '', after] = process.argv.slice(2);
try {
  if (after) await new Promise(resolve => process.stdin.once('data', resolve));
  const lock = await acquireLock({ stateDir, version: '1.2.3' });
  writeSync(1, 'won\n');
  process.stdin.resume();
  await new Promise(resolve => process.stdin.once('end', resolve));
  await lock.release();
} catch (error) {
  if (!isShrinkError(error)) throw error;
  writeSync(1, `${error.code}: ${error.message}\n`);
}
