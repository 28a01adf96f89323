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
  ['retry', 'job abc is failed again'],
  ['cancel', 'job abc is cancelled'],
  ['forget', 'job abc is forgotten'],
  ['restore', 'the original of job abc is back'],
])('%s is passed on', async (action, said) => {
  const { control } = await serving({ stateDir });
  control.add({ id: 'abc', state: 'failed' });
  expect(await run(action, 'abc')).toMatchObject({ code: 0, out: expect.stringContaining(said), err: '' });
  expect(control.calls).toContain(`${action} abc`);
});

it('the ids that can be are acted on, and it ends with 3 if that was not all of them', async () => {
  const { control } = await serving({ stateDir });
  control.add({ id: 'one', state: 'failed' });
  control.add({ id: 'two', state: 'done' });
  control.add({ id: 'three', state: 'failed' });
  const refused = await run('retry', 'two', 'one');
  expect(refused).toMatchObject({
    code: 3,
    out: expect.stringContaining('job one'),
    err: expect.stringContaining('forget it to do it again'),
  });
  const unknown = await run('retry', 'nope', 'two', 'three', '--json');
  expect([unknown.code, unknown.err]).toEqual([3, '']);
  expect(JSON.parse(unknown.out)).toMatchObject([
    { id: 'nope', ok: false, problem: 'unknown' },
    { id: 'two', ok: false, problem: 'not-now' },
    { id: 'three', ok: true, job: { id: 'three' } },
  ]);
  expect((await run('retry', 'nope', 'two')).code).toBe(2);
  expect((await run('retry', 'two')).code).toBe(1);
});
