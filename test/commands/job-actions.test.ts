import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { ShrinkError } from '../../src/core/errors.ts';
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
  ['cancel', 'job abc is cancelled (`shrinkbox undo abc` takes it back)'],
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

it('one original that cannot come back keeps no other from it', async () => {
  const { control } = await serving({ stateDir });
  for (const id of ['one', 'two', 'three']) control.add({ id, state: 'done' });
  const restore = control.restore.bind(control);
  control.restore = async id => {
    if (id === 'two') throw new ShrinkError('denied', 'in the archive there are other bytes');
    return restore(id);
  };
  const { code, out, err } = await run('restore', 'one', 'two', 'three');
  expect([code, out.trim().split('\n').length, err]).toEqual([3, 2, expect.stringContaining('there are other bytes')]);
  expect(JSON.parse((await run('restore', 'one', 'two', '--json')).out)).toMatchObject([
    { id: 'one', ok: true },
    { id: 'two', ok: false, problem: 'denied', message: 'in the archive there are other bytes' },
  ]);
});

it('what the page does to several jobs, the command line does by options as well', async () => {
  const { control } = await serving({ stateDir });
  const now = Date.now();
  control.add({ id: 'h1', state: 'held', source: '/in/2019/kite.mp4', rule: 'phone' });
  control.add({ id: 'h2', state: 'failed', source: '/in/2020/Kite.mp4', rule: 'phone' });
  control.add({ id: 'q1', state: 'queued', source: '/in/2019/boat.mp4', rule: 'camera' });
  control.add({ id: 'c1', state: 'cancelled', source: '/in/2019/late.mp4', undo_until: now + 60_000 });
  control.add({ id: 'c2', state: 'cancelled', source: '/in/2019/old.mp4', undo_until: null });
  const asked = async (...argv: string[]) => {
    control.calls.length = 0;
    const { code } = await run(...argv);
    const acts = control.calls.filter(call => /^(retry|cancel|restore) /.test(call));
    return [code, ...acts.sort()];
  };
  expect(await asked('retry', '--all')).toEqual([0, 'retry h1', 'retry h2']);
  expect(await asked('retry', '--name', 'KITE', '--folder', '/in/2020')).toEqual([0, 'retry h2']);
  expect(await asked('retry', '--state', 'cancelled,queued')).toEqual([0, 'retry c1', 'retry c2', 'retry q1']);
  expect(await asked('cancel', '--folder', '/in')).toEqual([0, 'cancel q1']);
  expect(await asked('undo', '--all')).toEqual([0, 'retry c1']);
  expect(await asked('dismiss', '--rule', 'phone')).toEqual([0, 'cancel h1', 'cancel h2']);
  // One by one, and only what can be.
  expect(await asked('dismiss', 'h1', 'q1')).toEqual([3, 'cancel h1']);
  expect((await run('dismiss', 'q1')).err).toContain('job q1 (/in/2019/boat.mp4) is queued; only held and failed jobs');
  expect((await run('undo', 'h1')).err).toContain('only cancelled jobs can be taken back');
  expect((await run('undo', 'nope')).code).toBe(2);
  expect((await run('cancel', '--name', 'nowhere')).out).toBe('there is no such job\n');
  expect((await run('cancel', 'q1', '--all')).code).toBe(2);
  expect((await run('cancel')).err).toContain('say which jobs: ids, --all, or some of --state');
  expect((await run('jobs', '--folder', '/in/2019', '--state', 'held,queued')).out).toMatch(/q1[^]*h1|h1[^]*q1/);
  expect((await run('jobs', '--rule', 'nothing')).out).toBe('no job is like that\n');
});
