/** What can reach a job, a status or the page is said by a code of the catalogue, so that the page can word it in its language. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const SRC = join(import.meta.dirname, '../../src');

/** What only ever reaches a terminal or the log: the command line, a configuration that is refused, a start that fails. */
const PLAIN = ['cli.ts', 'commands/', 'config/', 'journal/', 'queue/replaying.ts', 'app/inbox-lock.ts'];

const PATTERNS: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['an error', /new ShrinkError\(\s*[^,()]+,\s*[`'"]/g],
  ['the error of a file', /fileError\(\s*[^,()]+,\s*[`'"][^'"`]/g],
  ['a hint', /^\s+hint: [`'"]/gm],
];

const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter(path => path.endsWith('.ts') && !path.startsWith('web/') && !PLAIN.some(plain => path.startsWith(plain)))
  .map(path => ({ path, text: readFileSync(join(SRC, path), 'utf8') }));

function plainSentences(of: readonly { path: string; text: string }[], pattern: RegExp): string[] {
  return of.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)].map(({ index }) => `${path}:${text.slice(0, index).split('\n').length}`),
  );
}

it('the sources were found', () => expect(sources.length).toBeGreaterThan(150));

it.each(PATTERNS)('%s has a code', (_, pattern) => {
  expect(plainSentences(sources, pattern)).toEqual([]);
});

it.each<[string, string]>([
  ['an error', "throw new ShrinkError('denied', 'no');"],
  ['an error', "throw new ShrinkError(\n  'denied',\n  `${path} is bad`,\n);"],
  ['the error of a file', 'throw fileError(error, `reading ${path}`, path);'],
  ['a hint', "{\n  hint: 'Do it.',\n}"],
])('%s without one would be noticed', (what, text) => {
  const pattern = PATTERNS.find(([name]) => name === what)?.[1] ?? /$^/g;
  expect(plainSentences([{ path: 'new.ts', text }], pattern)).toHaveLength(1);
});
