import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { ShrinkError } from '../../../src/core/errors.ts';
import { runCli } from '../../support/cli.ts';
import { serving, tempDir } from '../../support/serving.ts';

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
  it('an error of the daemon is passed on unchanged', async () => {
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
