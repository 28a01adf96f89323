/** What torture cases share: a box for one case, originals that must stay as they were, results that must play. */
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { JobView } from '../../../src/api/types.ts';
import { Box, type BoxOptions, listing } from '../../support/box.ts';
import { eventually } from '../../support/eventually.ts';

const run = promisify(execFile);

export const isRoot = process.getuid?.() === 0;

/** `true` is a promise kept. @throws with the words otherwise */
export function demand(kept: boolean, broken: string): asserts kept {
  if (!kept) throw new Error(broken);
}

/** A box for one case, taken away at its end; the end of its log stands in the error of a case that is lost. */
export async function inBox<T>(options: BoxOptions, act: (box: Box) => Promise<T>): Promise<T> {
  const box = new Box(options);
  // A torture run may share its machine with another one.
  box.patienceMs = 900_000;
  try {
    return await act(box);
  } catch (error) {
    const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`${said}\n--- end of the log\n${box.logText().slice(-3000)}`, { cause: error });
  } finally {
    await box.dispose();
  }
}

export const sleep = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms));

export function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Files as they were when they were dropped: bytes, time of the last write, mode. */
export class Originals {
  readonly #known = new Map<string, string>();

  remember(path: string): void {
    this.#known.set(path, facts(path));
  }

  /** For those whose rightful owner changed them. */
  forget(path: string): void {
    this.#known.delete(path);
  }

  mustBeUntouched(): void {
    const touched = [...this.#known].filter(([path, before]) => !existsSync(path) || facts(path) !== before);
    demand(touched.length === 0, `originals lost or altered: ${touched.map(([path]) => path).join(', ')}`);
  }

  get count(): number {
    return this.#known.size;
  }
}

function facts(path: string): string {
  const { mtimeMs, mode, size } = statSync(path);
  return `${size} ${mtimeMs} ${mode} ${sha256(path)}`;
}

/** Length in seconds as ffprobe says it. */
export function seconds(path: string): number {
  const args = ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', `file:${path}`];
  return Number.parseFloat(execFileSync('ffprobe', args, { encoding: 'utf8' }));
}

/** Decodes every packet, and holds the length against what was dropped. @throws with what is wrong */
export async function mustPlay(path: string, lasts?: number): Promise<void> {
  const args = ['-v', 'error', '-nostdin', '-i', `file:${path}`, '-map', '0:v', '-map', '0:a?', '-f', 'null', '-'];
  const { stderr } = await run('ffmpeg', args);
  demand(stderr === '', `${path} does not play cleanly: ${stderr.slice(0, 300)}`);
  const is = seconds(path);
  demand(lasts === undefined || Math.abs(is - lasts) < 0.25, `${path} lasts ${is} s instead of ${lasts} s`);
}

/** The one finished job and the one result of a dropped file; anything else is a broken promise. */
export async function onlyResult(box: Box, source: string, output: string, lasts?: number): Promise<JobView> {
  await box.job(source, 'done');
  const jobs = (await box.jobs()).filter(job => job.source === join(box.inbox, source));
  const live = jobs.filter(job => job.state !== 'cancelled');
  demand(live.length === 1, `${source} has ${live.length} jobs: ${JSON.stringify(live)}`);
  const [job] = live as [JobView];
  demand(job.output === join(box.outbox, output), `${source} was delivered as ${job.output}`);
  await mustPlay(job.output, lasts);
  demand(
    job.target_bytes === null || statSync(job.output).size <= job.target_bytes,
    `${output} is larger than asked for`,
  );
  return job;
}

/** Nothing but these in the outbox, and no working files: what a person and their media server would see. */
export async function mustHoldOnly(box: Box, names: readonly string[]): Promise<void> {
  await box.holds(...[...names].sort());
  await eventually(() => !existsSync(join(box.state, 'work')) || listing(join(box.state, 'work')).length === 0, {
    what: 'the work folder to be empty',
  });
}

/** How often an engine began with a job of this source, from the journal. */
export function starts(box: Box, source: string): number {
  const records = box.journal();
  const ids = new Set(
    records
      .filter(({ event, data }) => event === 'admitted' && data['path'] === join(box.inbox, source))
      .map(({ job }) => job),
  );
  return records.filter(({ event, job }) => event === 'started' && ids.has(job)).length;
}

/**
 * An upload: the bytes in 20 pieces over `overMs`, with a pause after the first `stallAt` (0..1) of them.
 * `held` keeps the file open all the while, as a local copy or smbd does; otherwise it is closed after every piece, as what
 * another host writes looks from here.
 */
export async function upload(
  to: string,
  bytes: Buffer,
  { overMs = 1000, stallAt = 1, stallMs = 0, held = true }: Partial<Upload> = {},
): Promise<void> {
  const fd = held ? openSync(to, 'a') : undefined;
  const put = (piece: Buffer) => (fd === undefined ? appendFileSync(to, piece) : void writeSync(fd, piece));
  const stop = Math.floor(bytes.length * stallAt);
  const step = Math.ceil(bytes.length / 20);
  try {
    for (let at = 0; at < bytes.length; ) {
      const end = at < stop ? Math.min(at + step, stop) : Math.min(at + step, bytes.length);
      put(bytes.subarray(at, end));
      at = end;
      await sleep(at === stop ? stallMs : overMs / 20);
    }
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

interface Upload {
  overMs: number;
  stallAt: number;
  stallMs: number;
  held: boolean;
}

export function median(of: readonly number[]): number {
  const sorted = [...of].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
