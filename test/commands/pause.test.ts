import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { serving, tempDir } from '../support/serving.ts';

let dir: string;
let stateDir: string;

beforeEach(async () => {
  dir = await tempDir();
  stateDir = join(dir, 'state');
  await mkdir(stateDir);
  await writeFile(join(dir, 'config.yaml'), 'log: { level: silent }\n');
});

const run = (...argv: string[]) => runCli([...argv, '--config', join(dir, 'config.yaml')], { cwd: dir });

it.each([
  ['pause', 'paused'],
  ['resume', 'running'],
  ['drain', 'draining'],
])('%s makes it %s', async (action, mode) => {
  const { control } = await serving({ stateDir });
  expect(await run(action)).toMatchObject({ code: 0, err: '' });
  expect(control.mode).toBe(mode);
  expect(JSON.parse((await run(action, '--json')).out)).toMatchObject({ mode });
});
