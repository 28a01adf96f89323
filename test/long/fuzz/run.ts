/**
 * `npm run fuzz [-- --cases 5000 --seed N --case K --full --keep DIR]`: spoiled files through the container walk, the probe and the
 * plan, a share of them through encode and verify. A case fails on a crash, a hang, a lie (a result over its size, or not what it
 * claims) or a silent loss (what the source held is neither in the result nor in the notes). Prints its seed; the same seed draws
 * the same cases from the same seed files (footage in SHRINKBOX_CORPUS adds to them). Exit code 1 when a case failed.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findTools } from '../../../src/media/ffmpeg/tools.ts';
import { activeChildren } from '../../../src/platform/process/run-child.ts';
import { run } from './case.ts';
import { drawCase } from './cases.ts';
import { makeSeeds } from './seeds.ts';

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    cases: { type: 'string', default: '5000' },
    seed: { type: 'string' },
    case: { type: 'string' },
    from: { type: 'string', default: '0' },
    full: { type: 'boolean' },
    keep: { type: 'string' },
    jobs: { type: 'string', default: '3' },
  },
});
const seed = values.seed === undefined ? Date.now() % 2 ** 32 : Number(values.seed);
const first = Number(values.case ?? values.from);
const count = values.case === undefined ? Number(values.cases) : 1;
if (![seed, first, count, Number(values.jobs)].every(Number.isSafeInteger)) {
  console.error('usage: npm run fuzz -- [--cases N] [--seed N] [--from N] [--case N] [--full] [--keep DIR] [--jobs N]');
  process.exit(2);
}

const dir = await mkdtemp(join(tmpdir(), 'shrinkbox-fuzz-'));
const ends = new Map<string, number>();
/** Endings that nobody should see: worth a look, though nothing is lost by them. */
const unclear = new Map<string, string[]>();
const UNCLEAR = /^(child-|verify-failed|timed-out|out-of-memory|no-space|gone|denied|unavailable|io$)/;
let failed = 0;
try {
  const tools = await findTools();
  const seeds = await makeSeeds(dir, tools);
  console.log(`seed ${seed}: ${count} cases from ${seeds.length} files`);
  let next = first;
  const worker = async () => {
    while (next < first + count) {
      const number = next++;
      await one(number);
      const done = number - first + 1;
      if (done % 500 === 0) console.log(`  ${done}: ${summary()}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, Number(values.jobs)) }, worker));

  async function one(number: number): Promise<void> {
    const drawn = drawCase(seed, number, seeds);
    if (values.keep) await keep(values.keep, drawn.name, drawn.bytes);
    const result = await run({ ...drawn, full: drawn.full || values.full === true }, { tools, dir });
    ends.set(result.end, (ends.get(result.end) ?? 0) + 1);
    if (UNCLEAR.test(result.end))
      unclear.set(result.end, [...(unclear.get(result.end) ?? []), `case ${number}: ${drawn.how}: ${result.said}`]);
    if (values.case !== undefined) console.log(`${drawn.how}\n${result.end}: ${result.said}`);
    if (result.wrong.length === 0) return;
    failed += 1;
    console.log(
      `FAILED case ${number} (--seed ${seed} --case ${number}): ${drawn.how}, target ${JSON.stringify(drawn.target)}`,
    );
    for (const sentence of result.wrong) console.log(`  ${sentence}`);
  }
} finally {
  await rm(dir, { recursive: true, force: true });
}
for (const [end, list] of unclear) {
  console.log(`\n${end} (${list.length}):`);
  for (const line of list.slice(0, 12)) console.log(`  ${line}`);
}
if (activeChildren().length > 0) {
  failed += 1;
  console.log(`FAILED: children left behind: ${JSON.stringify(activeChildren())}`);
}
console.log(`\n${count} cases, ${failed} failed; seed ${seed}; ${summary()}`);
process.exit(failed > 0 ? 1 : 0);

function summary(): string {
  return [...ends]
    .toSorted((a, b) => b[1] - a[1])
    .map(([end, times]) => `${end} ${times}`)
    .join(', ');
}

async function keep(folder: string, name: string, bytes: Buffer): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), bytes);
}
