/** A bug of ours, seen from outside: its trace points into src/, though dist/ is what runs. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

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
