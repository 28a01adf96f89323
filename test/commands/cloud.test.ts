import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CloudEngine, Intent } from '../../src/engine/engine.ts';
import { runCli, spawnCli } from '../support/cli.ts';
import type { FakeControl } from '../support/fake-control.ts';
import { serving, tempDir } from '../support/serving.ts';

let dir: string;
let control: FakeControl;
let calls: unknown[][];

beforeEach(async () => {
  dir = await tempDir();
  calls = [];
  await mkdir(join(dir, 'state'));
  await writeFile(join(dir, 'config.yaml'), 'log: { level: silent }\n');
  ({ control } = await serving({ stateDir: join(dir, 'state') }));
  control.add({ id: 'abc', state: 'done', engine: 'nemo', facts: { 'nemo session': 's1' } });
});

/** Answers what it is asked, and notes it; `intent` is what it reads out of any words. */
function engine(intent: Intent): Partial<CloudEngine> {
  return {
    intentOf: () => intent,
    credits: async () => ({ available: 90, frozen: 10, total: 100 }),
    timeline: async ({ refs: { session } }) => `one track in ${session}\n\u001b[31mone title`,
    upload: async ({ refs, source }) => void calls.push(['upload', refs.session, source]),
    close: async () => void calls.push(['close']),
  };
}

const run = (argv: string[], intent: Intent = { kind: 'edit' }) =>
  runCli(argv, { cwd: dir, parts: { createCloudEngine: async () => engine(intent) as CloudEngine } });

describe('a question', () => {
  it.each<[string[], Intent]>([
    [['credits'], { kind: 'edit' }],
    [['ask', 'how much is left?'], { kind: 'credits' }],
  ])('%j is answered with the credits', async (argv, intent) => {
    expect(await run(argv, intent)).toMatchObject({
      code: 0,
      out: '90 credits left, 10 more reserved for running work\n',
      err: '',
    });
    expect(JSON.parse((await run([...argv, '--json'], intent)).out)).toEqual({ available: 90, frozen: 10, total: 100 });
    expect(calls.every(([name]) => name === 'close')).toBe(true);
  });

  it.each<[string[], Intent]>([
    [['timeline', '--job', 'abc'], { kind: 'edit' }],
    [['timeline'], { kind: 'edit' }],
    [['ask', 'what is on the timeline?', '--job', 'abc'], { kind: 'state' }],
  ])('%j is answered with the timeline', async (argv, intent) => {
    expect(await run(argv, intent)).toMatchObject({ code: 0, out: 'one track in s1\n\\u{1b}[31mone title\n' });
  });

  it.each<[string[], Intent]>([
    [['upload', 'https://example.com/a.mp4', '--job', 'abc'], { kind: 'edit' }],
    [['upload', 'https://example.com/a.mp4'], { kind: 'edit' }],
    [['ask', 'add https://example.com/a.mp4', '--job', 'abc'], { kind: 'upload', what: 'https://example.com/a.mp4' }],
  ])('%j adds to the session', async (argv, intent) => {
    expect((await run(argv, intent)).out).toContain('https://example.com/a.mp4 was added to the session of job abc');
    expect(calls.filter(([name]) => name !== 'close')).toEqual([['upload', 's1', 'https://example.com/a.mp4']]);
  });
});

it.each<[string[], Intent]>([
  [['export', '--job', 'abc'], { kind: 'edit' }],
  [['export'], { kind: 'edit' }],
  [['ask', 'make it louder'], { kind: 'edit' }],
  [['ask', 'export', '--job', 'abc'], { kind: 'export' }],
  [['ask', 'make it louder', '--job', 'abc'], { kind: 'edit' }],
])('%j becomes a job of the daemon', async (argv, intent) => {
  expect(await run(argv, intent)).toMatchObject({ code: 0, out: expect.stringContaining('queued as job abc') });
  expect(control.calls).toContain('refine abc');
});

it.each<[string, string[], Intent, string]>([
  ['no words', ['ask', ''], { kind: 'edit' }, 'no words are given'],
  ['only spaces', ['ask', '  ', '--job', 'abc'], { kind: 'edit' }, 'no words are given'],
  ['an upload of nothing', ['ask', 'upload', '--job', 'abc'], { kind: 'upload', what: undefined }, 'FILE-OR-URL'],
  ['words without end', ['ask', 'x'.repeat(20_000), '--job', 'abc'], { kind: 'edit' }, 'longer than 2000 characters'],
  ['an empty id', ['ask', 'louder', '--job', ''], { kind: 'edit' }, 'no job is given after --job'],
  ['an export of an empty id', ['export', '--job', ' '], { kind: 'edit' }, 'no job is given after --job'],
  ['the timeline of an empty id', ['timeline', '--job', ''], { kind: 'edit' }, 'no job is given after --job'],
  ['an empty upload', ['upload', '', '--job', 'abc'], { kind: 'edit' }, 'FILE-OR-URL'],
  ['an unknown job', ['timeline', '--job', 'nope'], { kind: 'edit' }, 'there is no job nope'],
])('%s end with 2', async (_, argv, intent, said) => {
  expect(await run(argv, intent)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(said) });
});

it.each<[string[], Intent]>([
  [['export', '--job', 'here'], { kind: 'edit' }],
  [['ask', 'export', '--job', 'here'], { kind: 'export' }],
])('%j of what this machine compressed is refused (was: the same result once more)', async (argv, intent) => {
  control.add({ id: 'here', state: 'done', engine: 'local' });
  const { code, err } = await run(argv, intent);
  expect([code, err]).toEqual([1, expect.stringContaining('this job has no session in the cloud')]);
  expect(control.calls).not.toContain('refine here');
});

it('of several files in the cloud has to be told which, and takes the newest version of the only one', async () => {
  control.add({ id: 'newer', source: '/in/abc.mp4', state: 'done', engine: 'nemo', created_at: 1_800_000_000_000 });
  expect((await run(['export'])).out).toContain('queued as job newer');
  control.add({ id: 'other', source: '/in/other.mp4', state: 'done', engine: 'nemo' });
  for (const argv of [['export'], ['timeline'], ['upload', 'a.mp4'], ['ask', 'make it louder']]) {
    expect(await run(argv)).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/newer \(abc\.mp4\)/) });
  }
  control.details.clear();
  expect(await run(['timeline'])).toMatchObject({ code: 2, err: expect.stringContaining('no file has a job') });
});

it.each([[''], ['   '], ['\n\t']])('ask %j says what to do (was: the address of the service)', async words => {
  const { code, out, err } = await spawnCli(['ask', words, '--job', 'abc'], { cwd: dir });
  expect([code, out]).toEqual([2, '']);
  expect(err).toContain('no words are given');
  expect(err).toContain('shrinkbox ask "make it brighter"');
  expect(err).not.toMatch(/https?:|\/run_sse|at .*\.js/);
  expect(control.calls).toEqual([]);
});

it('ends with 12 where its token cannot be read', async () => {
  await writeFile(join(dir, 'config.yaml'), 'nemo: { token_file: ./none }\n');
  const { code, out, err } = await spawnCli(['credits'], { cwd: dir });
  expect([code, out]).toEqual([12, '']);
  expect(err).toContain('none does not exist');
});
