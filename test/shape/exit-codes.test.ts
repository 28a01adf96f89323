import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { EXIT_CODES, exitCodeFor } from '../../src/commands/support/exit-codes.ts';
import { ShrinkError } from '../../src/core/errors.ts';

/** Which error ends with which code is pinned in test/core/errors.test.ts. */
it('an error of ours ends with the code of its policy', () => {
  expect(exitCodeFor(new ShrinkError('locked', 'x'))).toBe(11);
  expect(exitCodeFor(new ShrinkError('cancelled', 'x'))).toBe(130);
});

it('anything else that is thrown is a bug', () => {
  for (const thrown of [new TypeError('x'), 'text', undefined, null, { code: 'locked' }])
    expect(exitCodeFor(thrown)).toBe(1);
});

it('every code has its meaning', () => {
  expect(EXIT_CODES.map(([code]) => code)).toEqual([0, 1, 2, 3, 10, 11, 12, 13, 14, 130]);
});

it('the README lists the same codes', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const rows = [...readme.matchAll(/^\| (\d+) \| .+ \|$/gm)].map(row => Number(row[1]));
  expect(rows).toEqual(EXIT_CODES.map(([code]) => code));
});
