import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isMap, isScalar, isSeq, parseDocument } from 'yaml';
import { jsonSchema } from '../../src/config/schema.ts';
import { parse } from './support.ts';

const text = readFileSync(new URL('../../config.example.yaml', import.meta.url), 'utf8');
/** With every `#key:`, `#- key:` and `#  key:` setting switched on. */
const everything = text.replace(/^( *)#(?=(?: {0,4}| {0,2}- )[a-z_]+:)/gm, '$1');

interface Node {
  default?: unknown;
  properties?: Record<string, Node>;
  items?: Node;
}

/** `rules[].size` for every key in a YAML text, with the line it is on and its value. */
function settings(source: string): { path: string; line: string; value: unknown }[] {
  const found: { path: string; line: string; value: unknown }[] = [];
  const walk = (node: unknown, path: string) => {
    if (isSeq(node)) for (const item of node.items) walk(item, `${path}[]`);
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      if (!isScalar(key)) continue;
      const here = path ? `${path}.${String(key.value)}` : String(key.value);
      const start = key.range?.[0] ?? 0;
      const line = source.slice(source.lastIndexOf('\n', start) + 1, source.indexOf('\n', start));
      found.push({
        path: here,
        line,
        value: isScalar(value) ? value.value : (value as { toJSON(): unknown } | null)?.toJSON(),
      });
      walk(value, here);
    }
  };
  walk(parseDocument(source).contents, '');
  return found;
}

/** Default of every key in the schema, by the same paths. */
function defaults(node: Node, path = ''): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [key, inner] of Object.entries(node.properties ?? {})) {
    const here = path ? `${path}.${key}` : key;
    found.set(here, inner.default);
    for (const entry of [...defaults(inner, here), ...(inner.items ? defaults(inner.items, `${here}[]`) : [])])
      found.set(...entry);
  }
  return found;
}

describe('config.example.yaml', () => {
  test('is a valid configuration as it stands, and does what no configuration does: init writes it', () => {
    expect(parse(text).rules.map(({ name }) => name)).toEqual(['everything']);
  });

  test('is one with every setting in it switched on, too', () => {
    const config = parse(everything.replace('originals: keep', 'originals: archive'));
    expect(config.rules.map(({ name }) => name)).toEqual(['mail', 'phone', 'films', 'everything']);
    expect(config.notify).toHaveLength(1);
    expect(config.folders[0]?.archiveDays).toBe(30);
  });

  test('shows every key there is', () => {
    const shown = new Set(settings(everything).map(({ path }) => path));
    expect([...defaults(jsonSchema() as Node).keys()].filter(path => !shown.has(path))).toEqual([]);
  });

  test('where it says default, the value is the default', () => {
    const known = defaults(jsonSchema() as Node);
    const claimed = settings(everything).filter(({ line }) => /# default\b/.test(line));
    expect(claimed.length).toBeGreaterThan(35);
    for (const { path, value } of claimed) expect([path, value]).toEqual([path, known.get(path)]);
  });

  test('its last rule is the built-in one under another name', () => {
    const last = parse(text).rules.at(-1);
    expect({ ...last, name: 'default' }).toEqual(parse('{}').rules[0]);
  });
});
