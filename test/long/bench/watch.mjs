/**
 * 100,000 files already there: how long until a watcher is ready, what it costs, and how soon it knows of a file that is
 * moved in. shrinkbox against plain chokidar and inotifywait, alternating, in the same run. Needs `npm run build` before.
 *
 *     node test/long/bench/watch.mjs [--files 100000] [--folders 1000] [--rounds 3] [--moves 100]
 *
 * Each candidate is a process of its own. A "move" is a rename into one of the folders; it counts as noticed when the
 * candidate's line about it arrives here, so the way through the pipe is part of every number.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '100000' },
    folders: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
    moves: { type: 'string', default: '100' },
    candidate: { type: 'string' },
    inbox: { type: 'string' },
  },
});
const [files, folders, rounds, moves] = [values.files, values.folders, values.rounds, values.moves].map(Number);

/** Candidates print `ready` and then one line for each file they notice. */
const CANDIDATES = {
  'shrinkbox, all known': inbox => shrinkbox(inbox, true),
  'shrinkbox, all new': inbox => shrinkbox(inbox, false),
  'chokidar 5': chokidar,
};

if (values.candidate) await CANDIDATES[values.candidate](values.inbox);
else await main();

async function shrinkbox(inbox, allKnown) {
  const { Watcher } = await import('../../../dist/inbox/watcher.js');
  const { systemClock } = await import('../../../dist/platform/clock.js');
  const { silentLogger } = await import('../../../dist/platform/log.js');
  let ready = false;
  const watcher = new Watcher({
    folders: [{ inbox, scan: 'auto' }],
    clock: systemClock,
    log: silentLogger,
    hasJobFor({ relative }) {
      if (ready) console.log(relative);
      return allKnown && !ready;
    },
    onSighting: ({ relative }) => (relative.includes('moved') ? console.log(`sighted ${relative}`) : undefined),
  });
  await watcher.start();
  console.log('ready');
  if (!allKnown) await watcher.settled();
  ready = true;
  console.log('settled');
}

async function chokidar(inbox) {
  const { watch } = await import('chokidar');
  const watcher = watch(inbox, { ignoreInitial: true });
  watcher.on('ready', () => console.log('ready\nsettled'));
  watcher.on('add', path => console.log(path));
}

async function main() {
  const root = mkdtempSync(join(tmpdir(), 'shrinkbox-bench-'));
  try {
    const inbox = join(root, 'inbox');
    const staging = join(root, 'staging');
    mkdirSync(staging);
    for (let d = 0; d < folders; d += 1) {
      mkdirSync(join(inbox, `folder${d}`), { recursive: true });
      for (let f = 0; f < files / folders; f += 1)
        writeFileSync(join(inbox, `folder${d}`, `clip-number-${f}.mp4`), 'x');
    }
    const names = Object.keys(CANDIDATES);
    if (spawnSync('inotifywait', ['--help']).error === undefined) names.push('inotifywait -m -r');
    const results = new Map(names.map(name => [name, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const name of names) results.get(name).push(await measure(name, inbox, staging));
    }
    print(results);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function measure(name, inbox, staging) {
  const started = performance.now();
  const child = CANDIDATES[name]
    ? spawn(process.execPath, [import.meta.filename, '--candidate', name, '--inbox', inbox])
    : spawn('inotifywait', ['-m', '-r', '-e', 'create,moved_to', '--format', '%w%f', inbox]);
  const waiting = new Map();
  const said = new Map();
  const sayings = word => new Promise(resolve => waiting.set(word, resolve));
  const hear = line => {
    const now = performance.now();
    const word = line.startsWith('sighted ') ? 'sighted' : line;
    said.set(word, now);
    for (const [key, resolve] of waiting) {
      if (!line.endsWith(key)) continue;
      waiting.delete(key);
      resolve(now);
    }
  };
  createInterface({ input: child.stdout }).on('line', hear);
  // inotifywait says on stderr that its watches stand.
  createInterface({ input: child.stderr }).on('line', line => {
    if (line.includes('Watches established')) for (const word of ['ready', 'settled']) hear(word);
  });
  const settled = sayings('settled');
  const ready = await sayings('ready');
  const atStart = memoryOf(child.pid);
  const watches = watchesOf(child.pid);
  await settled;
  const afterwards = memoryOf(child.pid);
  const noticed = [];
  for (let n = 0; n < moves; n += 1) {
    const file = `moved-${process.pid}-${noticed.length}-${Math.trunc(performance.now())}.mp4`;
    writeFileSync(join(staging, file), 'x');
    const target = join(inbox, `folder${(n * 37) % folders}`, file);
    const heard = sayings(file);
    const before = performance.now();
    renameSync(join(staging, file), target);
    noticed.push((await heard) - before);
    rmSync(target);
    // Long enough that the removal is dealt with and does not announce the next file.
    await new Promise(resolve => setTimeout(resolve, 80));
  }
  const cpuBefore = processorOf(child.pid);
  await new Promise(resolve => setTimeout(resolve, 3000));
  const idle = (processorOf(child.pid) - cpuBefore) / 3000;
  const ended = new Promise(resolve => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  return { start: ready - started, rss: atStart.now, peak: afterwards.peak, watches, noticed, idle };
}

/** MB now and at most so far. */
function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = field => (Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024) / 1e6;
  return { now: mb('VmRSS'), peak: mb('VmHWM') };
}

/** Processor time used so far, ms. */
function processorOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function watchesOf(pid) {
  const infos = readdirSync(`/proc/${pid}/fdinfo`).map(fd => readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'));
  return infos.join('\n').match(/^inotify /gm)?.length ?? 0;
}

function print(results) {
  const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  const median = numbers =>
    at(
      [...numbers].sort((a, b) => a - b),
      0.5,
    );
  console.log(`${files} files in ${folders} folders, median of ${rounds} rounds, ${moves} files moved in each`);
  console.log('| | ready, s | RSS, MB | peak, MB | watches | noticed p50, ms | p95, ms | idle CPU |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const [name, runs] of results) {
    const noticed = runs.flatMap(run => run.noticed).sort((a, b) => a - b);
    const of = field => median(runs.map(run => run[field]));
    console.log(
      `| ${name} | ${(of('start') / 1000).toFixed(2)} | ${of('rss').toFixed(0)} | ${of('peak').toFixed(0)} | ${of('watches')} ` +
        `| ${at(noticed, 0.5).toFixed(1)} | ${at(noticed, 0.95).toFixed(1)} | ${(of('idle') * 100).toFixed(1)} % |`,
    );
  }
}
