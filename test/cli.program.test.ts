/** The built program itself: links, pipes, signals and the way it ends. Needs `npm run build`. */
import { mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { CLI, spawnCli } from './support/cli.ts';
import { serving, tempDir } from './support/serving.ts';

let dir: string;
beforeEach(async () => {
  dir = await tempDir();
  await mkdir(join(dir, 'state'));
  await writeFile(join(dir, 'config.yaml'), 'log: { level: silent }\nhttp: { listen: "off" }\n');
});

it('can be executed, and through a link as npm makes one', async () => {
  expect((await stat(CLI)).mode & 0o111).toBe(0o111);
  const link = join(dir, 'shrinkbox');
  await symlink(CLI, link);
  expect(await spawnCli(['--version'], { program: link })).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^\d/),
  });
});

it('keeps answers on stdout and errors on stderr', async () => {
  const { code, out, err } = await spawnCli(['jobs', '--json'], { cwd: dir });
  expect([code, JSON.parse(out), err]).toEqual([0, [], '']);
  const wrong = await spawnCli(['jobs', '--config', 'nope.yaml'], { cwd: dir });
  expect([wrong.code, wrong.out]).toEqual([10, '']);
  expect(wrong.err).not.toContain('    at ');
});

it('asks a daemon in another process', async () => {
  const { control } = await serving({ stateDir: join(dir, 'state') });
  control.add({ id: 'abc', state: 'held', reason: 'a person must look' });
  const { code, out } = await spawnCli(['jobs', '--json'], { cwd: dir });
  expect([code, JSON.parse(out)]).toMatchObject([0, [{ id: 'abc', reason: 'a person must look' }]]);
  expect((await spawnCli(['pause'], { cwd: dir })).code).toBe(0);
  expect(control.mode).toBe('paused');
});

it('is quiet when nobody reads on', async () => {
  const { control } = await serving({ stateDir: join(dir, 'state') });
  for (let i = 0; i < 2000; i += 1) control.add({ id: `job${i}`, source: `/in/${'x'.repeat(100)}${i}.mp4` });
  const { code, err } = await spawnCli(['jobs'], { cwd: dir, readOut: false });
  expect([code, err]).toEqual([0, '']);
});

it('status --watch ends when nobody reads on', async () => {
  await serving({ stateDir: join(dir, 'state') });
  expect(await spawnCli(['status', '--watch'], { cwd: dir, readOut: false })).toMatchObject({ code: 0, err: '' });
});
