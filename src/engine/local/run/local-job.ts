import type { Order } from '../../../core/job.ts';
import type { MediaFacts } from '../../../core/media-info.ts';
import type { Sentence } from '../../../core/message.ts';
import type { Tools } from '../../../media/ffmpeg/tools.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { InputFile } from '../../../platform/files/files.ts';
import type { EngineContext } from '../../engine.ts';
import type { HardwareDesk } from '../encode/hardware.ts';
import type { HandsFactory } from '../hands.ts';
import { type Effort, memoryFor } from '../plan/presets.ts';
import type { Cutting } from '../plan/segments.ts';
import type { LocalCheckpoints } from './checkpoints.ts';
import type { Meter } from './progress.ts';
import { type FfmpegStep, type StepResult, Workspace } from './workspace.ts';

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
  /** Who encodes the picture. */
  hands: HandsFactory;
  /** Hardware encoders; absent where there are none. */
  hardware?: HardwareDesk | undefined;
  clock: Clock;
  /** Niceness of the children. */
  nice: number;
  /** A child without progress for this long is killed. */
  stallMs: number;
}

export interface StepRequest extends Omit<FfmpegStep, 'onProgress'> {
  /** Share of the whole job, and how to tell its progress. */
  share: number;
  fraction?: (progress: { frames: number; timeS: number }) => number;
  /** What the progress bar says. */
  note?: Sentence;
}

/** One order being carried out: its facts and tools, and its ffmpeg processes and files in the work directory. */
export class LocalJob extends Workspace {
  readonly #options: LocalJobOptions;
  readonly order: Order;
  readonly context: EngineContext;
  readonly facts: MediaFacts;
  readonly checkpoints: LocalCheckpoints;
  readonly meter: Meter;
  readonly input: InputFile;
  readonly effort: Effort;
  readonly cutting: Cutting | undefined;
  readonly hands: HandsFactory;
  readonly nice: number;
  readonly hardware: HardwareDesk | undefined;

  constructor(options: LocalJobOptions) {
    const { tools, order, context, facts, clock, nice, stallMs, threads } = options;
    super({
      ...{ tools, clock, nice, stallMs, threads, source: order.source },
      ...{ dir: context.workDir, signal: context.signal, gate: context.gate },
      limits: {
        addressSpaceBytes: memoryFor(facts),
        // No step writes much more than the source has: a runaway must not fill the disk.
        fileSizeBytes: order.sourceBytes * 1.5 + 256_000_000,
      },
    });
    this.#options = options;
    this.order = order;
    this.context = context;
    this.facts = facts;
    this.checkpoints = options.checkpoints;
    this.meter = options.meter;
    this.input = options.input;
    this.effort = options.effort;
    this.cutting = options.cutting;
    this.hands = options.hands;
    this.nice = nice;
    this.hardware = options.hardware;
  }

  /** The same job, with these fields changed. */
  with(changes: Partial<LocalJobOptions>): LocalJob {
    return new LocalJob({ ...this.#options, ...changes });
  }

  /** Runs one ffmpeg as a step of this share of the job. @throws ShrinkError as `ffmpeg` does */
  async run(request: StepRequest): Promise<StepResult> {
    const step = this.meter.begin(request.share, request.note);
    try {
      const result = await this.ffmpeg({
        ...request,
        onProgress: ({ frames, timeS, speed }) =>
          step.at(request.fraction?.({ frames, timeS }) ?? this.#byTime(timeS), speed),
      });
      if (!result.tooLarge || result.outputBytes > 0) step.at(1);
      return result;
    } finally {
      step.end();
    }
  }

  /** Some versions report times on the source's clock, some from zero. */
  #byTime(timeS: number): number {
    const { durationS, startS } = this.facts;
    return (timeS > durationS * 1.5 ? timeS - startS : timeS) / durationS;
  }
}
