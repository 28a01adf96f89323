/**
 * How well shrinkbox encodes, against what people use today, in the same run:
 *
 *     npm run bench:encode [-- --clips 02,05 --targets normal --tools shrinkbox,naive --seconds 12 --out FILE --rows FILE]
 *     npm run bench:encode -- --random 500 [--seed N]      sizes and stretches drawn at random
 *     npm run bench:encode -- --overhead                   shrinkbox's own share, on a clip of a minute
 *     npm run bench:encode -- --short                      its own processor time for a clip of two seconds
 *     npm run bench:encode -- --even                       against a plain two-pass of the same picture size and bytes: mean, worst
 *                                                          5 %, eighths of the clip (and --sizes: the best of nine picture sizes)
 *     npm run bench:encode -- --av1                        the AV1 tier (BENCH_FFMPEG: one with SVT-AV1 2 or newer)
 *
 * Clips are those of SHRINKBOX_CORPUS, else made ones, and those of BENCH_UNSEEN, which no constant may be fitted on; longer ones are cut to --seconds (default 12) without re-encoding. Processor
 * time is compared, never wall time. --rows keeps what was measured in a file and goes on from there, so that a table can be made in
 * parts. With BENCH_FFMPEG naming an ffmpeg that has XPSNR or libvmaf, those are measured beside SSIM.
 */
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findTools } from '../../../../src/media/ffmpeg/tools.ts';
import { av1Goal } from './av1.ts';
import { evenGoals } from './even.ts';
import { CANDIDATES, type CandidateName } from './candidates.ts';
import { clips, TARGETS, type TargetName } from './clips.ts';
import { measure, type Row } from './measure.ts';
import { overheadGoal, shortGoal } from './overhead.ts';
import { randomPairs } from './random.ts';
import { breakdown, type Goal, goals, goalTable, tables } from './report.ts';

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    clips: { type: 'string', default: '' },
    targets: { type: 'string', default: TARGETS.join(',') },
    tools: { type: 'string', default: Object.keys(CANDIDATES).join(',') },
    seconds: { type: 'string', default: '12' },
    random: { type: 'string' },
    seed: { type: 'string' },
    overhead: { type: 'boolean' },
    short: { type: 'boolean' },
    av1: { type: 'boolean' },
    even: { type: 'boolean' },
    sizes: { type: 'boolean' },
    codec: { type: 'string', default: 'h264' },
    out: { type: 'string' },
    rows: { type: 'string' },
  },
});

const list = (text: string) => text.split(',').filter(part => part !== '');
const targets = list(values.targets) as TargetName[];
const names = list(values.tools) as CandidateName[];
const seconds = Number(values.seconds);
const unknown = [
  ...targets.filter(one => !TARGETS.includes(one)),
  ...names.filter(one => !(one in CANDIDATES)),
  ...(Number.isFinite(seconds) ? [] : [values.seconds]),
];
if (unknown.length > 0) {
  console.error(
    `unknown: ${unknown.join(', ')}; targets are ${TARGETS.join(', ')}, tools ${Object.keys(CANDIDATES).join(', ')}`,
  );
  process.exit(2);
}

/** Progress goes to stderr, results to stdout and, where asked for, to a file as well. */
const say = (line: string) => console.error(line);
const tell = async (text: string) => {
  console.log(text);
  if (values.out) await appendFile(values.out, `${text}\n`);
};

const dir = await mkdtemp(join(tmpdir(), 'shrinkbox-bench-'));
try {
  const tools = await findTools();
  const judge = process.env['BENCH_FFMPEG'] ? await findTools({ ffmpeg: process.env['BENCH_FFMPEG'] }) : tools;
  const found = await clips({ tools, wanted: list(values.clips), mostS: seconds, dir });
  const special: Goal[] = [];
  if (values.random) {
    const seed = Number(values.seed ?? Date.now() % 2 ** 32);
    special.push(await randomPairs(Number(values.random), seed, found, { tools, dir, say }));
  }
  if (values.short) special.push(await shortGoal({ tools, dir, say }));
  if (values.overhead) special.push(await overheadGoal({ tools, dir, say }));
  if (values.av1) special.push(await av1Goal(found, { tools, modern: judge, dir, say }));
  if (values.even)
    special.push(
      ...(await evenGoals(found, targets, { tools, judge, dir, say, sizes: values.sizes, codec: values.codec })),
    );
  if (special.length > 0) await tell(goalTable(special));
  else await everything();

  async function everything(): Promise<void> {
    const rows = values.rows ? await rowsIn(values.rows) : [];
    for (const target of targets) {
      for (const clip of found) {
        if (rows.some(row => row.clip === clip.name && row.target === target)) continue;
        const row = await measure(clip, target, names, { tools, judge, dir, say });
        rows.push(row);
        if (values.rows) await appendFile(values.rows, `${JSON.stringify(row)}\n`);
      }
    }
    for (const clip of found) await tell(`- ${clip.name}: ${clip.about}`);
    await tell(tables(rows));
    await tell(`\n${breakdown(rows)}\n`);
    await tell(goalTable(goals(rows)));
  }
} finally {
  await rm(dir, { recursive: true, force: true });
}

async function rowsIn(file: string): Promise<Row[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line) as Row]));
}
