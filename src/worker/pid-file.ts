/** Which process works in a scratch folder, so that two don't, and `worker drain` finds it. */
import { open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ShrinkError } from '../core/errors.ts';
import { say } from '../messages/say.ts';
import { makePrivateDir } from '../platform/files/files.ts';
import { flock } from '../platform/process/flock.ts';

const NAME = 'worker.pid';

/** @throws ShrinkError `locked` if another worker has the folder */
export async function holdPidFile(scratch: string | undefined): Promise<{ release(): Promise<void> }> {
  if (scratch === undefined) return { release: async () => {} };
  await makePrivateDir(scratch, { recursive: true });
  const path = join(scratch, NAME);
  const file = await open(path, 'a+', 0o600);
  if (!(await flock(file.fd, 'locking the scratch folder'))) {
    await file.close();
    throw new ShrinkError('locked', say('fleet.scratch-in-use', { path: scratch }), {
      subject: path,
      hint: say('fleet.scratch-in-use-hint'),
    });
  }
  await file.truncate(0);
  await file.write(`${process.pid}\n`);
  return {
    async release() {
      await unlink(path).catch(() => {});
      await file.close();
    },
  };
}

export async function pidOfWorker(scratch: string | undefined): Promise<number | undefined> {
  if (scratch === undefined) return undefined;
  const pid = Number((await readFile(join(scratch, NAME), 'utf8').catch(() => '')).trim());
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  // A number that was given to another program since must not be signalled.
  const isWorker = await readFile(`/proc/${pid}/cmdline`, 'utf8').then(
    line => line.split('\0').includes('worker'),
    () => process.platform !== 'linux',
  );
  return isWorker ? pid : undefined;
}
