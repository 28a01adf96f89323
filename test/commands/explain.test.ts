import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import type { FakeControl } from '../support/fake-control.ts';
import { serving, tempDir } from '../support/serving.ts';

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

it('explain asks about the whole path, whatever was typed', async () => {
  const control = await daemon();
  const { code, out } = await run('explain', 'inbox/my clip.mp4');
  expect(code).toBe(0);
  expect(control.calls).toContain(`explain ${join(dir, 'inbox/my clip.mp4')}`);
  for (const said of ['default: it matches every file', 'would be made at most 50 MB', 'before: job done1'])
    expect(out).toContain(said);
});

it('explain says why a file is not queued yet, and which jobs were about another file of the same content', async () => {
  const control = await daemon();
  control.arriving = 'cp (pid 7) has it open for writing';
  const { out } = await run('explain', 'inbox/clip.mp4');
  expect(out).toContain('not queued yet: cp (pid 7) has it open for writing');
  expect(out).toMatch(/before: job run1 \(of \/in\/long\.mov, the same content\), running/);
});
