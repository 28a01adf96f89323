import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { ShrinkError } from '../../src/core/errors.ts';
import type { CloudCommands } from '../../src/commands/cloud-service.ts';
import { runCli, spawnCli } from '../support/cli.ts';
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

describe('with a daemon', () => {
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

  it('every id is done, and the worst of them is the end', async () => {
    const { control } = await serving({ stateDir });
    control.add({ id: 'one', state: 'failed' });
    control.add({ id: 'two', state: 'done' });
    control.add({ id: 'three', state: 'failed' });
    const refused = await run('retry', 'two', 'one');
    expect(refused).toMatchObject({
      code: 1,
      out: expect.stringContaining('job one'),
      err: expect.stringContaining('forget it to do it again'),
    });
    const unknown = await run('retry', 'nope', 'two', 'three', '--json');
    expect([unknown.code, unknown.err]).toEqual([2, '']);
    expect(JSON.parse(unknown.out)).toMatchObject([
      { id: 'nope', ok: false, problem: 'unknown' },
      { id: 'two', ok: false, problem: 'not-now' },
      { id: 'three', ok: true, job: { id: 'three' } },
    ]);
  });

  it('an error of the daemon is told as it was said', async () => {
    const { control } = await serving({ stateDir });
    control.failure = undefined;
    const original = control.pause.bind(control);
    control.pause = async () => {
      await original();
      throw new ShrinkError('no-space', 'the journal cannot be written: the disk is full', {
        hint: 'Free some space.',
      });
    };
    const { code, err } = await run('pause');
    expect(code).toBe(1);
    expect(err).toBe('shrinkbox: the journal cannot be written: the disk is full\nFree some space.\n');
  });
});

describe('without a daemon', () => {
  it.each([['retry', 'x'], ['cancel', 'x'], ['forget', 'x'], ['restore', 'x'], ['pause'], ['resume'], ['drain']])(
    '%s ends with 1 and says how to start one',
    async (...argv) => {
      const { code, out, err } = await run(...argv);
      expect([code, out]).toEqual([1, '']);
      expect(err).toContain(`no daemon is running for ${stateDir}`);
      expect(err).toContain(`shrinkbox run --config ${join(dir, 'config.yaml')}`);
    },
  );

  it('a socket left behind by one that was killed is none', async () => {
    const script = 'require("net").createServer().listen(process.argv[1],()=>console.log("up"))';
    const child = spawn(process.execPath, ['-e', script, join(stateDir, 'control.sock')]);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await run('pause')).toMatchObject({ code: 1, err: expect.stringContaining('no daemon is running') });
    expect(await run('jobs')).toMatchObject({ code: 0 });
  });

  it('in JSON as well', async () => {
    const { code, out, err } = await run('pause', '--json');
    expect([code, out]).toEqual([1, '']);
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'unavailable', exit_code: 1 } });
  });
});

describe('the cloud', () => {
  const calls: unknown[][] = [];
  const cloud = new Proxy({} as CloudCommands, {
    get: (_, name) =>
      name === 'then'
        ? undefined
        : async (...args: unknown[]) => {
            calls.push([name, ...args]);
            return { lines: [`${String(name)} \u001b[31mdone`], data: { name } };
          },
  });

  it.each<[string[], unknown[]]>([
    [
      ['ask', 'how much is left?'],
      ['ask', 'how much is left?', undefined],
    ],
    [
      ['ask', 'make it louder', '--job', 'abc'],
      ['ask', 'make it louder', 'abc'],
    ],
    [['credits'], ['credits']],
    [
      ['timeline', '--job', 'abc'],
      ['timeline', 'abc'],
    ],
    [
      ['export', '--job', 'abc'],
      ['export', 'abc'],
    ],
    [
      ['upload', 'https://example.com/a.mp4', '--job', 'abc'],
      ['upload', 'https://example.com/a.mp4', 'abc'],
    ],
  ])('%j is asked', async (argv, call) => {
    const ran = await runCli(argv, { parts: { openCloudCommands: async () => cloud } });
    expect(ran).toEqual({ code: 0, out: `${argv[0]} \\u{1b}[31mdone\n`, err: '' });
    expect(calls.at(-1)?.slice(0, call.length)).toEqual(call);
    const json = await runCli([...argv, '--json'], { parts: { openCloudCommands: async () => cloud } });
    expect(JSON.parse(json.out)).toEqual({ name: argv[0] });
  });

  it('ends with 12 where its token cannot be read', async () => {
    await writeFile(join(dir, 'config.yaml'), 'nemo: { token_file: ./none }\n');
    const { code, out, err } = await spawnCli(['credits'], { cwd: dir });
    expect([code, out]).toEqual([12, '']);
    expect(err).toContain('none does not exist');
  });
});
