import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const SRC = join(import.meta.dirname, '../../src');

/** Where an error may have plain words: it is read in a terminal or a log, and never reaches a job, the API or the page. */
const PLAIN = [
  ['cli.ts', 'mistakes on the command line'],
  ['commands/', 'mistakes on the command line'],
  ['config/find.ts', 'keeps the command from starting'],
  ['journal/replay.ts', 'keeps the daemon from starting'],
  ['journal/segments.ts', 'keeps the daemon from starting'],
  ['journal/errors.ts', 'ends the daemon'],
] as const;

/** Errors with a text or template as their message, by the line they begin on. */
function plainErrors(text: string): number[] {
  const found = text.matchAll(/new ShrinkError\(\s*[^,()]+,\s*['"`]/g);
  return [...found].map(({ index }) => text.slice(0, index).split('\n').length);
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(name => /\.tsx?$/.test(name));
const withPlainErrors = files.flatMap(path =>
  plainErrors(readFileSync(join(SRC, path), 'utf8')).map(line => ({ path, place: `${path}:${line}` })),
);

it('every error that can reach a job, the API or the page has its words in messages/', () => {
  const misplaced = withPlainErrors.filter(({ path }) => !PLAIN.some(([beginning]) => path.startsWith(beginning)));
  expect(misplaced.map(({ place }) => place)).toEqual([]);
});

it.each(PLAIN)('%s still needs its exception (%s)', beginning => {
  expect(withPlainErrors.some(({ path }) => path.startsWith(beginning))).toBe(true);
});

it.each([
  ["throw new ShrinkError('io', 'the disk', { cause });", [1]],
  ['\n  return new ShrinkError(\n    code,\n    `${path} is gone`,\n  );', [2]],
  ["new ShrinkError('io', say('files.failed', { doing: 'x' }))", []],
])('would notice %j: %j', (text, lines) => {
  expect(plainErrors(text)).toEqual(lines);
});
