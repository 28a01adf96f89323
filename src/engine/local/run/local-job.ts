import { open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError } from '../../../platform/files/file-error.ts';
import { isShrinkError, ShrinkError } from '../../../core/errors.ts';
import type { Json, Order } from '../../../core/job.ts';
import type { MediaFacts } from '../../../core/media-info.ts';
import type { Clock } from '../../../platform/clock.ts';
import { type FfmpegResult, runFfmpeg } from '../../../media/ffmpeg/run.ts';
import { displayName } from '../../../media/ffmpeg/input-errors.ts';
import type { Tools } from '../../../media/ffmpeg/tools.ts';
import type { EngineContext } from '../../engine.ts';
import type { Meter } from './progress.ts';
import type { Cutting } from '../plan/segments.ts';

/** Everything the steps of one job work with. */
export interface LocalJob {
  tools: Tools;
  order: Order;
  context: EngineContext;
  facts: MediaFacts;
  /** What is read: the source, or its straightened copy in the work directory. */
  input: string;
  effort: Effort;
  /** How long parts may be; absent where this source cannot be cut. */
  cutting: Cutting | undefined;
  threads: number | undefined;
  clock: Clock;
  nice: number;
  stallMs: number;
  meter: Meter;
  /** Checkpoints by key: what `resume` held, and what was recorded since. */
  memory: Record<string, Json>;
}

export type Effort = 'fast' | 'balanced' | 'best';

export interface StepRequest {
  doing: string;
  args: readonly string[];
  /** File in the work directory that comes out; appears under this name only when complete. */
  output?: string;
  /** Further files it writes there. */
  besides?: readonly string[];
  /** Share of the whole job, and how to tell where it stands. */
  share: number;
  fraction?: (progress: { frames: number; timeS: number }) => number;
  note?: string;
  /** The step is given up, without an error, once more than this was written. */
  giveUpAboveBytes?: number;
}

export type StepResult = FfmpegResult & { outputBytes: number; tooLarge: boolean };

/** Processor time of one child: four days and nights, far above anything sane, so that nothing runs for ever. */
const MAX_CPU_SECONDS = 4 * 86_400;

/**
 * Runs one ffmpeg in the work directory. Its output is written under another name, synced, and renamed when complete, so that a
 * file with the right name is a whole one, whatever happened.
 */
export async function runStep(job: LocalJob, request: StepRequest): Promise<StepResult> {
  const { context, facts } = job;
  const { workDir } = context;
  const partial = request.output && `part-${request.output}`;
  const tooLarge = new AbortController();
  job.meter.begin(request.share, request.note);
  const args = request.args.map(arg => (arg === OUTPUT && partial ? `file:${partial}` : arg));
  let result: FfmpegResult;
  try {
    result = await runFfmpeg({
      tools: job.tools,
      args: [...threadArgs(job.threads), ...args],
      doing: request.doing,
      cwd: workDir,
      writes: [...(partial ? [partial] : []), ...(request.besides ?? [])],
      signal: AbortSignal.any([context.signal, tooLarge.signal]),
      gate: context.gate,
      clock: job.clock,
      nice: job.nice,
      stallMs: job.stallMs,
      limits: { addressSpaceBytes: memoryFor(facts), cpuSeconds: MAX_CPU_SECONDS, fileSizeBytes: mostWritten(job) },
      onProgress: progress => {
        job.meter.at(request.fraction?.(progress) ?? byTime(facts, progress.timeS), progress.speed);
        if (progress.bytes > (request.giveUpAboveBytes ?? Number.POSITIVE_INFINITY)) tooLarge.abort();
      },
    });
  } catch (error) {
    if (!tooLarge.signal.aborted || context.signal.aborted) throw damaged(job, request, error);
    if (partial) await rm(join(workDir, partial), { force: true });
    return {
      frames: 0,
      timeS: 0,
      bytes: 0,
      speed: undefined,
      complaints: 0,
      stderrTail: '',
      outputBytes: 0,
      tooLarge: true,
    };
  }
  job.meter.at(1);
  if (!partial || !request.output) return { ...result, outputBytes: 0, tooLarge: false };
  const outputBytes = await commitOutput(join(workDir, partial), join(workDir, request.output));
  return { ...result, outputBytes, tooLarge: outputBytes > (request.giveUpAboveBytes ?? Number.POSITIVE_INFINITY) };
}

/** ffmpeg gave up on what it read: its words say little to a person. */
function damaged({ order }: LocalJob, { doing }: StepRequest, error: unknown): unknown {
  if (!isShrinkError(error, 'child-failed') || !DAMAGE.test(error.message)) return error;
  return new ShrinkError('incomplete-media', `${displayName(order.source)} is damaged: ${error.message}`, {
    doing,
    subject: order.source,
    hint: 'Copy or export it again; a player that still shows it may be able to save it anew.',
    cause: error,
  });
}

const DAMAGE = /Error marking filters|Error while decoding|Invalid data found|could not find codec parameters/i;

/** Stands for the output file in the arguments of a step. */
export const OUTPUT = '{output}';

/** A checkpoint may only name what survives a power cut: synced first, then renamed. */
async function commitOutput(from: string, to: string): Promise<number> {
  try {
    const bytes = await syncFile(from);
    await rename(from, to);
    return bytes;
  } catch (error) {
    throw fileError(error, 'keeping a finished step', to);
  }
}

/** Puts a working file on the disk. Resolves with its bytes. */
export async function syncFile(path: string): Promise<number> {
  try {
    const file = await open(path, 'r+');
    try {
      await file.sync();
      return (await file.stat()).size;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(error, 'putting a finished step on the disk', path);
  }
}

/** Bytes of a file in the work directory; `undefined` where there is none. */
export async function bytesOf(job: LocalJob, name: string): Promise<number | undefined> {
  return await stat(join(job.context.workDir, name)).then(
    found => found.size,
    () => undefined,
  );
}

export async function forget(job: LocalJob, ...names: string[]): Promise<void> {
  await Promise.all(
    names.map(async name => {
      const path = join(job.context.workDir, name);
      await rm(path, { force: true }).catch(error => {
        throw fileError(error, 'removing a working file', path);
      });
    }),
  );
}

type CheckpointContext = Pick<LocalJob, 'context' | 'order' | 'tools' | 'memory'>;

/** A checkpoint of ours, if it was made for the same source, order and ffmpeg. */
export function recall<T>(job: CheckpointContext, key: string): T | undefined {
  const value = job.memory[key];
  if (!value || typeof value !== 'object' || Array.isArray(value)) return undefined;
  return value['stamp'] === stampOf(job) ? (value['value'] as T) : undefined;
}

export async function remember(job: CheckpointContext, key: string, value: unknown): Promise<void> {
  await job.context.record(key, { stamp: stampOf(job), value: value as Json });
}

/** Two-pass statistics of one x264 mean nothing to another, and a plan nothing for another target. */
function stampOf({ order, tools }: Pick<LocalJob, 'order' | 'tools'>): string {
  return JSON.stringify([3, tools.version, order.sourceBytes, order.target]);
}

/**
 * Pixels of a source that one thread encodes in some seconds: ten of 720p. x264's threads cost 7 % of processor time (clip 02, both
 * passes, three of them), and its rate control does not know what the frames being worked on will take: of 24 frames the same bit rate
 * made 17.2, 18.0 and 18.1 kB. By the clock such a clip takes up to twice as long, some seconds more. Longer ones are left to x264: two
 * threads cost as much as three (02, 150 frames: 2.51 s of CPU each).
 */
const LITTLE_PIXELS = 5e8;

/** Threads of every step of one job: what was configured, one where there is little to do. */
export function threadsFor({ video }: MediaFacts, configured: number | undefined): number | undefined {
  return video.width * video.height * video.frames < LITTLE_PIXELS ? 1 : configured;
}

/** Of what reads the input behind them, and of the filters. */
export function threadArgs(threads: number | undefined): string[] {
  return threads ? ['-threads', String(threads), '-filter_threads', String(threads)] : [];
}

/** Decoder, filters and x264's look-ahead each hold some dozens of frames: 13 GB for 8K, 4 GB for what most people have. */
export function memoryFor(facts: MediaFacts): number {
  return 4 * 2 ** 30 + facts.video.width * facts.video.height * 400;
}

/** No step writes more than the source has, give or take: a runaway must not fill the disk. */
function mostWritten({ order }: LocalJob): number {
  return order.sourceBytes * 1.5 + 256_000_000;
}

/** Some versions report times from the source's clock, some from zero. */
function byTime(facts: MediaFacts, timeS: number): number {
  const since = timeS > facts.durationS * 1.5 ? timeS - facts.startS : timeS;
  return since / facts.durationS;
}
