import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = join(import.meta.dirname, '../../src');

/**
 * Which rooms each room may import from, besides itself. Every room has a row; a new one fails until it gets its own. Stages (inbox,
 * rules, engine, verify, deliver, journal) don't know each other: what they exchange is in core. Only app wires them.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'cli.ts': ['app', 'commands', 'core', 'platform'],
  app: [
    ...['core', 'messages', 'platform', 'config', 'journal', 'media', 'inbox', 'rules', 'queue', 'engine', 'verify'],
    ...['deliver', 'library', 'monitor', 'notify', 'after', 'api', 'fleet', 'worker'],
  ],
  commands: [
    ...['core', 'platform', 'config', 'media', 'queue', 'engine', 'deliver', 'notify', 'api', 'app'],
    ...['fleet', 'worker'],
  ],
  after: ['core', 'messages', 'platform', 'config', 'api', 'queue'],
  core: [],
  messages: ['core'],
  platform: ['core', 'messages'],
  media: ['core', 'messages', 'platform'],
  config: ['core', 'messages'],
  rules: ['core', 'messages', 'config', 'engine'],
  inbox: ['core', 'messages', 'platform', 'media'],
  engine: ['core', 'platform'],
  'engine/local': ['core', 'messages', 'platform', 'media', 'engine'],
  'engine/nemo': ['core', 'messages', 'platform', 'media', 'config', 'engine'],
  'engine/fleet': ['core', 'messages', 'platform', 'media', 'engine', 'engine/local', 'fleet'],
  fleet: ['core', 'messages', 'platform', 'config'],
  worker: ['core', 'messages', 'platform', 'queue', 'fleet'],
  verify: ['core', 'messages', 'platform', 'media'],
  deliver: ['core', 'messages', 'platform'],
  library: ['core', 'messages', 'platform', 'engine', 'inbox', 'deliver'],
  journal: ['core', 'messages', 'platform'],
  queue: ['core', 'messages', 'platform', 'engine'],
  api: ['core', 'messages', 'platform', 'config', 'media', 'inbox', 'deliver', 'journal', 'queue'],
  monitor: ['core', 'platform', 'journal', 'queue', 'engine', 'api'],
  notify: ['core', 'platform', 'config', 'api'],
  web: ['core', 'messages', 'api'],
};

/** Inside `engine/`, this is all that others may import. */
const ENGINE_DOOR = 'engine/engine.ts';
/** The one module that builds the engines. */
const ENGINE_BUILDER = 'app/engines.ts';

interface Module {
  /** Below src, `/` between parts. */
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

function roomOf(path: string): string {
  const parts = path.split('/');
  return parts[0] === 'engine' && parts.length > 2 ? `engine/${parts[1]}` : (parts[0] ?? '');
}

/** Every import that the table forbids, as `from -> to`. */
function forbidden(of: readonly Module[]): string[] {
  return of.flatMap(({ path, imports }) => imports.filter(to => !isAllowed(path, to)).map(to => `${path} -> ${to}`));
}

function isAllowed(from: string, to: string): boolean {
  const [room, other] = [roomOf(from), roomOf(to)];
  if (room === other) return true;
  const isOutsideEngines = !from.startsWith('engine/');
  if (to.startsWith('engine/') && isOutsideEngines) {
    if (from === ENGINE_BUILDER) return true;
    return to === ENGINE_DOOR && MAY_IMPORT[room]?.includes('engine') === true;
  }
  return MAY_IMPORT[room]?.includes(other) === true;
}

describe('the shape of the source', () => {
  it('was found', () => {
    expect(modules.length).toBeGreaterThan(200);
    expect(modules.flatMap(module => module.imports).length).toBeGreaterThan(1000);
  });

  it('has only cli.ts and rooms at the top', () => {
    expect(modules.filter(({ path }) => !path.includes('/')).map(({ path }) => path)).toEqual(['cli.ts']);
    expect([...new Set(modules.map(({ path }) => roomOf(path)))].sort()).toEqual(Object.keys(MAY_IMPORT).sort());
  });

  it('lets no room import what it must not know', () => {
    expect(forbidden(modules)).toEqual([]);
  });

  it('allows no import that nobody makes', () => {
    const used = new Set(modules.flatMap(({ path, imports }) => imports.map(to => `${roomOf(path)} -> ${roomOf(to)}`)));
    const allowed = Object.entries(MAY_IMPORT).flatMap(([room, others]) => others.map(other => `${room} -> ${other}`));
    expect(allowed.filter(arrow => !used.has(arrow))).toEqual([]);
  });

  it.each([
    ['queue/idle.ts', 'engine/nemo/message/intent.ts'],
    ['commands/cloud.ts', 'engine/nemo/engine.ts'],
    ['app/daemon.ts', 'engine/local/engine.ts'],
    ['engine/local/engine.ts', 'engine/nemo/engine.ts'],
    ['engine/nemo/engine.ts', 'engine/local/engine.ts'],
    ['core/job.ts', 'platform/clock.ts'],
    ['inbox/watcher.ts', 'rules/decide.ts'],
    ['verify/verify.ts', 'deliver/deliver.ts'],
    ['platform/http.ts', 'api/serve.ts'],
    ['web/app.tsx', 'queue/ledger.ts'],
    ['cli.ts', 'journal/journal.ts'],
    ['attic/new-room.ts', 'core/job.ts'],
  ])('would notice %s importing %s', (path, to) => {
    expect(forbidden([{ path, imports: [to] }])).toEqual([`${path} -> ${to}`]);
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
