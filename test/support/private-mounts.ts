import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface PrivateMounts {
  /** The mounted folder, reached through /proc from outside of its mount namespace. */
  root: string;
  /** Takes the mounts away, with the programs behind them; they also end with this process, whatever happens. */
  close(): Promise<void>;
}

/**
 * A small tmpfs in a mount namespace of its own, as root or in a user namespace: nothing of the machine changes.
 * @param script shell lines run in the mounted folder, for bind mounts and the like.
 * @returns `undefined` where the machine allows neither; the caller then simulates what it needs.
 */
export async function privateMounts(sizeBytes: number, script = ''): Promise<PrivateMounts | undefined> {
  for (const flags of ['-mpf', '-Urmpf']) {
    const mounts = await mounted(flags, sizeBytes, script);
    if (mounts) return mounts;
  }
  return undefined;
}

async function mounted(flags: string, sizeBytes: number, script: string): Promise<PrivateMounts | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'shrinkbox-mount-'));
  const commands = `mount -t tmpfs -o size=${sizeBytes} none "$0" && cd "$0" && { ${script || ':'}; } && cd / && echo ready && exec cat`;
  const child = spawn('unshare', [flags, '--kill-child', 'sh', '-ec', commands, dir], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = new Promise<void>(resolve => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
  const ready = new Promise<boolean>(resolve => {
    child.stdout.once('data', () => resolve(true));
    void ended.then(() => resolve(false));
  });
  const close = async () => {
    child.stdin.end();
    child.kill('SIGKILL');
    await ended;
    await rm(dir, { recursive: true, force: true });
  };
  if (await ready) return { root: `/proc/${child.pid}/root${dir}`, close };
  await close();
  return undefined;
}
