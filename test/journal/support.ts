import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Rolldown } from 'vite';
import { afterAll, afterEach } from 'vitest';
import type { ShrinkError } from '../../src/core/errors.ts';
import { type Journal, type JournalOptions, openJournal } from '../../src/journal/journal.ts';
import type { JournalFiles } from '../../src/journal/io.ts';
import { encodeRecord, type JournalRecord } from '../../src/journal/records.ts';
import { readJournal } from '../../src/journal/replay.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLogger } from '../../src/platform/log.ts';

const dirs: string[] = [];
const programs: string[] = [];
const journals: Journal[] = [];

/** A directory that is gone after the test. */
export async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'shrinkbox-journal-'));
  dirs.push(dir);
  return dir;
}

afterEach(async () => {
  await Promise.all(journals.splice(0).map(journal => journal.close()));
  await Promise.all(dirs.splice(0).map(dir => rm(dir, { recursive: true, force: true })));
});

afterAll(async () => {
  await Promise.all(programs.splice(0).map(dir => rm(dir, { recursive: true, force: true })));
});

export interface Opened {
  journal: Journal;
  records: JournalRecord[];
  fatal: ShrinkError[];
}

export async function open(dir: string, options: Partial<JournalOptions> = {}): Promise<Opened> {
  const records: JournalRecord[] = [];
  const fatal: ShrinkError[] = [];
  const journal = await openJournal({
    dir,
    clock: systemClock,
    log: silentLogger,
    onRecord: record => void records.push(record),
    onFatal: error => void fatal.push(error),
    ...options,
  });
  journals.push(journal);
  return { journal, records, fatal };
}

/** What a journal says to one who only reads it, without the marks: the records, and their numbers. */
export async function read(dir: string, files?: JournalFiles) {
  const records: JournalRecord[] = [];
  const options = files ? { dir, files } : { dir };
  const summary = await readJournal({ ...options, onRecord: record => void records.push(record) });
  return { ...summary, found: records, numbers: numbersOf(records) };
}

/** Entry number `n` of a test: what was appended can be told apart from everything else. */
export function entry(n: number) {
  return { job: `job${n % 3}`, event: 'counted', data: { n } };
}

export function numbersOf(records: readonly JournalRecord[]): number[] {
  return records.map(record => (record.data as { n: number }).n);
}

export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

/** The lines of records 1 to `count`, as a journal that was never compacted has them. */
export function lines(count: number, from = 1): string[] {
  return Array.from({ length: count }, (_, n) =>
    encodeRecord({ seq: from + n, at: 1_700_000_000_000 + n, ...entry(from + n - 1) }),
  );
}

export async function put(dir: string, name: string, content: string | Buffer): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, content);
  return path;
}

/** Every file of a directory with its content, to see that nothing was changed. */
export async function contents(dir: string): Promise<Record<string, string>> {
  const names = (await readdir(dir)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async name => [name, await readFile(join(dir, name), 'latin1')] as const)),
  );
}

/** Bundles a program of `programs/` so that plain Node can run it, as long as this test file runs. */
export async function bundle(name: string): Promise<string> {
  const into = await mkdtemp(join(tmpdir(), 'shrinkbox-program-'));
  programs.push(into);
  const built = (await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      ssr: fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url)),
      target: 'node20',
      write: false,
    },
  })) as Rolldown.RolldownOutput;
  const path = join(into, `${name}.mjs`);
  await writeFile(path, built.output[0].code);
  return path;
}

export function run(program: string, ...args: string[]) {
  return spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
}
