/**
 * `npm run footage [-- DIR]`: every file below a folder through the built program, at two sizes, and an independent look at what
 * comes out: one line each, and exit code 1 where anything is lost, moved or untrue without a word. Without a folder: fifty files of
 * all kinds, made by ffmpeg, whose verdicts are known.
 */
import { access, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { KINDS } from '../../../../src/core/inventory.ts';
import { keepFrameTimes } from '../../../../src/media/ffmpeg/args.ts';
import { canMake, footage, type FootageName, realTools } from '../../../support/footage.ts';
import { MADE, type Made } from './made.ts';
import { HEAD, linesOf, summaryOf } from './table.ts';
import { type Ask, type Row, trial } from './trial.ts';

const USAGE = `usage: npm run footage -- [DIR] [--size SIZE]... [--words "720p"] [--only PATTERN] [--jobs N] [--config FILE] [--json]
  DIR      a folder of videos; without one, fifty files are made
  --size   as compress takes it, may stand several times (default: 40% and 100%)
  --words  as compress takes them with --ask
  --only   files whose path this regular expression matches, in capitals or not
  --jobs   so many at once (default 1)`;
const DEFAULT_SIZES = ['40%', '100%'];
/** Longer than any encode of footage that somebody waits for. */
const LIMIT_MS = 2 * 3_600_000;

interface File {
  name: string;
  path: string;
  made?: Made;
}

const { values, positionals } = options();
const jobs = Number(values.jobs);
if (!Number.isSafeInteger(jobs) || jobs < 1) usage(`--jobs takes a number from 1 on, not "${values.jobs}"`);
const say = (line: string) => void (values.json || console.log(line));
const sizes = values.size ?? (values.words === undefined ? DEFAULT_SIZES : []);
const asks: Ask[] = (sizes.length > 0 ? sizes : [undefined]).map(size => ({
  ...(size === undefined ? {} : { size }),
  ...(values.words === undefined ? {} : { words: values.words }),
}));

const dir = await mkdtemp(join(tmpdir(), 'shrinkbox-footage-trial-'));
try {
  const rows = await everything();
  if (values.json) console.log(JSON.stringify(rows, null, 2));
  say(`\n${summaryOf(rows)}`);
  process.exitCode = rows.some(({ verdict }) => verdict === 'wrong') || rows.length === 0 ? 1 : 0;
} finally {
  await rm(dir, { recursive: true, force: true });
}

async function everything(): Promise<Row[]> {
  const tools = await realTools();
  const programs = { ffmpeg: tools.ffmpeg, ffprobe: tools.ffprobe, everyFrame: keepFrameTimes(tools) };
  const cli = resolve(import.meta.dirname, '../../../../dist/cli.js');
  const config = values.config === undefined ? {} : { config: resolve(values.config) };
  const bench = { cli, programs, dir, limitMs: LIMIT_MS, ...config };
  const only = new RegExp(values.only ?? '', 'i');
  const found = (await files()).filter(({ path }) => only.test(path));
  const todo = found.flatMap(file => asks.map((ask, n) => ({ file, ask, n })));
  const rows: Row[] = [];
  say(HEAD);
  const worker = async () => {
    for (let next = todo.shift(); next; next = todo.shift()) {
      const { file, ask, n } = next;
      const row = expected(await trial(file.path, file.name, ask, bench), file.made, n);
      rows.push(row);
      linesOf(row).forEach(say);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return rows;
}

/** What is known of a made file must be so, at the two usual sizes. */
function expected(row: Row, made: Made | undefined, n: number): Row {
  if (!made || values.size !== undefined || values.words !== undefined) return row;
  const verdict = made.expect?.[n] ?? 'ok';
  const told = [...row.notes, row.reason ?? ''].join('\n');
  const wrong = [...row.wrong];
  if (row.verdict !== verdict) wrong.push({ column: 'plays', text: `expected: ${verdict}` });
  if (made.says && n === 0 && !made.says.test(told))
    wrong.push({ column: 'inventory', text: `nothing says ${made.says}` });
  return wrong.length > 0 ? { ...row, wrong, verdict: 'wrong' } : row;
}

async function files(): Promise<File[]> {
  const [folder] = positionals;
  if (folder === undefined) return await madeFiles();
  await access(folder).catch(() => usage(`there is no folder ${folder}`));
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter(entry => entry.isFile() && !/\.(md|txt|json|srt|yaml|sh)$|^\./i.test(entry.name))
    .map(entry => join(entry.parentPath, entry.name))
    .toSorted()
    .map(path => ({ path: resolve(path), name: relative(folder, path) }));
}

async function madeFiles(): Promise<File[]> {
  const files: File[] = [];
  const kinds = new Set<string>();
  for (const [name, made] of Object.entries(MADE) as [FootageName, Made][]) {
    if (!(await canMake(name))) {
      say(`not made: ${name}, for which this ffmpeg lacks an encoder or a filter`);
      continue;
    }
    const path = await footage(name);
    for (const kind of made.kinds ?? []) kinds.add(kind);
    files.push({ path, name: `${name} ${path.slice(path.lastIndexOf('.'))}`, made });
  }
  const lacking = KINDS.filter(kind => !kinds.has(kind));
  if (lacking.length > 0) say(`kinds that no file here holds: ${lacking.join(', ')}`);
  return files;
}

function options() {
  try {
    return parseArgs({
      args: process.argv.slice(3),
      allowPositionals: true,
      options: {
        size: { type: 'string', multiple: true },
        words: { type: 'string' },
        only: { type: 'string' },
        jobs: { type: 'string', default: '1' },
        config: { type: 'string' },
        json: { type: 'boolean' },
      },
    });
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
}

function usage(wrong: string): never {
  console.error(`${wrong}\n${USAGE}`);
  process.exit(2);
}
