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
  expect(out).toMatch(/^Queued:\n +queue1 +queued.*\n +wait0 +waiting/m);
  expect(out).toMatch(/wait8.*\n +and 16 more \(shrinkbox jobs\)\n/);
});

it('status shows who is next in the queue, not who came first (was: a job that was moved to the top stood last)', async () => {
  const control = await daemon();
  for (const id of ['first', 'second', 'third']) control.add({ id, state: 'queued' });
  control.line = () => ['third', 'first', 'second'];
  expect((await run('status')).out).toMatch(/^Queued:\n +third .*\n +first .*\n +second /m);
});

it('status names the files that are not queued yet, and why', async () => {
  const control = await daemon();
  const status = control.status();
  const [folder] = status.folders;
  const arriving = [{ path: '/in/a/clip.mp4', why: 'it is empty' }];
  control.status = () => ({ ...status, folders: folder ? [{ ...folder, pending: 1, arriving }] : [] });
  expect((await run('status')).out).toMatch(/Not queued yet:\n {2}a\/clip\.mp4 +it is empty\n/);
});

const LINK = 'https://nemovideo.com/register?bind=anon_1234567890abcdef';
const REGISTER = {
  code: 'register' as const,
  text: `Register at ${LINK} to get more, then run shrinkbox resume.`,
  link: LINK,
  since: 1_700_000_000_000,
};

it('status and jobs show what a person is asked to do in full, however narrow (was: in job ID and the log only)', async () => {
  const control = await daemon();
  const reason = 'the account has no credits left';
  const engine = { name: 'nemo', ready: false, slots: 4, busy: 0, paused_until: null, reason, action: REGISTER };
  control.engines = [...control.engines, engine];
  for (const id of ['wait1', 'wait2']) control.add({ id, state: 'waiting', reason, action: REGISTER });
  for (const command of ['status', 'jobs']) {
    const { out } = await run(command);
    expect(out.split('\n').filter(line => line.trim() === REGISTER.text)).toHaveLength(1);
    expect(JSON.stringify(JSON.parse((await run(command, '--json')).out))).toContain(LINK);
  }
  expect((await run('job', 'wait1')).out).toContain(LINK);
});

it('a pause of the cloud says how long it still takes (was: "is paused for 59m", which reads like an age)', async () => {
  const control = await daemon();
  const paused_until = Date.now() + 59.5 * 60_000;
  const engine = { name: 'nemo', ready: false, slots: 4, busy: 0, paused_until, reason: 'no credits', action: null };
  control.engines = [...control.engines, engine];
  expect((await run('status')).out).toMatch(/^ {2}engine nemo is paused for another 59m( \d+s)?: no credits$/m);
});

it('status shows what the cloud is still at, and for how long (was: 45 % for five minutes)', async () => {
  const control = await daemon();
  const since = Date.now() - 312_000;
  const action = { code: 'wait' as const, text: 'still working: editing the timeline', link: null, since };
  control.add({ id: 'ask1', state: 'running', step: 'asking the agent', progress: 0.45, action });
  control.add({
    id: 'ask2',
    state: 'in-doubt',
    reason: 'it is not known',
    action: { ...action, text: 'check 2 of 5' },
  });
  const { out } = await run('status');
  expect(out).toMatch(/ask1 .*45 %: asking the agent: still working: editing the timeline, for 5m 1\ds$/m);
  expect(out).toMatch(/ask2 .*check 2 of 5, for 5m 1\ds: it is not known$/m);
  expect((await run('jobs')).out).toMatch(/ask1 .*still working: editing the timeline, for 5m/);
});

it('a step that the agent left open is seen in status and jobs until something else is asked (was: in job ID alone)', async () => {
  const control = await daemon();
  const text = 'the agent leaves this to you: "Drag it." ... shrinkbox ask "Drag it." --job cut1';
  const action = { code: 'offer' as const, text, link: null, since: 1 };
  control.add({ id: 'cut1', state: 'done', source: '/in/cut.mp4', created_at: Date.now() + 1, action });
  for (const command of ['status', 'jobs']) expect((await run(command)).out).toContain(`\n  ${text}\n`);
  control.add({ id: 'cut2', state: 'queued', source: '/in/cut.mp4', created_at: Date.now() + 60_000 });
  for (const command of ['status', 'jobs']) expect((await run(command)).out).not.toContain('Drag it');
});

it('status names the time zone of local_hours', async () => {
  const control = await daemon();
  const status = control.status();
  control.status = () => ({ ...status, local_hours: { hours: '22:00-07:00', time_zone: 'Asia/Shanghai' } });
  expect((await run('status')).out).toContain('encodes at 22:00-07:00, time zone Asia/Shanghai');
});

it('status counts the files that no rule can take', async () => {
  const control = await daemon();
  const status = control.status();
  const [folder] = status.folders;
  const kinds = ['nfo', 'srt', 'jpg', 'aae', '', 'xml', 'pdf', 'doc'];
  const left_alone = kinds.map((kind, i) => ({ kind, files: 2000 - i }));
  control.status = () => ({ ...status, folders: folder ? [{ ...folder, left_alone }] : [] });
  const { out } = await run('status');
  expect(out).toContain('Left alone, not videos');
  expect(out).toContain('2000 .nfo, 1999 .srt, 1998 .jpg, 1997 .aae, 1996 other, 1995 .xml, 3987 of more kinds');
  expect(JSON.parse((await run('status', '--json')).out).folders[0].left_alone).toHaveLength(8);
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
