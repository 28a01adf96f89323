import { readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { Pairing } from '../../src/api/pairing.ts';
import { systemClock } from '../../src/platform/clock.ts';
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

describe('init --lan', () => {
  const tokenIn = (file: string) => readFile(join(dir, file), 'utf8');

  it('opens the page of a new configuration: a strong token for its owner only, and a link for a phone', async () => {
    const { code, out } = await run('init', 'box', '--lan');
    expect(code).toBe(0);
    expect(out).toContain(`wrote ${join(dir, 'box/http-token')}`);
    expect(await tokenIn('box/http-token')).toMatch(/^[0-9a-f]{48}\n$/);
    expect(out).not.toContain((await tokenIn('box/http-token')).trim());
    expect((await stat(join(dir, 'box/http-token'))).mode & 0o777).toBe(0o600);
    expect(await run('check', '--config', 'box/config.yaml')).toMatchObject({ code: 0, err: '' });
    const { page, link } = JSON.parse((await run('link', '--config', 'box/config.yaml', '--json')).out);
    expect(page).toMatch(/^http:\/\/(?!127\.)[^/]+:8788\/$/);
    const nothing = { load: () => [], save: async () => {} };
    const paired = new Pairing((await tokenIn('box/http-token')).trim(), systemClock, nothing);
    expect(await paired.take(link.replace(`${page}#pair=`, ''))).toBeDefined();
  });

  it('changes only http of a configuration that is there, and keeps its token', async () => {
    await config('# mine\nengine: local\nhttp: { listen: 127.0.0.1:9000 }\n');
    expect(await run('init', '--lan', 'https://nas.home/shrinkbox/')).toMatchObject({ code: 0 });
    const changed = await readFile(join(dir, 'config.yaml'), 'utf8');
    expect(changed).toBe(
      '# mine\nengine: local\nhttp: {listen: 0.0.0.0:9000, token_file: ./http-token, public_url: https://nas.home/shrinkbox/}\n',
    );
    const token = await tokenIn('http-token');
    const again = await run('init', '--lan');
    expect(again.out).toContain('the page is open to your network already');
    expect(await readFile(join(dir, 'config.yaml'), 'utf8')).toBe(changed);
    expect(await tokenIn('http-token')).toBe(token);
    expect((await run('link')).out).toContain('https://nas.home/shrinkbox/#pair=');
  });

  it('changes the file that a link leads to, and leaves the link', async () => {
    await writeFile(join(dir, 'real.yaml'), 'engine: local\n', { mode: 0o640 });
    await symlink('real.yaml', join(dir, 'config.yaml'));
    expect(await run('init', '--lan')).toMatchObject({ code: 0 });
    expect(await readlink(join(dir, 'config.yaml'))).toBe('real.yaml');
    expect(await readFile(join(dir, 'real.yaml'), 'utf8')).toContain('token_file: ./http-token');
    expect((await stat(join(dir, 'real.yaml'))).mode & 0o777).toBe(0o640);
  });

  it('changes nothing where it cannot, or where the address is wrong', async () => {
    await config('http: 5\n');
    expect(await run('init', '--lan')).toMatchObject({ code: 10 });
    await config('engine: local\n');
    expect(await run('init', '--lan', 'nas')).toMatchObject({ code: 10, err: expect.stringContaining('public_url') });
    expect(await readdir(dir)).toEqual(['config.yaml']);
    expect(await readFile(join(dir, 'config.yaml'), 'utf8')).toBe('engine: local\n');
  });
});

it('a link to a page that no phone reaches says what to do', async () => {
  await config('engine: local\n');
  expect(await run('link')).toMatchObject({ code: 1, out: '', err: expect.stringContaining('shrinkbox init --lan') });
});
