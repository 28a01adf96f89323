import { type BigIntStats, statSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { procWriters } from '../../src/inbox/open-files.ts';
import { shell, tempDir } from './support.ts';

async function file(name: string): Promise<{ path: string; dev: string; ino: string; key: string }> {
  const path = join(await tempDir(), name);
  await writeFile(path, 'x'.repeat(8192));
  const stat: BigIntStats = statSync(path, { bigint: true });
  return { path, dev: String(stat.dev), ino: String(stat.ino), key: `${stat.dev}:${stat.ino}` };
}

describe.runIf(process.platform === 'linux')('a process that may write to a file is seen', () => {
  it.each([
    ['to append', 'exec 3>>"$1"'],
    ['to read and write', 'exec 3<>"$1"'],
    ['under another name of it', 'ln "$1" "$1.other"; exec 3>>"$1.other"'],
  ])('when it has it open %s', async (_, script) => {
    const clip = await file('clip.mp4');
    const other = await file('other.mp4');
    const child = await shell(`${script}; echo ready; read line`, clip.path);
    const writers = procWriters([clip, other]);
    expect([...writers.keys()]).toEqual([clip.key]);
    expect(writers.get(clip.key)).toEqual({ pid: child.pid, command: expect.stringMatching(/^\w+/) });
    child.stdin?.end();
    await new Promise(resolve => child.once('exit', resolve));
    expect(procWriters([clip]).size).toBe(0);
  });

  it('and called by its program, not by a thread of it (Node 24: MainThread)', async () => {
    const clip = await file('clip.mp4');
    await shell('exec 3>>"$1"; printf MainThread > /proc/$$/comm; echo ready; read line', clip.path);
    expect(procWriters([clip]).get(clip.key)?.command).toMatch(/^(ba|da)?sh$/);
  });

  it('but not when it only reads', async () => {
    const clip = await file('clip.mp4');
    await shell('exec 3<"$1"; echo ready; read line', clip.path);
    expect(procWriters([clip]).size).toBe(0);
  });

  it('but not when the file of that name is another one', async () => {
    const [clip, same] = [await file('clip.mp4'), await file('clip.mp4')];
    await symlink(same.path, `${clip.path}.link`);
    await shell('exec 3>>"$1"; echo ready; read line', `${clip.path}.link`);
    expect([...procWriters([clip, same]).keys()]).toEqual([same.key]);
  });

  it('when it closed the file but has it mapped (torrent clients)', async () => {
    const clip = await file('clip.mp4');
    const python =
      'import mmap,sys\nf=open(sys.argv[1],"r+b")\nm=mmap.mmap(f.fileno(),0)\nf.close()\nprint("ready",flush=True)\nsys.stdin.readline()';
    const child = await shell(
      'command -v python3 >/dev/null || { echo ready; exit; }; exec python3 -c "$2" "$1"',
      clip.path,
      python,
    );
    const found = procWriters([clip]).get(clip.key);
    // Without Python nobody is there to map it.
    expect(found?.pid).toBe(child.exitCode === null ? child.pid : undefined);
  });

  it('or nothing is done at all, where nothing is asked', () => {
    expect(procWriters([]).size).toBe(0);
  });
});
