import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = join(import.meta.dirname, '../../src');

/**
 * Which layers each layer may import from, besides itself. Stages (watch, rules, engine, verify, deliver, journal) do not
 * know each other: what they exchange is in core. The files at the top of src wire them and may import anything.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  core: [],
  platform: ['core'],
  config: ['core'],
  journal: ['core', 'platform'],
  watch: ['core', 'platform'],
  rules: ['core', 'config'],
  engine: ['core', 'platform'],
  verify: ['core', 'platform', 'engine'],
  deliver: ['core', 'platform'],
  queue: ['core', 'platform', 'engine'],
  control: ['core', 'platform', 'queue', 'journal', 'config', 'watch', 'deliver'],
};

/** The two engines know the promise and nothing of each other. */
const ENGINES = ['engine/local', 'engine/nemo'];

interface Module {
  path: string;
  imports: string[];
}

const modules: Module[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.ts') || name.endsWith('.tsx'))
  .map(path => ({ path, imports: importsOf(path) }));

function importsOf(path: string): string[] {
  const text = readFileSync(join(SRC, path), 'utf8');
  const found = text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g);
  return [...found].map(match => relative(SRC, normalize(join(SRC, dirname(path), match[1] ?? ''))));
}

function layerOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : '';
}

describe('the shape of the source', () => {
  it('was found', () => {
    expect(modules.length).toBeGreaterThan(30);
    expect(modules.flatMap(module => module.imports).length).toBeGreaterThan(100);
  });

  it('lets no layer import what it must not know', () => {
    const broken = modules.flatMap(({ path, imports }) => {
      const layer = layerOf(path);
      const allowed = MAY_IMPORT[layer];
      if (!allowed) return [];
      return imports
        .filter(to => layerOf(to) !== layer && !allowed.includes(layerOf(to)))
        .map(to => `${path} -> ${to}`);
    });
    expect(broken).toEqual([]);
  });

  it('keeps the engines apart', () => {
    const broken = modules.flatMap(({ path, imports }) => {
      const own = ENGINES.find(engine => path.startsWith(`${engine}/`));
      return own
        ? imports
            .filter(to => ENGINES.some(engine => engine !== own && to.startsWith(`${engine}/`)))
            .map(to => `${path} -> ${to}`)
        : [];
    });
    expect(broken).toEqual([]);
  });

  it('has no import cycles', () => {
    const byPath = new Map(modules.map(module => [module.path, module.imports]));
    const finished = new Set<string>();
    const visit = (path: string, trail: string[]): string[] | undefined => {
      if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
      if (finished.has(path)) return undefined;
      for (const to of byPath.get(path) ?? []) {
        const cycle = visit(to, [...trail, path]);
        if (cycle) return cycle;
      }
      finished.add(path);
      return undefined;
    };
    for (const { path } of modules) expect(visit(path, [])).toBeUndefined();
  });
});
