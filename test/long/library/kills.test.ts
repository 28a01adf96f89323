/**
 * A library done by the built program, which is killed at random moments, and then restored whole. A few films and kills in
 * `npm run test:full`; FILMS and KILLS of `npm run test:library` say how many there.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const run = promisify(execFile);
const CLI = join(import.meta.dirname, '../../../dist/cli.js');
const FILMS = Number(process.env['FILMS'] ?? 2);
const KILLS = Number(process.env['KILLS'] ?? 2);
let seed = Number(process.env['SEED'] ?? 18);

const root = mkdtempSync(join(tmpdir(), 'shrinkbox-kills-'));
const videos = join(root, 'videos');
const config = join(root, 'config.yaml');
let daemon: ChildProcess | undefined;
afterAll(() => {
  daemon?.kill('SIGKILL');
  rmSync(root, { recursive: true, force: true });
});

function random(): number {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
  return seed / 2 ** 31;
}

async function makeFilms(): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  for (const dir of [videos, join(root, 'originals')]) mkdirSync(dir);
  const made = join(root, 'film.mp4');
  const source = ['-f', 'lavfi', '-i', 'testsrc2=size=160x120:rate=10:duration=1'];
  await run('ffmpeg', ['-v', 'error', ...source, '-c:v', 'libx264', '-crf', '5', made]);
  for (let n = 0; n < FILMS; n += 1) {
    const folder = join(videos, `folder ${n % 7}`);
    mkdirSync(folder, { recursive: true });
    const path = join(folder, n % 2 === 0 ? `film ${n}.mp4` : `film ${n}.mov`);
    if (n % 2 === 0) copyFileSync(made, path);
    else await run('ffmpeg', ['-v', 'error', '-i', made, '-c', 'copy', path]);
    utimesSync(path, 1_500_000_000, 1_500_000_000 + n);
    hashes.set(path, hashOf(path));
  }
  writeFileSync(
    config,
    `state_dir: ${root}/state\nhttp: {listen: off}\nlocal: {effort: fast}\nfolders: [{library: ${videos}, archive: ${root}/originals, min_age: 0s}]\n`,
  );
  return hashes;
}

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

async function start(): Promise<void> {
  daemon = spawn(process.execPath, [CLI, 'run', '--config', config], { stdio: 'ignore' });
  for (let tries = 0; tries < 200; tries += 1) {
    if (
      await ask('healthcheck').then(
        () => true,
        () => false,
      )
    )
      return;
    await sleep(100);
  }
  throw new Error('the daemon does not answer');
}

async function ask(...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [CLI, ...args, '--json', '--config', config], { maxBuffer: 1e8 });
  return stdout;
}

async function view() {
  return JSON.parse(await ask('library', 'status'))[0] as { state: string; done: number; now: string | null };
}

/** Whether each film has its place, or its result has and it is in the archive. */
function checkSafe(hashes: ReadonlyMap<string, string>): void {
  for (const [path, hash] of hashes) {
    if (existsSync(path) && hashOf(path) === hash) continue;
    const archived = path.replace(videos, join(root, 'originals'));
    expect(existsSync(path.replace(/\.mov$/, '.mp4')), path).toBe(true);
    expect(hashOf(archived), path).toBe(hash);
  }
}

test('killed again and again, every film is done once, and all come back byte for byte', async () => {
  const hashes = await makeFilms();
  await start();
  await ask('library', 'plan', videos);
  await ask('library', 'start', videos);
  for (let kill = 0; kill < KILLS; kill += 1) {
    await sleep(random() * (FILMS > 20 ? 20_000 : 2_500));
    daemon?.kill('SIGKILL');
    checkSafe(hashes);
    await start();
  }
  for (let now = await view(); now.state === 'running' || now.now !== null; now = await view()) await sleep(250);
  const { done } = await view();
  expect(done).toBe(FILMS);
  checkSafe(hashes);
  expect(JSON.parse(await ask('library', 'verify'))).toMatchObject({ checked: FILMS, problems: [] });
  await ask('restore', '--all');
  const seen = readdirSync(videos, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
  expect(seen.map(({ parentPath, name }) => join(parentPath, name)).sort()).toEqual([...hashes.keys()].sort());
  for (const [path, hash] of hashes) expect(hashOf(path), path).toBe(hash);
  const left = readdirSync(join(root, 'originals'), { recursive: true, withFileTypes: true }).filter(entry =>
    entry.isFile(),
  );
  expect(left).toEqual([]);
});
