/** A bug of ours, seen from outside: its trace points into src/, though dist/ is what runs. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** Loaded first: JSON that is meant for reading cannot be written. */
const SABOTAGE = `data:text/javascript,
const { stringify } = JSON;
JSON.stringify = (value, replacer, indent) => {
  if (indent === 2) throw new TypeError('a bug for the test');
  return stringify(value, replacer, indent);
};`;

it('names the line of the source', () => {
  const args = ['--import', SABOTAGE, CLI, 'check', '--schema'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toContain('TypeError: a bug for the test');
  expect(stderr).toMatch(/src\/commands\/check\.ts:\d+:\d+/);
});

it.each([
  ['EMFILE', 'the limit of open files is too low', 'ulimit -n'],
  ['ENFILE', 'cannot open any more files', 'fs.file-max'],
  ['ENOMEM', 'no memory left', 'End some programs'],
])('%s is no bug: it says what is short, and what to do', async (code, said, hint) => {
  const shortage = Object.assign(new Error(`${code}: made up, open '/x/module.js'`), { code });
  const compressFiles = () => Promise.reject(new Error('wrapped', { cause: shortage }));
  const { code: ended, err } = await runCli(['compress', 'a.mp4'], { parts: { compressFiles } });
  expect([ended, err]).toEqual([1, expect.stringContaining(said)]);
  expect(err).toContain(hint);
  expect(err).not.toContain('bug');
});
