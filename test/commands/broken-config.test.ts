import { execFileSync } from 'node:child_process';
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { CLI, runCli, spawnCli } from '../support/cli.ts';
import { footage } from '../support/footage.ts';
import { serving, tempDir } from '../support/serving.ts';

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await tempDir();
  file = join(dir, 'config.yaml');
  await mkdir(join(dir, 'data'));
});

const run = (...argv: string[]) => runCli(argv, { cwd: dir });
const config = (text: string) => writeFile(file, text);
const TYPO = 'state_dir: ./data\nfoldrs: [{ inbox: ./in, outbox: ./out }]\n';

describe('with a typo in the configuration of a running daemon', () => {
  it.each([
    [['status'], 'is running'],
    [['jobs'], 'abc'],
    [['job', 'abc'], 'job abc'],
    [['explain', 'in/abc.mp4'], 'would be made at most 50 MB'],
    [['pause'], 'paused'],
    [['resume'], 'resumed'],
    [['drain'], 'draining'],
    [['retry', 'abc'], 'job abc is failed again'],
    [['cancel', 'abc'], 'job abc is cancelled'],
    [['forget', 'abc'], 'job abc is forgotten'],
    [['restore', 'abc'], 'the original of job abc is back'],
    [['export', '--job', 'abc'], 'queued as job abc'],
  ])('%j still reaches it and says where the typo is', async (argv, said) => {
    const { control } = await serving({ stateDir: join(dir, 'data') });
    control.add({ id: 'abc', state: 'failed', engine: 'nemo' });
    await config(TYPO);
    const { code, out, err } = await run(...argv);
    expect([code, out]).toEqual([0, expect.stringContaining(said)]);
    expect(err).toContain('the configuration has 1 mistake, so only its state directory is used here');
    expect(err).toContain('config.yaml:2:1: unknown key "foldrs"; did you mean "folders"?');
  });

  it('--json makes the warning a line of JSON on stderr', async () => {
    await serving({ stateDir: join(dir, 'data') });
    await config(TYPO);
    const { code, out, err } = await run('status', '--json');
    expect([code, JSON.parse(out).running]).toEqual([0, true]);
    expect(JSON.parse(err)).toMatchObject({ warning: { state_dir: join(dir, 'data'), problems: [{ line: 2 }] } });
  });

  it('pause finds the state directory even where the file is no YAML', async () => {
    await serving({ stateDir: join(dir, 'data') });
    await config('folders: [ {\nstate_dir: "./data" # a local disk\n');
    expect(await run('pause')).toMatchObject({ code: 0, err: expect.stringContaining('config.yaml:2') });
  });

  it('pause looks at the usual place where the file is no text', async () => {
    await serving({ stateDir: await mkdir(join(dir, 'state')).then(() => join(dir, 'state')) });
    await writeFile(file, Buffer.from([0xff, 0xfe]));
    expect(await run('pause')).toMatchObject({ code: 0, err: expect.stringContaining('not UTF-8') });
  });

  it('completion offers job ids without a word', async () => {
    const { control } = await serving({ stateDir: join(dir, 'data') });
    control.add({ id: 'abc', state: 'failed' });
    await config(TYPO);
    expect(await run('complete-ids')).toMatchObject({ code: 0, err: '', out: expect.stringContaining('abc') });
  });

  it.each([['run'], ['check'], ['compress', 'a.mp4', '--config', 'config.yaml']])(
    '%s ends with 10',
    async (...argv) => {
      await config(TYPO);
      expect((await run(...argv)).code).toBe(10);
    },
  );

  it('compress ends with 10 where the cloud is to be used, whose address it may say', async () => {
    await mkdir(join(dir, '.config/shrinkbox'), { recursive: true });
    await writeFile(join(dir, '.config/shrinkbox/config.yaml'), TYPO);
    expect(await runCli(['compress', 'a.mp4', '--engine', 'nemo'], { cwd: dir, home: dir })).toMatchObject({
      code: 10,
    });
  });
});

describe('with a broken configuration and no daemon', () => {
  it('status and jobs show what the journal says', async () => {
    await config(TYPO);
    expect(await run('status')).toMatchObject({ code: 0, out: expect.stringContaining('from its journal') });
    expect(await run('jobs')).toMatchObject({ code: 0, out: expect.stringContaining('no jobs yet') });
  });

  it('explain ends with 10, because nobody knows the rules', async () => {
    await config(TYPO);
    expect(await run('explain', 'a.mp4')).toMatchObject({ code: 10, err: expect.stringContaining('rules') });
  });

  it('status ends with 10 where the file cannot be read, because nobody knows where to look', async () => {
    await writeFile(file, Buffer.from([0xff, 0xfe]));
    expect(await run('status')).toMatchObject({ code: 10, err: expect.stringContaining('not UTF-8') });
  });

  it('doctor checks what it can', async () => {
    await config(TYPO);
    const { code, out } = await run('doctor');
    expect([code, out]).toEqual([10, expect.stringContaining('bad   configuration')]);
    expect(out).toContain(join(dir, 'data'));
  });
});

describe('with a ./config.yaml of another program', () => {
  const HUGO = 'baseURL: https://example.org\ntitle: My films\n';

  it.each([
    ['none of the keys', HUGO],
    ['empty', ''],
  ])('explain does not use it (%s), and says so in one line', async (_, text) => {
    await config(text);
    const { code, err } = await run('explain', 'a.mp4');
    expect([code, err.trim().split('\n').length]).toEqual([0, 1]);
    expect(err).toContain(`${file} is not used`);
  });

  it('compress does its work', async () => {
    await config(HUGO);
    await copyFile(await footage('tiny'), join(dir, 'a.mp4'));
    const { code, err } = await spawnCli(['compress', 'a.mp4'], { cwd: dir });
    expect([code, err]).toEqual([0, expect.stringContaining('is not used')]);
  });

  it('compress reads it where it is named', async () => {
    await config(HUGO);
    expect(await run('compress', 'a.mp4', '--config', 'config.yaml')).toMatchObject({ code: 10 });
    expect(await runCli(['compress', 'a.mp4'], { cwd: dir, env: { SHRINKBOX_CONFIG: file } })).toMatchObject({
      code: 10,
    });
  });
});

it('doctor runs for a user without a name and a home', async () => {
  if (process.getuid?.() !== 0) return; // Only root can become another user.
  await chmod(dir, 0o755);
  const argv = ['--reuid=12345', '--regid=12345', '--clear-groups', process.execPath, CLI, 'doctor'];
  const answer = { cwd: dir, env: { PATH: process.env['PATH'] }, encoding: 'utf8', stdio: 'pipe' } as const;
  let out = '';
  try {
    execFileSync('setpriv', argv, answer);
  } catch (error) {
    // It may not write here, and says so with 3.
    out = String((error as { stdout: string }).stdout);
  }
  expect(out).toContain('as user uid 12345');
  expect(out).toContain('not ready, see above');
});
