/**
 * Plans of libraries of growing size: how long, and how much memory. Half of the files are holes of 50 MB, half are films of a
 * fifth of a second. A plan looks at 2,000 films at most, so neither should grow with the library. Needs `npm run build` before.
 *
 *     node test/long/bench/library.mjs [--files 1000,10000,100000]
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { files: { type: 'string', default: '1000,10000,100000' } } });
const CLI = join(import.meta.dirname, '../../../dist/cli.js');
const IN_A_FOLDER = 50;

const root = mkdtempSync(join(tmpdir(), 'shrinkbox-bench-library-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));
const film = join(root, 'film.mp4');
const source = ['-f', 'lavfi', '-i', 'testsrc2=size=64x48:rate=10:duration=0.2'];
spawnSync('ffmpeg', ['-v', 'error', ...source, '-c:v', 'libx264', '-crf', '10', film]);

console.log('| files | size | seconds | files a second | peak memory | looked at | sampled |');
console.log('|---|---|---|---|---|---|---|');
for (const files of values.files.split(',').map(Number)) console.log(`| ${(await measured(files)).join(' | ')} |`);

async function measured(files) {
  const library = join(root, `videos-${files}`);
  for (let n = 0; n < files; n += 1) {
    const folder = join(library, `folder ${Math.floor(n / IN_A_FOLDER)}`);
    if (n % IN_A_FOLDER === 0) mkdirSync(folder, { recursive: true });
    const path = join(folder, `film ${n}.mp4`);
    if (n % 2 === 0) copyFileSync(film, path);
    else makeHole(path, 50_000_000);
  }
  const config = join(root, `${files}.yaml`);
  const folder = `{library: ${library}, archive: ${root}/originals, min_age: 0s}`;
  writeFileSync(config, `state_dir: ${root}/state-${files}\nhttp: {listen: off}\nfolders: [${folder}]\n`);
  const began = performance.now();
  const child = spawn(process.execPath, [CLI, 'library', 'plan', library, '--json', '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', chunk => (said += chunk));
  const memory = peakOf(child.pid);
  await once(child, 'close');
  const seconds = (performance.now() - began) / 1000;
  const plan = JSON.parse(said);
  rmSync(library, { recursive: true });
  return [
    plan.films.toLocaleString('en'),
    `${Math.round(plan.bytes / 1e9)} GB`,
    Math.round(seconds),
    Math.round(files / seconds),
    `${Math.round(memory() / 1e6)} MB`,
    plan.looked_at.toLocaleString('en'),
    plan.sampled,
  ];
}

function makeHole(path, bytes) {
  writeFileSync(path, '');
  truncateSync(path, bytes);
}

/** The most it has had in memory, asked for as long as it lives. */
function peakOf(pid) {
  let peak = 0;
  const look = () => {
    try {
      const [, kilobytes = 0] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
      peak = Math.max(peak, kilobytes * 1024);
    } catch {
      clearInterval(timer);
    }
  };
  const timer = setInterval(look, 100);
  timer.unref();
  return () => peak;
}
