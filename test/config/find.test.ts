import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/find.ts';
import { readTextFile } from '../../src/config/read.ts';
import { problemsOfLoading } from './support.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'shrinkbox-config-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const load = (path: string) => loadConfig({ path, env: {}, cwd: dir, home: dir, readFile: readTextFile });
const messages = async (path: string) =>
  (await problemsOfLoading(load(path))).map(line => line.replace(`${join(dir, path)}: `, ''));

test('a real file is read, through a link and with a byte order mark', async () => {
  writeFileSync(join(dir, 'real.yaml'), '\uFEFFengine: nemo\n');
  symlinkSync('real.yaml', join(dir, 'config.yaml'));
  expect(await load('config.yaml')).toMatchObject({
    engine: 'nemo',
    source: join(dir, 'config.yaml'),
    stateDir: join(dir, 'state'),
  });
});

test('a file of more than a megabyte is not taken for a configuration', async () => {
  writeFileSync(join(dir, 'huge.yaml'), '#'.repeat(1_000_001));
  expect(await messages('huge.yaml')).toEqual(['is larger than 1000 kB, too large to be the right file']);
  writeFileSync(join(dir, 'large.yaml'), `${'#'.repeat(999_990)}\n{}`);
  expect((await load('large.yaml')).engine).toBe('local');
});

test('nor is a folder', async () => {
  expect((await messages('.'))[0]).toContain('is a folder, not a file');
});

test('nor a pipe, which would never end', async () => {
  execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', join(dir, 'pipe')]);
  expect(await messages('pipe')).toEqual(['is not a regular file']);
});

test('nor bytes that are no text', async () => {
  writeFileSync(join(dir, 'bytes.yaml'), Buffer.from([0x65, 0x3a, 0x20, 0xff, 0xfe]));
  expect(await messages('bytes.yaml')).toEqual(['is not UTF-8 text; save it as UTF-8']);
});

test('a circular link is reported', async () => {
  symlinkSync('loop.yaml', join(dir, 'loop.yaml'));
  expect(await messages('loop.yaml')).toEqual([expect.stringMatching(/^cannot be read: ELOOP/)]);
});
