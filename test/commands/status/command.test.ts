import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { runCli } from '../../support/cli.ts';
import type { FakeControl } from '../../support/fake-control.ts';
import { serving, tempDir } from '../../support/serving.ts';

let dir: string;
let stateDir: string;

beforeEach(async () => {
  dir = await tempDir();
  stateDir = join(dir, 'state');
  await mkdir(join(dir, 'inbox'));
  await writeFile(join(dir, 'config.yaml'), 'log: { level: silent }\n');
});

const run = (...argv: string[]) => runCli(['--config', join(dir, 'config.yaml'), ...argv], { cwd: dir });

/** A daemon with a few jobs, answering at this test's state directory. */
async function daemon(): Promise<FakeControl> {
  await mkdir(stateDir);
  const { control } = await serving({ stateDir });
  control.add({ id: 'run1', state: 'running', step: 'pass 2 of 2', progress: 0.417, source: '/in/long.mov' });
  control.add({ id: 'done1', state: 'done', output: '/out/done1.mp4', output_bytes: 1_000_000, how: 'two passes' });
  control.add({ id: 'fail1', state: 'failed', reason: 'it is a text file', hint: 'Drop a video.' });
  return control;
}

it('status says first what needs attention', async () => {
  await daemon();
  const { out } = await run('status');
  expect(out).toContain('shrinkbox 0.0.0-fake is running (pid 4242');
  expect(out).toContain('1 running, 1 done, 1 failed');
  expect(out.indexOf('Need attention')).toBeLessThan(out.indexOf('Working'));
  expect(JSON.parse((await run('status', '--json')).out)).toMatchObject({ running: true, counts: { done: 1 } });
});

it('status shows running jobs however long the queue is, and requests no more than it shows', async () => {
  const control = await daemon();
  for (let i = 0; i < 25; i += 1) control.add({ id: `wait${i}`, state: 'waiting', created_at: 1000 + i });
  control.add({ id: 'queue1', state: 'queued', created_at: 2000 });
  const { out } = await run('status');
  expect(out).toMatch(/^Working:\n +run1 +running +long\.mov +\[####-+\] 41 %: pass 2 of 2$/m);
  expect(out).toMatch(/^Queued:\n +wait0 +waiting/m);
  expect(out).toMatch(/wait9.*\n +and 16 more \(shrinkbox jobs\)\n/);
});

it('status names the files that are not queued yet, and why', async () => {
  const control = await daemon();
  const status = control.status();
  const [folder] = status.folders;
  const arriving = [{ path: '/in/a/clip.mp4', why: 'it is empty' }];
  control.status = () => ({ ...status, folders: folder ? [{ ...folder, pending: 1, arriving }] : [] });
  expect((await run('status')).out).toMatch(/Not queued yet:\n {2}a\/clip\.mp4 +it is empty\n/);
});

it('status --watch shows every change until nobody reads', async () => {
  const control = await daemon();
  const shown: string[] = [];
  const { code } = await runCli(['--config', join(dir, 'config.yaml'), 'status', '--watch', '--json'], {
    cwd: dir,
    onOut(text) {
      shown.push(text);
      control.mode = 'paused';
      control.emit({ kind: 'status', status: control.status() });
      return shown.length < 2;
    },
  });
  expect(code).toBe(0);
  expect(shown.map(line => (JSON.parse(line) as { mode: string }).mode)).toEqual(['running', 'paused']);
});

it('status --watch paints a terminal over and over', async () => {
  await daemon();
  const { out } = await runCli(['--config', join(dir, 'config.yaml'), 'status', '--watch'], {
    cwd: dir,
    columns: 60,
    onOut: () => false,
  });
  expect(out).toMatch(/^\u001b\[H/);
  expect(out).toMatch(/\u001b\[J$/);
  expect(out).toContain('Need attention');
});
