import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { tempDir } from '../support/serving.ts';

let dir: string;
beforeEach(async () => {
  dir = await tempDir();
});

const run = (...argv: string[]) => runCli(argv, { cwd: dir });
const config = (text: string) => writeFile(join(dir, 'config.yaml'), text);

describe('init', () => {
  it('writes the commented example, creates its folders, and the result is valid', async () => {
    const { code, out } = await run('init', 'box');
    expect(code).toBe(0);
    expect(out).toContain(`wrote ${join(dir, 'box/config.yaml')}`);
    expect((await readdir(join(dir, 'box'))).sort()).toEqual(['config.yaml', 'inbox', 'outbox']);
    const example = await readFile(new URL('../../config.example.yaml', import.meta.url), 'utf8');
    expect(await readFile(join(dir, 'box/config.yaml'), 'utf8')).toBe(example);
    expect(await run('check', '--config', 'box/config.yaml')).toMatchObject({ code: 0, err: '' });
  });

  it('writes where one stands when nothing is said', async () => {
    expect(JSON.parse((await run('init', '--json')).out)).toEqual({
      config: join(dir, 'config.yaml'),
      created: [join(dir, 'inbox'), join(dir, 'outbox')],
    });
  });

  it('never overwrites', async () => {
    await config('mine: true\n');
    expect(await run('init')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('already exists and was not changed'),
    });
    expect(await readFile(join(dir, 'config.yaml'), 'utf8')).toBe('mine: true\n');
    expect(await readdir(dir)).toEqual(['config.yaml']);
  });
});
