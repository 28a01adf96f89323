/**
 * A library done by the built program, which is killed at random moments, and then restored whole. A few films and kills in
 * `npm run test:full`; FILMS and KILLS of `npm run test:library` say how many there.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
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
/** An even number, so that each has its extension. */
const PICTURES = 20;
/** Without any film archived, something has gone wrong. */
const STUCK_MS = 300_000;
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

/** Different pictures, and no two files alike: a film that came back under another's name would show. */
async function makeFilms(): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  for (const dir of [videos, join(root, 'originals')]) mkdirSync(dir);
  const made: Buffer[] = [];
  for (let n = 0; n < Math.min(FILMS, PICTURES); n += 1) {
    const path = join(root, `film${extensionOf(n)}`);
    const source = ['-f', 'lavfi', '-i', `testsrc2=size=160x90:rate=10:duration=1,hue=h=${n * 17}`];
    await run('ffmpeg', ['-y', '-v', 'error', ...source, '-c:v', 'libx264', '-crf', '5', path]);
    made.push(readFileSync(path));
  }
  for (let n = 0; n < FILMS; n += 1) {
    const folder = join(videos, `folder ${n % 7}`);
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `film ${n}${extensionOf(n)}`);
    writeFileSync(path, Buffer.concat([made[n % PICTURES] ?? Buffer.alloc(0), freeBox(n)]));
    utimesSync(path, 1_500_000_000, 1_500_000_000 + n);
    hashes.set(path, hashOf(path));
  }
  writeFileSync(
    config,
    `state_dir: ${root}/state\nhttp: {listen: off}\nlocal: {effort: fast}\nfolders: [{library: ${videos}, archive: ${root}/originals, min_age: 0s}]\n`,
  );
  return hashes;
}

function extensionOf(n: number): string {
  return n % 2 === 0 ? '.mp4' : '.mov';
}

/** A box that says nothing to players, at the end of a file. */
function freeBox(n: number): Buffer {
  const box = Buffer.alloc(12);
  box.writeUInt32BE(12, 0);
  box.write('free', 4, 'latin1');
  box.writeUInt32BE(n, 8);
  return box;
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

function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter(entry => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

function archived(): string[] {
  return filesIn(join(root, 'originals'));
}

/** Waits until that many originals are in the archive; fails where nothing goes on. */
async function untilArchived(films: number): Promise<void> {
  let [last, since] = [0, Date.now()];
  for (let now = archived().length; now < films; now = archived().length) {
    if (now > last) [last, since] = [now, Date.now()];
    if (Date.now() - since > STUCK_MS)
      throw new Error(`stuck at ${now} of ${films}: ${await ask('library', 'status')}`);
    await sleep(200);
  }
}

/** Of a run that takes most of an hour. */
function say(what: string): void {
  if (FILMS > 20) process.stderr.write(`${Math.round(performance.now() / 1000)} s: ${what}\n`);
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
  for (let kill = 1; kill <= KILLS; kill += 1) {
    await untilArchived(Math.floor((kill * FILMS) / (KILLS + 1)));
    await sleep(random() * 2_500);
    daemon?.kill('SIGKILL');
    checkSafe(hashes);
    await start();
    say(`kill ${kill} of ${KILLS}, ${archived().length} of ${FILMS} films archived`);
  }
  await untilArchived(FILMS);
  for (let now = await view(); now.state === 'running' || now.now !== null; now = await view()) await sleep(250);
  const { done } = await view();
  expect(done).toBe(FILMS);
  checkSafe(hashes);
  say('all are done');
  expect(JSON.parse(await ask('library', 'verify'))).toMatchObject({ checked: FILMS, problems: [] });
  say('all are checked');
  await ask('restore', '--all');
  say('all are restored');
  expect(filesIn(videos).sort()).toEqual([...hashes.keys()].sort());
  for (const [path, hash] of hashes) expect(hashOf(path), path).toBe(hash);
  expect(archived()).toEqual([]);
});
