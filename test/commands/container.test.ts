import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { Pairing } from '../../src/api/pairing.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { runCli } from '../support/cli.ts';
import { tempDir } from '../support/serving.ts';

let root: string;
beforeEach(async () => {
  root = await tempDir();
  for (const dir of ['config', 'state', 'videos']) await mkdir(join(root, dir));
});

const prepare = (env: Record<string, string> = {}) => runCli(['container', '--root', root], { env });
const config = () => readFile(join(root, 'config/config.yaml'), 'utf8');

it('the first start writes the configuration and the token; each start shows a link, and never the token', async () => {
  const first = await prepare({ SHRINKBOX_SIZE: '20MB' });
  expect(first).toMatchObject({ code: 0, err: '' });
  expect(await config()).toContain('size: 20MB');
  const token = (await readFile(join(root, 'state/http.token'), 'utf8')).trim();
  expect(token).toMatch(/^[0-9a-f]{48}$/);
  expect((await stat(join(root, 'state/http.token'))).mode & 0o777).toBe(0o600);
  const second = await prepare({ SHRINKBOX_SIZE: '20MB' });
  for (const { out } of [first, second]) {
    expect(out).not.toContain(token);
    const code = /http:\/\/ADDRESS-OF-THIS-MACHINE:8788\/#pair=([\w-]+)/.exec(out)?.[1] ?? '';
    const pairing = new Pairing(token, systemClock, { load: () => [], save: async () => {} });
    expect(await pairing.take(code)).toBe(token);
  }
  expect(second).toMatchObject({ code: 0, err: '' });
  expect((await readFile(join(root, 'state/http.token'), 'utf8')).trim()).toBe(token);
});

it("a configuration that holds the address of notifications is nobody else's to read, an older one as well", async () => {
  const mode = async () => (await stat(join(root, 'config/config.yaml'))).mode & 0o777;
  const env = { SHRINKBOX_NOTIFY: 'https://user:secret@ntfy.example/topic' };
  await prepare(env);
  expect(await mode()).toBe(0o600);
  await chmod(join(root, 'config/config.yaml'), 0o644);
  await prepare(env);
  expect(await mode()).toBe(0o600);
});

it('an edited file stays, with a remark where variables no longer count', async () => {
  await writeFile(join(root, 'config/config.yaml'), 'state_dir: /state\n');
  expect((await prepare({ SHRINKBOX_SIZE: '20MB' })).err).toContain('so SHRINKBOX_SIZE has no effect');
  expect(await config()).toBe('state_dir: /state\n');
});

it('a configuration that is elsewhere is left to whoever named it', async () => {
  await prepare({ SHRINKBOX_CONFIG: '/videos/mine.yaml' });
  await expect(config()).rejects.toThrow('ENOENT');
});

it.each(['state', 'videos', 'config'])('a start without a volume at /%s says what is missing', async name => {
  const bare = await tempDir();
  for (const dir of ['config', 'state', 'videos']) if (dir !== name) await mkdir(join(bare, dir));
  const ran = await runCli(['container', '--root', bare], { env: {} });
  expect(ran).toMatchObject({ code: 1, err: expect.stringContaining(`nothing is mounted at ${join(bare, name)}`) });
});

it('mistakes are told under the names of the variables', async () => {
  expect(await prepare({ SHRINKBOX_SIZE: 'small' })).toMatchObject({
    code: 10,
    err: expect.stringContaining('environment: SHRINKBOX_SIZE: "small"'),
  });
});
