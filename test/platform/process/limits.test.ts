import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ceilingsIn, findLaunchers, launchedThrough } from '../../../src/platform/process/limits.ts';
import { runChild } from '../../../src/platform/process/run-child.ts';
import { Box } from '../../support/box.ts';

describe('the launchers before a child', () => {
  it('are only those that are needed and there, in an order in which each replaces itself', () => {
    const all = { setpriv: '/s', prlimit: '/p', nice: '/n', ionice: '/i' };
    const wishes = { args: ['-i', 'x'], limits: { addressSpaceBytes: 5, cpuSeconds: 2 }, nice: 10 };
    expect(launchedThrough(all, '/ffmpeg', wishes)).toEqual([
      '/s',
      [
        ...['--pdeathsig', 'KILL', '/p', '--as=5', '--cpu=2:7', '--core=0', '/n', '-n', '10'],
        ...['/i', '-c', '2', '-n', '7', '/ffmpeg', '-i', 'x'],
      ],
    ]);
    const none = { setpriv: undefined, prlimit: undefined, nice: undefined, ionice: undefined };
    expect(launchedThrough(none, '/ffmpeg', wishes)).toEqual(['/ffmpeg', ['-i', 'x']]);
    expect(launchedThrough(all, '/ffmpeg', { args: [] })).toEqual(['/s', ['--pdeathsig', 'KILL', '/ffmpeg']]);
  });

  it('ask for no more than we may have ourselves (was: under a ulimit of 3 GB every video was called damaged)', async () => {
    if (!(await findLaunchers()).prlimit) return; // nothing to see where util-linux is missing
    const limits = { addressSpaceBytes: 4 * 2 ** 30, cpuSeconds: 60, fileSizeBytes: 5e9 };
    const ulimit = 'ulimit -v 3000000; ulimit -t 20; ulimit -f 1000000; cat /proc/self/limits; exec "$@"';
    const own = (await promisify(execFile)('sh', ['-c', ulimit, 'sh', 'true'])).stdout;
    const launchers = { ...(await findLaunchers()), ceilings: ceilingsIn(own) };
    const child = launchedThrough(launchers, '/bin/cat', { args: ['/proc/self/limits'], limits });
    const { stdout } = await promisify(execFile)('sh', ['-c', ulimit, 'sh', child[0], ...child[1]]);
    expect(stdout.match(/Max cpu time +20 +20 /g)).toHaveLength(2);
    expect(ceilingsIn(own)).toMatchObject({ cpuSeconds: 20, addressSpaceBytes: 3_072_000_000 });
    expect(ceilingsIn('')).toEqual({});
  });

  it('bring limits and niceness to the child itself', async () => {
    if (!(await findLaunchers()).prlimit) return; // nothing to see where util-linux is missing
    const { stdout } = await runChild({
      command: 'cat',
      args: ['/proc/self/limits'],
      doing: 'looking',
      limits: { addressSpaceBytes: 1e9, cpuSeconds: 7, fileSizeBytes: 12_345 },
    });
    expect(stdout).toMatch(/Max address space +1000000000 /);
    expect(stdout).toMatch(/Max cpu time +7 +12 /);
    expect(stdout).toMatch(/Max file size +12345 /);
    const ours = getPriority();
    if ((await findLaunchers()).ionice)
      expect((await runChild({ command: 'ionice', args: [], doing: 'looking', nice: 7 })).stdout).toMatch(/prio 7/);
    expect((await runChild({ command: 'nice', args: [], doing: 'looking', nice: 7 })).stdout).toBe(String(ours + 7));
  });
});

it('a daemon that crashes leaves no core file with its tokens', async () => {
  // Where the shell that starts it allows core files; not everybody may raise that limit.
  const wrap = ['sh', '-c', 'ulimit -c unlimited 2>/dev/null; exec "$@"', 'sh'];
  const box = new Box({ wrap, env: { NEMO_TOKEN: 'planted-0123456789' } });
  onTestFinished(() => box.dispose());
  await box.start();
  expect(readFileSync(`/proc/${box.pid}/limits`, 'utf8')).toMatch(/Max core file size +0 +0 /);
});
