import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { EXIT_CODES, exitCodeFor } from '../../src/commands/support/exit-codes.ts';
import { type ErrorCode, ShrinkError } from '../../src/core/errors.ts';

/** The contract, one row for every code there is: a new one does not compile without a row. */
const ENDS: Record<ErrorCode, number> = {
  gone: 1,
  'changed-underneath': 1,
  'no-space': 1,
  denied: 1,
  unavailable: 1,
  io: 1,
  'bad-name': 1,
  'tool-missing': 13,
  'child-failed': 1,
  'child-killed': 1,
  'child-stalled': 1,
  'timed-out': 1,
  'out-of-memory': 1,
  cancelled: 130,
  'not-media': 1,
  'no-video': 1,
  'unsafe-media': 1,
  'incomplete-media': 1,
  'cannot-do': 1,
  'cannot-fit': 1,
  'verify-failed': 1,
  unreachable: 1,
  'rate-limited': 1,
  'auth-expired': 12,
  'auth-missing': 12,
  'session-gone': 1,
  'still-rendering': 1,
  unconfirmed: 1,
  'out-of-credits': 1,
  'plan-blocked': 1,
  'unsupported-file': 1,
  'file-too-large': 1,
  'outcome-unknown': 1,
  'render-failed': 1,
  'bad-answer': 1,
  'bad-request': 1,
  locked: 11,
  damaged: 14,
  'newer-version': 14,
  'journal-write': 1,
  usage: 2,
  'config-invalid': 10,
};

it.each(Object.entries(ENDS))('%s ends with %i', (code, expected) => {
  expect(exitCodeFor(new ShrinkError(code as ErrorCode, 'x'))).toBe(expected);
});

it('anything else that is thrown is a bug', () => {
  for (const thrown of [new TypeError('x'), 'text', undefined, null, { code: 'locked' }])
    expect(exitCodeFor(thrown)).toBe(1);
});

it('every code has its meaning, and no other is used', () => {
  const codes = EXIT_CODES.map(([code]) => code);
  expect(codes).toEqual([0, 1, 2, 3, 10, 11, 12, 13, 14, 130]);
  expect(Object.values(ENDS).every(code => codes.includes(code as never))).toBe(true);
});

it('the README lists the same codes', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const rows = [...readme.matchAll(/^\| (\d+) \| .+ \|$/gm)].map(row => Number(row[1]));
  expect(rows).toEqual(EXIT_CODES.map(([code]) => code));
});
