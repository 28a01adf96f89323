import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { cleanUp, isRoot } from './support.ts';

/** Root of a machine or container that is allowed to mount; elsewhere the tests that need it do not run. */
export const canMount =
  process.platform === 'linux' &&
  isRoot &&
  existsSync('/dev/fuse') &&
  spawnSync('unshare', ['-m', 'true']).status === 0;

export interface TestMount {
  /** Takes it away; also happens after the tests. */
  end(): Promise<void>;
}

/** An empty file system over a folder. */
export function tmpfsOver(point: string): Promise<TestMount> {
  return mountedOver(point, 'tmpfs');
}

/** The same of another type that needs no device. */
export async function mountedOver(point: string, type: string): Promise<TestMount> {
  await run('mount', ['-t', type, 'none', point]);
  return ending(() => run('umount', ['-l', point]));
}

/** However wrong a test goes, nobody hangs longer than this. */
const HANG_S = 60;

/**
 * A FUSE mount whose server never says a word, as a network file system whose server is off: every call into it hangs. The
 * server is a sleeping process; its end fails all that hangs.
 */
export async function hungMount(point: string): Promise<TestMount> {
  const device = openSync('/dev/fuse', 'r+');
  const server = spawn('sleep', [String(HANG_S)], { stdio: ['ignore', 'ignore', 'ignore', device] });
  const ended = once(server, 'exit');
  await run('mount', ['-i', '-t', 'fuse', '-o', 'fd=3,rootmode=40000,user_id=0,group_id=0', 'hung', point], device);
  closeSync(device);
  return ending(async () => {
    server.kill('SIGKILL');
    await ended;
    await run('umount', ['-l', point]);
  });
}

function ending(work: () => Promise<void>): TestMount {
  let ended: Promise<void> | undefined;
  const end = () => {
    ended ??= work();
    return ended;
  };
  cleanUp(end);
  return { end };
}

/** Runs a command; `fd` becomes its file descriptor 3. */
async function run(command: string, args: string[], fd?: number): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', fd ?? 'ignore'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`);
}
