/** docs/configuration.md against the schema: every key has its row, no row is left over, and defaults are the real ones. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { jsonSchema } from '../../src/config/schema.ts';

interface Node {
  default?: unknown;
  properties?: Record<string, Node>;
  items?: Node;
}

/** Default of every key of the schema by its path (`rules[].size`), maps of further keys left out. */
function keysOf(node: Node, path = ''): [string, unknown][] {
  return Object.entries(node.properties ?? {}).flatMap(([key, inner]): [string, unknown][] => {
    const here = path ? `${path}.${key}` : key;
    if (inner.properties) return keysOf(inner, here);
    return [[here, inner.default], ...(inner.items ? keysOf(inner.items, `${here}[]`) : [])];
  });
}

const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
/** `| key | default | meaning |`, with a lower-case key: variables of the environment are another table. */
const rows = new Map(
  [...page.matchAll(/^\| `([a-z][\w.[\]]*)` \| (.+?) \| .+ \|$/gm)].map(([, key = '', value = '']) => [key, value]),
);
const keys = new Map(keysOf(jsonSchema() as Node));

test('every key has a row, and every row a key', () => {
  expect([...rows.keys()].toSorted()).toEqual([...keys.keys()].toSorted());
});

test('a default written as a value is the default', () => {
  const written = [...rows].filter(([, value]) => /^`[^`]+`$/.test(value));
  expect(written.length).toBeGreaterThan(25);
  for (const [key, value] of written) expect([key, value]).toEqual([key, `\`${String(keys.get(key))}\``]);
});

test('where there is a default, the row has it or says it in words', () => {
  const plain = [...keys].filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value));
  for (const [key, value] of plain) expect([key, rows.get(key)]).toEqual([key, `\`${String(value)}\``]);
});
