import { open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isShrinkError, ShrinkError } from '../../../core/errors.ts';
import type { Order } from '../../../core/job.ts';
import type { MediaFacts } from '../../../core/media-info.ts';
import type { Sentence } from '../../../core/message.ts';
import { displayName } from '../../../media/ffmpeg/input-errors.ts';
import { type FfmpegResult, runFfmpeg } from '../../../media/ffmpeg/run.ts';
import type { Tools } from '../../../media/ffmpeg/tools.ts';
import { say } from '../../../messages/say.ts';
import type { Clock } from '../../../platform/clock.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import type { InputFile } from '../../../platform/files/files.ts';
import type { ChildArg } from '../../../platform/process/run-child.ts';
import type { EngineContext } from '../../engine.ts';
import { type Effort, memoryFor } from '../plan/presets.ts';
import type { Cutting } from '../plan/segments.ts';
import type { LocalCheckpoints } from './checkpoints.ts';
import { OUTPUT, threadArgs } from './ffmpeg-args.ts';
import type { Meter } from './progress.ts';

export interface LocalJobOptions {
  tools: Tools;
  order: Order;
  context: EngineContext;
  facts: MediaFacts;
  checkpoints: LocalCheckpoints;
  meter: Meter;
  /** The input: the source, or its copy with fixed timestamps in the work directory. */
  input: InputFile;
  effort: Effort;
  /** How long segments may be; absent if this source cannot be cut. */
  cutting: Cutting | undefined;
  threads: number | undefined;
  clock: Clock;
  /** Niceness of the children. */
  nice: number;
  /** A child without progress for this long is killed. */
  stallMs: number;
}

export interface StepRequest {
  /** Completes "while ...". */
  doing: Sentence;
  /** OUTPUT is the placeholder for the output file. */
  args: readonly ChildArg[];
  /** The output file in the work directory; appears under this name only when complete. */
  output?: string;
  /** Other files it writes there. */
  besides?: readonly string[];
  /** Share of the whole job, and how to tell its progress. */
  share: number;
  fraction?: (progress: { frames: number; timeS: number }) => number;
  /** What the progress bar says. */
  note?: Sentence;
  /** The step is abandoned, without an error, once it has written more than this. */
  giveUpAboveBytes?: number;
}

export type StepResult = FfmpegResult & { outputBytes: number; tooLarge: boolean };

/** Processor time of one child: four days and nights, far more than anything sane needs, so that nothing runs for ever. */
const MAX_CPU_SECONDS = 4 * 86_400;

/** What ffmpeg prints when the source, not one of our own files, made it give up. */
const DAMAGE = /Error marking filters|Error while decoding|Invalid data found|could not find codec parameters/i;

/** One order being carried out: its facts and tools, and its ffmpeg processes and files in the work directory. */
export class LocalJob {
  readonly #options: LocalJobOptions;
  readonly tools: Tools;
  readonly order: Order;
  readonly context: EngineContext;
  readonly facts: MediaFacts;
  readonly checkpoints: LocalCheckpoints;
  readonly meter: Meter;
  readonly input: InputFile;
  readonly effort: Effort;
  readonly cutting: Cutting | undefined;
  readonly threads: number | undefined;
  readonly clock: Clock;
  readonly nice: number;
  readonly stallMs: number;

  constructor(options: LocalJobOptions) {
    this.#options = options;
    this.tools = options.tools;
    this.order = options.order;
    this.context = options.context;
    this.facts = options.facts;
    this.checkpoints = options.checkpoints;
    this.meter = options.meter;
    this.input = options.input;
    this.effort = options.effort;
    this.cutting = options.cutting;
    this.threads = options.threads;
    this.clock = options.clock;
    this.nice = options.nice;
    this.stallMs = options.stallMs;
  }

  /** The same job, with these fields changed. */
  with(changes: Partial<LocalJobOptions>): LocalJob {
    return new LocalJob({ ...this.#options, ...changes });
  }

  /** Absolute path of a file in the work directory. */
  path(file: string): string {
    return join(this.context.workDir, file);
  }

  /** Bytes of a file in the work directory; `undefined` if there is none. */
  async bytesOf(file: string): Promise<number | undefined> {
    return await stat(this.path(file)).then(
      found => found.size,
      () => undefined,
    );
  }

  /** Removes files from the work directory, if they exist. */
  async remove(...files: string[]): Promise<void> {
    await Promise.all(
      files.map(async file => {
        const path = this.path(file);
        await rm(path, { force: true }).catch(error => {
          throw fileError(error, say('local.removing', { path }), path);
        });
      }),
    );
  }

  /** Syncs a file of the work directory to disk. Resolves with its bytes. */
  async sync(file: string): Promise<number> {
    const path = this.path(file);
    try {
      const handle = await open(path, 'r+');
      try {
        await handle.sync();
        return (await handle.stat()).size;
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw fileError(error, say('files.syncing', { path }), path);
    }
  }

  /**
   * Runs one ffmpeg in the work directory. Its output is written under another name, synced, and renamed when complete, so that a
   * file with the final name is complete whatever happened.
   * @throws ShrinkError as runFfmpeg does; `incomplete-media` if the source turned out to be damaged.
   */
  async run(request: StepRequest): Promise<StepResult> {
    const { signal } = this.context;
    const { output, giveUpAboveBytes = Number.POSITIVE_INFINITY } = request;
    const partial = output && `part-${output}`;
    const tooLarge = new AbortController();
    this.meter.begin(request.share, request.note);
    let result: FfmpegResult;
    try {
      result = await runFfmpeg({
        ...this.#childOptions(request, partial),
        signal: AbortSignal.any([signal, tooLarge.signal]),
        onProgress: progress => {
          const { frames, timeS, bytes, speed } = progress;
          this.meter.at(request.fraction?.({ frames, timeS }) ?? this.#byTime(timeS), speed);
          if (bytes > giveUpAboveBytes) tooLarge.abort();
        },
      });
    } catch (error) {
      if (!tooLarge.signal.aborted || signal.aborted) throw this.#blame(request, error);
      if (partial) await this.remove(partial);
      return { ...NOTHING_DONE, outputBytes: 0, tooLarge: true };
    }
    this.meter.at(1);
    if (!output || !partial) return { ...result, outputBytes: 0, tooLarge: false };
    const outputBytes = await this.#commit(partial, output);
    return { ...result, outputBytes, tooLarge: outputBytes > giveUpAboveBytes };
  }

  #childOptions({ args, doing, besides = [] }: StepRequest, partial: string | undefined) {
    const { tools, clock, nice, stallMs, context, facts, order } = this;
    return {
      tools,
      args: [...threadArgs(this.threads), ...args.map(arg => (arg === OUTPUT && partial ? `file:${partial}` : arg))],
      doing,
      cwd: context.workDir,
      writes: [...(partial ? [partial] : []), ...besides],
      gate: context.gate,
      clock,
      nice,
      stallMs,
      limits: {
        addressSpaceBytes: memoryFor(facts),
        cpuSeconds: MAX_CPU_SECONDS,
        // No step writes much more than the source has: a runaway must not fill the disk.
        fileSizeBytes: order.sourceBytes * 1.5 + 256_000_000,
      },
    };
  }

  /** Some versions report times on the source's clock, some from zero. */
  #byTime(timeS: number): number {
    const { durationS, startS } = this.facts;
    return (timeS > durationS * 1.5 ? timeS - startS : timeS) / durationS;
  }

  /** A checkpoint may only name files that survive a power cut: synced first, then renamed. */
  async #commit(partial: string, output: string): Promise<number> {
    const bytes = await this.sync(partial);
    const path = this.path(output);
    await rename(this.path(partial), path).catch(error => {
      throw fileError(error, say('local.renaming', { path }), path);
    });
    return bytes;
  }

  #blame({ doing }: StepRequest, error: unknown): unknown {
    if (!isShrinkError(error, 'child-failed') || !DAMAGE.test(error.message)) return error;
    const { source } = this.order;
    const file = displayName(source);
    return new ShrinkError('incomplete-media', say('local.damaged', { file, said: error.message }), {
      doing,
      subject: source,
      hint: say('media.export-again-hint'),
      cause: error,
    });
  }
}

const NOTHING_DONE: FfmpegResult = {
  frames: 0,
  timeS: 0,
  bytes: 0,
  speed: undefined,
  complaints: 0,
  stderrTail: '',
};
