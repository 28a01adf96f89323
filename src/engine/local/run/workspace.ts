import { open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isShrinkError, ShrinkError } from '../../../core/errors.ts';
import type { Sentence } from '../../../core/message.ts';
import { displayName } from '../../../media/ffmpeg/input-errors.ts';
import { type FfmpegProgress, type FfmpegResult, runFfmpeg } from '../../../media/ffmpeg/run.ts';
import type { Tools } from '../../../media/ffmpeg/tools.ts';
import { say } from '../../../messages/say.ts';
import type { Clock } from '../../../platform/clock.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import type { PauseGate } from '../../../platform/pause-gate.ts';
import type { ChildLimits } from '../../../platform/process/limits.ts';
import { type ChildArg, driverEnvironment } from '../../../platform/process/run-child.ts';
import { HARDWARE_STALL_MS } from '../tuning.ts';
import { OUTPUT, threadArgs } from './step-args.ts';

export interface WorkspaceOptions {
  tools: Tools;
  /** The work directory, in which children run and all files are. */
  dir: string;
  /** What is worked on, for messages. */
  source: string;
  signal: AbortSignal;
  gate: PauseGate;
  clock: Clock;
  /** Niceness of the children. */
  nice: number;
  /** A child without progress for this long is killed. */
  stallMs: number;
  /** Of each child. */
  threads: number | undefined;
  /** Of each child. */
  limits: Pick<ChildLimits, 'addressSpaceBytes' | 'fileSizeBytes'>;
}

export interface FfmpegStep {
  /** Completes "while ...". */
  doing: Sentence;
  /** OUTPUT is the placeholder for the output file. */
  args: readonly ChildArg[];
  /** The output file in the work directory; appears under this name only when complete. */
  output?: string | undefined;
  /** Other files it writes there. */
  besides?: readonly string[];
  /** The step is abandoned, without an error, once it has written more than this. */
  giveUpAboveBytes?: number | undefined;
  /** Instead of the workspace's. */
  threads?: number | undefined;
  /** It encodes on a device: its driver needs address space and may need variables. */
  onDevice?: boolean | undefined;
  /** Ends this step alone. */
  signal?: AbortSignal | undefined;
  onProgress?: (progress: FfmpegProgress) => void;
}

export type StepResult = FfmpegResult & { outputBytes: number; tooLarge: boolean };

/** Processor time of one child: four days and nights, far more than anything sane needs, so that nothing runs for ever. */
const MAX_CPU_SECONDS = 4 * 86_400;

/** What ffmpeg prints when the source, not one of our own files, made it give up. */
const DAMAGE = /Error marking filters|Error while decoding|Invalid data found|could not find codec parameters/i;

/** A work directory: the ffmpeg processes in it and the files they leave. Any number of them may run at once. */
export class Workspace {
  readonly tools: Tools;
  readonly threads: number | undefined;
  readonly clock: Clock;
  readonly #options: WorkspaceOptions;

  constructor(options: WorkspaceOptions) {
    this.tools = options.tools;
    this.threads = options.threads;
    this.clock = options.clock;
    this.#options = options;
  }

  /** Absolute path of a file in the work directory. */
  path(file: string): string {
    return join(this.#options.dir, file);
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
   * Runs one ffmpeg. Its output is written under another name, synced, and renamed when complete, so that a file with the final name is
   * complete whatever happened.
   * @throws ShrinkError as runFfmpeg does; `incomplete-media` if the source turned out to be damaged.
   */
  async ffmpeg(step: FfmpegStep): Promise<StepResult> {
    const { output, giveUpAboveBytes = Number.POSITIVE_INFINITY } = step;
    const partial = output && `part-${output}`;
    const tooLarge = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, ...(step.signal ? [step.signal] : [])]);
    let result: FfmpegResult;
    try {
      result = await runFfmpeg({
        ...this.#childOptions(step, partial),
        signal: AbortSignal.any([signal, tooLarge.signal]),
        onProgress: progress => {
          step.onProgress?.(progress);
          if (progress.bytes > giveUpAboveBytes) tooLarge.abort();
        },
      });
    } catch (error) {
      if (!tooLarge.signal.aborted || signal.aborted) throw this.#blame(step, error);
      if (partial) await this.remove(partial);
      return { ...NOTHING_DONE, outputBytes: 0, tooLarge: true };
    }
    if (!output || !partial) return { ...result, outputBytes: 0, tooLarge: false };
    const outputBytes = await this.#commit(partial, output);
    return { ...result, outputBytes, tooLarge: outputBytes > giveUpAboveBytes };
  }

  #childOptions(step: FfmpegStep, partial: string | undefined) {
    const { args, doing, besides = [], threads = this.threads, onDevice = false } = step;
    const { tools, dir, gate, clock, nice, limits } = this.#options;
    const stallMs = onDevice ? Math.min(this.#options.stallMs, HARDWARE_STALL_MS) : this.#options.stallMs;
    // CUDA alone maps tens of gigabytes; the memory of the service or container limits such a child.
    const { addressSpaceBytes, ...others } = limits;
    return {
      tools,
      args: [...threadArgs(threads), ...args.map(arg => (arg === OUTPUT && partial ? `file:${partial}` : arg))],
      doing,
      cwd: dir,
      writes: [...(partial ? [partial] : []), ...besides],
      ...{ gate, clock, nice, stallMs },
      limits: { ...others, ...(!onDevice && { addressSpaceBytes }), cpuSeconds: MAX_CPU_SECONDS },
      env: onDevice ? driverEnvironment() : undefined,
    };
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

  #blame({ doing }: FfmpegStep, error: unknown): unknown {
    if (!isShrinkError(error, 'child-failed') || !DAMAGE.test(error.message)) return error;
    const { source } = this.#options;
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
