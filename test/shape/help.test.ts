import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

/** Packages and files that are loaded before the first command runs: static imports that are no types. */
function loadedBy(file: string, seen: Set<string>, packages: Set<string>): void {
  if (seen.has(file)) return;
  seen.add(file);
  const source = readFileSync(file, 'utf8');
  for (const [, clause = '', from = ''] of source.matchAll(/^(?:import|export) ([^;]*?) from '([^']+)';/gm)) {
    const names = /^\{(.*)\}$/s
      .exec(clause)?.[1]
      ?.split(',')
      .map(name => name.trim())
      .filter(name => name !== '');
    if (clause.startsWith('type ') || names?.every(name => name.startsWith('type '))) continue;
    if (from.startsWith('.')) loadedBy(join(dirname(file), from), seen, packages);
    else if (!from.startsWith('node:')) packages.add(from);
  }
}

/** The files of the commands, which cli.ts loads when they are asked for; `--help` asks for all of them. */
function commandFiles(): string[] {
  const found = readFileSync(CLI, 'utf8').matchAll(/import\('(\.\/commands\/[^']+)'\)\)\.define/g);
  return [...found].map(([, from = '']) => join(dirname(CLI), from));
}

it('--help loads commander and no other package, so that it is quick', () => {
  const seen = new Set<string>();
  const packages = new Set<string>();
  for (const file of [CLI, ...commandFiles()]) loadedBy(file, seen, packages);
  expect(commandFiles().length).toBeGreaterThan(10);
  expect([...packages]).toEqual(['commander']);
  expect(seen.size).toBeLessThan(52);
});

it('one command loads only what it needs', () => {
  const seen = new Set<string>();
  loadedBy(CLI, seen, new Set());
  expect(seen.size).toBeLessThan(15);
});

/** What the daemon loads without a fleet in its configuration, and without the cloud: static imports only. */
it('a daemon without a fleet loads nothing of one', () => {
  const seen = new Set<string>();
  const packages = new Set<string>();
  const SRC = dirname(CLI);
  for (const file of [
    'app/daemon.ts',
    'app/one-shot.ts',
    'commands/run.ts',
    'commands/compress.ts',
    'commands/doctor/checks.ts',
  ])
    loadedBy(join(SRC, file), seen, packages);
  expect(seen.size).toBeGreaterThan(100);
  const files = [...seen].map(file => file.slice(SRC.length));
  expect(files.filter(file => /^\/(?:engine\/fleet|fleet|worker)\/|^\/app\/fleet\.ts/.test(file))).toEqual([]);
  expect([...packages].filter(name => name === 'bullmq' || name === 'ioredis')).toEqual([]);
});
