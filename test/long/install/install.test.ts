/** Installed for good: from the packed tarball into a prefix, without the repository, and upgraded over. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JobView } from '../../../src/api/types.ts';
import { footage } from '../../support/footage.ts';

const ROOT = join(import.meta.dirname, '../../..');
let dir: string;
let tarball: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'shrinkbox-install-'));
  tarball = pack(ROOT);
  install(tarball);
}, 900_000);

afterAll(() => rmSync(dir, { recursive: true, force: true }));

function pack(from: string): string {
  const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', dir];
  return join(dir, execFileSync('npm', args, { cwd: from, encoding: 'utf8' }).trim().split('\n').at(-1) ?? '');
}

function install(from: string): void {
  const args = [
    'install',
    '--silent',
    '--global',
    '--ignore-scripts',
    // Everything is in the package: no registry is asked.
    ...['--offline', '--cache', join(dir, 'empty-cache')],
    '--prefix',
    join(dir, 'prefix'),
  ];
  execFileSync('npm', [...args, from], { cwd: dir, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** The installed program, with nothing of the repository around it. */
function shrinkbox(...args: string[]): string {
  const env = { PATH: process.env['PATH'], HOME: dir };
  return execFileSync(join(dir, 'prefix/bin/shrinkbox'), args, {
    cwd: dir,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

it('runs, and finds what came with it', () => {
  expect(shrinkbox('--version').trim()).toBe(version);
  shrinkbox('init', 'box');
  expect(readFileSync(join(dir, 'box/config.yaml'), 'utf8')).toBe(
    readFileSync(join(ROOT, 'config.example.yaml'), 'utf8'),
  );
  expect(shrinkbox('service', 'print', '--config', 'box/config.yaml')).toContain(join(dir, 'prefix'));
});

it('carries no tests, sources or secrets along', () => {
  const files = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n');
  const odd = files.filter(
    file =>
      !file.startsWith('package/node_modules/') &&
      !/^package\/(dist\/.*|systemd\/[^/]+|docs\/.+|package\.json|(README|CHANGELOG)\.md|LICENSE|config\.example\.yaml)$/.test(
        file,
      ),
  );
  expect(odd).toEqual([]);
  expect(files).toContain('package/systemd/shrinkbox@.service');
});

interface Lock {
  packages: Record<string, { version: string; dev?: boolean }>;
}

it('brings what it needs along, in the versions of the clone (was: those of transitive packages floated)', () => {
  const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
  const { packages } = read(join(ROOT, 'package-lock.json')) as Lock;
  const needed = Object.entries(packages).filter(([path, { dev }]) => path !== '' && !dev);
  expect(needed.length).toBeGreaterThan(30);
  const home = join(dir, 'prefix/lib/node_modules/shrinkbox');
  const installed = needed.map(([path]) => [path, read(join(home, path, 'package.json')).version]);
  expect(installed).toEqual(needed.map(([path, locked]) => [path, locked.version]));
});

it('an upgrade goes on with the state there is', async () => {
  const box = join(dir, 'upgraded');
  mkdirSync(join(box, 'inbox'), { recursive: true });
  mkdirSync(join(box, 'outbox'));
  const config = join(box, 'config.yaml');
  writeFileSync(
    config,
    'folders: [{inbox: inbox, outbox: outbox, settle: 300ms}]\nrules: [{size: 200kB}]\nhttp: {listen: "off"}\nlocal: {effort: fast}\n',
  );
  cpSync(await footage('tiny'), join(box, 'inbox/clip.mp4'));
  shrinkbox('run', '--once', '--config', config);
  const before = JSON.parse(shrinkbox('jobs', '--json', '--config', config)) as JobView[];
  expect(before).toMatchObject([{ state: 'done' }]);
  execFileSync('tar', ['-xzf', tarball, '-C', dir]);
  const newer = join(dir, 'package');
  const manifest = JSON.parse(readFileSync(join(newer, 'package.json'), 'utf8')) as object;
  writeFileSync(join(newer, 'package.json'), JSON.stringify({ ...manifest, version: '99.0.0' }));
  install(pack(newer));
  expect(shrinkbox('--version').trim()).toBe('99.0.0');
  expect(shrinkbox('run', '--once', '--config', config)).toContain('nothing to do');
  expect(JSON.parse(shrinkbox('jobs', '--json', '--config', config))).toEqual(before);
}, 900_000);

it('reads the journal that 0.1.0 wrote', () => {
  const box = join(dir, 'old');
  mkdirSync(join(box, 'state/journal'), { recursive: true });
  cpSync(join(ROOT, 'test/fixtures/journals/0.1.0.jsonl'), join(box, 'state/journal/000001.jsonl'));
  writeFileSync(join(box, 'config.yaml'), '{}');
  const jobs = JSON.parse(shrinkbox('jobs', '--json', '--config', join(box, 'config.yaml'))) as JobView[];
  expect(jobs.map(({ source, state }) => [source.split('/').at(-1), state])).toEqual([
    ['words.mp4', 'held'],
    ['text.mp4', 'failed'],
    ['clip.mp4', 'done'],
  ]);
});
