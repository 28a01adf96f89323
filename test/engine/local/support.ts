import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ShrinkError } from '../../../src/core/errors.ts';
import type { Candidate, Order, Verified } from '../../../src/core/job.ts';
import type { MediaFacts } from '../../../src/core/media-info.ts';
import type { Target } from '../../../src/core/target.ts';
import { createLocalEngine, type LocalEngineOptions } from '../../../src/engine/local/engine.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { probe } from '../../../src/media/probe/probe.ts';
import { verifyCandidate } from '../../../src/verify/verify.ts';
import { type ContextOptions, recordingContext, type Recorded } from '../../contract/engine.ts';
import { footage, type FootageName, realTools } from '../../support/footage.ts';
import { ownFile } from '../../../src/platform/files/files.ts';
import { withSource } from '../../support/with-source.ts';

export const TARGET: Target = { audio: { kind: 'keep' }, quality: 'auto', minSaving: 0.05 };

/** `40%` of a source, as a target. */
export const share = (part: number): Partial<Target> => ({ size: { kind: 'share', share: part } });
export const bytes = (most: number): Partial<Target> => ({ size: { kind: 'bytes', bytes: most } });

export async function orderFor(source: string, target: Partial<Target>): Promise<Order> {
  return { job: 'test', source, sourceBytes: (await stat(source)).size, target: { ...TARGET, ...target } };
}

/** A directory that is gone when the test is over. */
export async function inWorkDir<T>(use: (workDir: string) => Promise<T>): Promise<T> {
  const workDir = await mkdtemp(join(tmpdir(), 'shrinkbox-local-'));
  try {
    return await use(workDir);
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

/** One encoder at a time, wherever the tests run. */
const ONE_CORE = { cores: 1, memoryBytes: 4e9 };

export async function engineFor(options: Partial<LocalEngineOptions> = {}) {
  return withSource(
    createLocalEngine({ tools: await realTools(), effort: 'fast', clock: systemClock, machine: ONE_CORE, ...options }),
  );
}

export interface Shrunk {
  candidate: Candidate;
  verified: Verified;
  /** Of the source, and of what came out. */
  before: MediaFacts;
  after: MediaFacts;
  recorded: Recorded;
}

/** A clip through engine and verify; `look` sees the result before its directory is gone. */
export async function shrink(
  clip: FootageName | { path: string },
  target: Partial<Target>,
  look: (shrunk: Shrunk) => void | Promise<void> = () => {},
  options: Partial<ContextOptions> & { engine?: Partial<LocalEngineOptions> } = {},
): Promise<Shrunk> {
  const source = typeof clip === 'string' ? await footage(clip) : clip.path;
  const tools = await realTools();
  return await inWorkDir(async workDir => {
    const engine = await engineFor(options.engine);
    const { context, recorded } = recordingContext({ workDir, ...options });
    const candidate = await engine.run(await orderFor(source, target), context);
    const verified = await verifyCandidate(candidate, { tools, source: ownFile(source) });
    const [before, after] = await Promise.all([
      probe(ownFile(source), { tools }),
      probe(ownFile(candidate.path), { tools }),
    ]);
    const shrunk = { candidate, verified, before, after, recorded };
    await look(shrunk);
    return shrunk;
  });
}

/** The error of ours something ends in; anything else fails the test. */
export async function refusal(promise: Promise<unknown>): Promise<ShrinkError> {
  const error: unknown = await promise.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ShrinkError)) throw error;
  return error;
}

/** Presentation times of the picture, in display order, seconds from the first one. */
export async function frameTimes(path: string): Promise<number[]> {
  const { ffprobe } = await realTools();
  const args = [
    '-v',
    'error',
    '-select_streams',
    'v:0',
    '-show_entries',
    'packet=pts_time,flags',
    '-of',
    'csv=p=0',
    path,
  ];
  const { stdout } = await promisify(execFile)(ffprobe, args, { maxBuffer: 1e8 });
  const times = stdout
    .split('\n')
    .map(line => line.split(','))
    .filter(([time, flags]) => time && flags && !flags.includes('D'))
    .map(([time]) => Number(time))
    .toSorted((a, b) => a - b);
  return times.map(time => time - (times[0] ?? 0));
}

/** When the screen turns white and when the beep begins (the `sync` clips), seconds on the file's own clock. */
export async function flashAndBeep(path: string): Promise<{ flash: number; beep: number }> {
  const { ffmpeg } = await realTools();
  // With an offset that moves nothing: ffmpeg 5.1 puts a track at zero if another one, which is not read, begins there.
  const run = async (args: string[]) => {
    const all = ['-v', 'error', '-nostdin', '-copyts', '-itsoffset', '0.000001', '-i', path, ...args];
    return (await promisify(execFile)(ffmpeg, all, { encoding: 'buffer', maxBuffer: 1e8 })).stdout;
  };
  const said = (
    await run(['-map', '0:v', '-vf', 'scale=8:8,signalstats,metadata=mode=print:file=-', '-f', 'null', '-'])
  ).toString();
  const frames = said.split('frame:').map(frame => ({
    time: Number(/pts_time:(\S+)/.exec(frame)?.[1]),
    light: Number(/YAVG=(\S+)/.exec(frame)?.[1]),
  }));
  const flash = frames.find(frame => frame.light > 120)?.time ?? Number.NaN;
  const sound = await run([
    '-map',
    '0:a:0',
    '-af',
    'aresample=48000:async=1:first_pts=0',
    '-ac',
    '1',
    '-f',
    's16le',
    '-',
  ]);
  let beep = Number.NaN;
  for (let at = 0; at + 1 < sound.length && Number.isNaN(beep); at += 2) {
    if (Math.abs(sound.readInt16LE(at)) > 6_000) beep = at / 2 / 48_000;
  }
  return { flash, beep };
}

/** What ffprobe says of a file, untouched. */
export async function raw(path: string): Promise<{
  format: { tags?: Record<string, string> };
  streams: Record<string, unknown>[];
  chapters: { tags?: Record<string, string> }[];
}> {
  const { ffprobe } = await realTools();
  const args = ['-v', 'error', '-show_format', '-show_streams', '-show_chapters', '-of', 'json', path];
  return JSON.parse((await promisify(execFile)(ffprobe, args)).stdout);
}
