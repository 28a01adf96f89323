/**
 * `npm run soak [-- --minutes 30] [--seed N]`: one daemon, files at random, faults at random. In the end every file must be
 * accounted for, every original as it was, every result whole, and the process as small as it was. Exit code 1 otherwise.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { JobView } from '../../../src/api/types.ts';
import { Box, listing } from '../../support/box.ts';
import { eventually } from '../../support/eventually.ts';
import { mustPlay, sha256, sleep } from './arena.ts';
import { costsOf } from './process.ts';
import { randomFrom } from './random.ts';
import { actOnce, canFill, type Expected, type Stage } from './soak/cast.ts';

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: { minutes: { type: 'string', default: '30' }, seed: { type: 'string' } },
});
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? Date.now() % 2 ** 32 : Number(values.seed);
const say = (line: string) => process.stdout.write(`${line}\n`);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  say('usage: npm run soak [-- --minutes 30] [--seed N]');
  process.exit(2);
}
/** The outbox's own disk: a few dozen results fill it, so that fullness is met. */
const OUTBOX_BYTES = 400_000_000;
/** After that nothing restarts the daemon: what it holds can be compared over time. */
const RESTARTS_UNTIL = 0.4;
/** So much of that last life its code and heap take to reach their size: on 520 jobs in a row 115 to 118 MB in the first 140. */
const WARM_UP = 1 / 3;
/**
 * Most that the memory when all is done may be above what it was after that, bytes. Each job remembered takes about 4 kB (of its journal
 * records); one buffer of 64 kB a job would be more. While it works V8 lets its heap grow by 40 MB and gives it back (seed 51:
 * 101 MB, then 140, at rest 101), so that the slope is reported and not judged.
 */
const RISE_BYTES = 15e6;

say(`seed ${seed}, ${minutes} min`);
const disk = mkdtempSync(join(tmpdir(), 'shrinkbox-soak-'));
if (canFill) execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${OUTBOX_BYTES}`, 'none', disk]);
const box = new Box({
  config: {
    folders: [{ inbox: 'inbox', outbox: disk, settle: '500ms', scan: '5s', reports: 'on-failure' }],
    rules: [
      { name: 'small', match: 'trip/**', size: '150kB' },
      { name: 'rest', size: '50MB' },
    ],
    limits: { local: 2, min_free: '1MB' },
    log: { level: 'info' },
  },
});
box.patienceMs = 900_000;
let lost = 0;
try {
  lost = await soak();
} catch (error) {
  lost = 1;
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
} finally {
  if (lost === 0) await box.dispose();
  else {
    await box.kill();
    say(`kept for a look: ${box.dir}`);
  }
  if (canFill) execFileSync('umount', ['-l', disk]);
  rmSync(disk, { recursive: true, force: true });
}
process.exit(lost > 0 ? 1 : 0);

async function soak(): Promise<number> {
  const stage: Stage = {
    box,
    random: randomFrom(seed),
    ledger: new Map(),
    done: new Map(),
    ballast: canFill ? join(disk, '.ballast.part') : undefined,
    under: new Set(),
  };
  await box.start();
  const memory: [hours: number, rss: number][] = [];
  const startedAt = performance.now();
  const share = () => (performance.now() - startedAt) / (minutes * 60_000);
  let atRest = costsOf(box.pid);
  let said = 0;
  while (share() < 1) {
    const withRestarts = share() < RESTARTS_UNTIL;
    await actOnce(stage, withRestarts);
    if (withRestarts) atRest = costsOf(box.pid);
    else memory.push([(performance.now() - startedAt) / 3_600_000, costsOf(box.pid).rssBytes]);
    const { counts } = await box.status();
    // What comes faster than it is worked off proves nothing more.
    const backlog = counts.queued + counts.waiting;
    await sleep(stage.random.between(100, backlog > 20 ? 8000 : 2500));
    if (share() * 10 > said + 1) {
      said += 1;
      say(
        `${said}0 %: ${stage.ledger.size} files, ${JSON.stringify(nonZero(counts))}, RSS ${mb(costsOf(box.pid).rssBytes)} MB`,
      );
    }
  }
  await Promise.all(stage.under);
  await untilQuiet();
  return judge(stage, memory, atRest.fds);
}

async function untilQuiet(): Promise<void> {
  await eventually(
    async () => {
      const { counts, folders } = await box.status();
      await sleep(1000);
      const busy = counts.queued + counts.waiting + counts.running + counts.verifying + counts.delivering;
      if (busy + counts['in-doubt'] + (folders[0]?.pending ?? 0) === 0) return true;
      throw new Error(JSON.stringify({ counts, folders }));
    },
    { what: 'everything to be done', withinMs: 3_600_000 },
  );
}

async function judge(stage: Stage, memory: [number, number][], fdsBefore: number): Promise<number> {
  const problems: string[] = [];
  const jobs = await box.jobs();
  const tally = new Map<string, number>();
  for (const [name, expected] of stage.ledger) {
    const wrong = await account(name, expected, jobs, tally);
    if (wrong) problems.push(`${name}: ${wrong}`);
  }
  const known = new Set(jobs.flatMap(job => (job.output ? [job.output] : [])));
  for (const name of listing(disk)) {
    const mine = known.has(join(disk, name)) || name.endsWith('.failed.txt');
    if (!mine) problems.push(`in the outbox, of no job: ${name}`);
  }
  // Everything a stopped job may have left is gone by the time all is done.
  const work = join(box.state, 'work');
  if (existsSync(work) && listing(work).length > 0) problems.push(`working files left: ${listing(work).join(', ')}`);
  const costs = costsOf(box.pid);
  if (costs.children > 0) problems.push(`${costs.children} child processes left`);
  if (costs.fds > fdsBefore + 5) problems.push(`${costs.fds} open files, ${fdsBefore} before`);
  const flatness = flatnessOf(memory, costs.rssBytes);
  if (flatness.rise > RISE_BYTES) problems.push(`its memory grows: ${inWords(flatness)}`);
  await sleep(10_000);
  const wakeUps = costsOf(box.pid).wakeUps - costs.wakeUps;
  const before = JSON.stringify(jobs.map(({ id, state }) => [id, state]));
  await box.kill('SIGTERM');
  await box.start();
  const again = JSON.stringify((await box.jobs()).map(({ id, state }) => [id, state]));
  if (again !== before) problems.push('after a restart the jobs are not what they were');
  for (const problem of problems) say(`LOST ${problem}`);
  say(`done to it: ${[...stage.done].map(([what, n]) => `${n} ${what}`).join(', ')}`);
  say(`files: ${[...tally].map(([what, n]) => `${n} ${what}`).join(', ')}; ${jobs.length} jobs`);
  say(
    `RSS ${mb(costs.rssBytes)} MB, ${inWords(flatness)}; ${costs.fds} open files (${fdsBefore} before), ${costs.children} children, ${(wakeUps / 10).toFixed(1)} wake-ups a second at rest`,
  );
  say(`${problems.length} lost; seed ${seed}`);
  return problems.length;
}

async function account(
  name: string,
  expected: Expected,
  jobs: readonly JobView[],
  tally: Map<string, number>,
): Promise<string | undefined> {
  const path = join(box.inbox, name);
  // Newest first.
  const job = jobs.find(one => one.source === path);
  const count = (what: string) => void tally.set(what, (tally.get(what) ?? 0) + 1);
  if (expected.kind === 'ignored') {
    count('left alone');
    return job ? `a name in progress became a job (${job.state})` : undefined;
  }
  if (!job) return 'nobody knows of it';
  count(job.state);
  if (expected.kind === 'junk') {
    const isRefused = job.state === 'failed' || job.state === 'skipped' || job.state === 'held';
    return isRefused && job.reason ? undefined : `${job.state} (${job.reason})`;
  }
  if (sha256(path) !== expected.sha256) return 'the original was altered';
  if (job.state !== 'done' || !job.output) return `${job.state}: ${job.reason}`;
  if (!existsSync(job.output)) return `its result ${job.output} is gone`;
  if (job.target_bytes !== null && statSync(job.output).size > job.target_bytes) return 'its result is too large';
  return mustPlay(job.output, expected.lasts).then(
    () => undefined,
    (error: Error) => error.message,
  );
}

interface Flatness {
  /** Bytes an hour. */
  slope: number;
  /** Bytes that it takes more when all is done. */
  rise: number;
  hours: number;
}

/** How the memory of the last life went on once it was warm: a line through the least of each minute, which is what stays. */
function flatnessOf(samples: readonly [hours: number, rss: number][], atRest: number): Flatness {
  const [first = 0, last = 0] = [samples[0]?.[0], samples.at(-1)?.[0]];
  const from = first + (last - first) * WARM_UP;
  const minutely = new Map<number, [number, number]>();
  for (const [hours, rss] of samples.filter(([at]) => at >= from)) {
    const minute = Math.floor(hours * 60);
    if (rss < (minutely.get(minute)?.[1] ?? Number.POSITIVE_INFINITY)) minutely.set(minute, [hours, rss]);
  }
  const slope = slopeOf([...minutely.values()]);
  const [, warm = atRest] = [...minutely.values()][0] ?? [];
  return { slope, rise: atRest - warm, hours: last - from };
}

function inWords({ slope, rise, hours }: Flatness): string {
  return `slope ${mb(slope)} MB an hour in the last ${(hours * 60).toFixed(0)} min, ${mb(rise)} MB more than before them when all is done`;
}

/** Least squares, bytes an hour. */
function slopeOf(points: readonly [number, number][]): number {
  const n = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const under = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return under === 0 ? 0 : over / under;
}

function nonZero(counts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0));
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
