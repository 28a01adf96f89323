import { copyFile, link, readFile, writeFile } from 'node:fs/promises';
import { mediaBytes } from '../../../media/mp4-boxes.ts';
import { say } from '../../../messages/say.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import { ownFile } from '../../../platform/files/files.ts';
import type { ChildInput } from '../../../platform/process/run-child.ts';
import {
  type Ask,
  type Hands,
  type HandsFactory,
  type Measured,
  type Part,
  partFile,
  type PartMade,
  type Watch,
} from '../hands.ts';
import type { EncodedSegment } from '../run/checkpoints.ts';
import type { HardwareEncoder, HardwareRate } from '../../../media/ffmpeg/hardware-args.ts';
import {
  finePassLogs,
  hardwarePictureArgs,
  leadInArgs,
  passLogs,
  pictureArgs,
  type Rate,
  unfinishedPassLogs,
} from '../run/picture-args.ts';
import { rateAt } from '../plan/hardware.ts';
import type { StepResult, Workspace } from '../run/workspace.ts';
import { capacityFor, type Machine } from '../plan/capacity.ts';
import { WHOLE_KILOBITS_FROM } from '../tuning.ts';
import { expectedFrames } from './cut-check.ts';
import { secondsIn, stretched } from './x264-stats.ts';

interface LocalHandsOptions {
  /** Where the parts are made. */
  space: Workspace;
  /** The source, or a slice of it on the same clock that begins at or before the keyframe before the part. */
  input: ChildInput;
  width: number;
  /** Of each encoder. */
  threads: number | undefined;
  /** Encodes instead of the processor; then only `encode` is asked, for rates and qualities. */
  encoder?: HardwareEncoder;
}

/** Output of a first pass: frames of the same kinds and times as in the second, so that its tables match the result's. */
const measuredFile = ({ index }: Part): string => `measured${index}.mp4`;

interface PartChild {
  file: string;
  rate: Rate;
  step: 'pass-1' | 'pass-2' | 'one-pass';
  atMostBytes?: number | undefined;
}

/** Parts encoded by ffmpeg on this machine, in one work directory. */
export class LocalHands implements Hands {
  readonly #options: LocalHandsOptions;
  readonly #space: Workspace;

  constructor(options: LocalHandsOptions) {
    this.#options = options;
    this.#space = options.space;
  }

  width(): number {
    return this.#options.width;
  }

  async measure(part: Part, crf: number, watch: Watch): Promise<Measured> {
    const file = measuredFile(part);
    const result = await this.#child(part, { file, rate: { kind: 'pass-1', crf }, step: 'pass-1' }, watch);
    const made = await this.#made(part, file, result, watch);
    await this.#space.remove(file);
    for (const log of passLogs(part.codec, part.index)) {
      if ((await this.#space.bytesOf(log)) !== undefined) await this.#space.sync(log);
    }
    const encoderS = part.codec === 'h264' ? secondsIn(await this.#firstLog(part)) : undefined;
    return { ...made, crf, logs: await this.#logSizes(part), encoderS };
  }

  async encode(part: Part, ask: Ask, watch: Watch): Promise<PartMade | undefined> {
    const file = partFile(part);
    if (ask.kind === 'rate') {
      const rate: HardwareRate = { mode: 'vbr', bitsPerSecond: (ask.bytes * 8) / part.segment.durationS };
      return await this.#made(part, file, await this.#onDevice(part, ask, rate, watch), watch);
    }
    if (ask.kind === 'quality' && this.#options.encoder) {
      const result = await this.#onDevice(part, ask, rateAt(this.#options.encoder, ask.crf), watch);
      return result.tooLarge ? undefined : await this.#made(part, file, result, watch);
    }
    if (ask.kind === 'quality') {
      const { crf, whole, step, atMostBytes } = ask;
      const rate: Rate = { kind: 'quality', crf, ...(whole !== undefined && { whole }) };
      const result = await this.#child(part, { file, rate, step, atMostBytes }, watch);
      return result.tooLarge ? undefined : await this.#made(part, file, result, watch);
    }
    const again = (await this.#hasLogs(part, ask.first)) ? undefined : await this.#measureAgain(part, ask.first, watch);
    const { encoderS = part.segment.durationS } = again ?? ask.first;
    const bitsPerSecond = (ask.bytes * 8) / encoderS;
    const rate = await this.#betweenKilobits(part, { kind: 'pass-2', bitsPerSecond, tolerance: ask.tolerance });
    const made = await this.#made(part, file, await this.#child(part, { file, rate, step: 'pass-2' }, watch), watch);
    return again ? { ...made, first: again } : made;
  }

  async #measureAgain(part: Part, { crf }: Measured, watch: Watch): Promise<Measured> {
    return await this.measure(part, crf, { signal: watch.signal, progress: () => watch.progress(0) });
  }

  /** A power cut may have left a log whose name is complete and whose bytes are not. */
  async #hasLogs(part: Part, { logs }: Measured): Promise<boolean> {
    return JSON.stringify(logs) === JSON.stringify(await this.#logSizes(part));
  }

  async #logSizes({ codec, index }: Part): Promise<(number | null)[]> {
    const logs = passLogs(codec, index);
    return await Promise.all(logs.map(async log => (await this.#space.bytesOf(log)) ?? null));
  }

  async #child(part: Part, child: PartChild, watch: Watch): Promise<StepResult> {
    const { input, threads } = this.#options;
    const { index, of, facts, picture, segment, codec, effort } = part;
    const { rate, step, file } = child;
    const frames = expectedFrames(part);
    return await this.#space.ffmpeg({
      doing: say('local.doing-picture', { step: say(`step.${step}`, of > 1 ? { part: index + 1, parts: of } : {}) }),
      args: pictureArgs({ tools: this.#space.tools, facts, input, effort, threads, picture, segment, codec, rate }),
      ...{ threads, output: file, giveUpAboveBytes: child.atMostBytes, signal: watch.signal },
      besides: rate.kind === 'pass-1' ? unfinishedPassLogs(codec, index) : [],
      onProgress: progress => watch.progress(progress.frames / frames, progress.speed),
    });
  }

  async #onDevice(
    part: Part,
    ask: Extract<Ask, { step: string }>,
    rate: HardwareRate,
    watch: Watch,
  ): Promise<StepResult> {
    const { input, threads, encoder } = this.#options;
    if (!encoder) throw new Error('a bit rate in one pass is for hardware encoders');
    const { index, of, facts, picture, segment } = part;
    const frames = expectedFrames(part);
    const { tools } = this.#space;
    return await this.#space.ffmpeg({
      doing: say('local.doing-picture', {
        step: say(`step.${ask.step}`, of > 1 ? { part: index + 1, parts: of } : {}),
      }),
      args: hardwarePictureArgs({ tools, facts, input, threads, picture, segment }, { encoder, rate }),
      ...{ threads, output: partFile(part), onDevice: true, signal: watch.signal },
      giveUpAboveBytes: ask.kind === 'quality' ? ask.atMostBytes : undefined,
      onProgress: progress => watch.progress(progress.frames / frames, progress.speed),
    });
  }

  async #made(part: Part, file: string, result: StepResult, watch: Watch): Promise<EncodedSegment> {
    const complaints = await this.#complaintsWithin(part, result.complaints, watch);
    const bytes = await mediaBytes(ownFile(this.#space.path(file)));
    return { bytes, fileBytes: result.outputBytes, frames: result.frames, complaints };
  }

  /** A transport stream is entered between keyframes: complaints before the segment begins are not about the segment. */
  async #complaintsWithin({ facts, segment }: Part, complaints: number, { signal }: Watch): Promise<number> {
    const { input, threads } = this.#options;
    const { tools } = this.#space;
    const args = complaints > 0 ? leadInArgs({ tools, facts, input, segment }) : undefined;
    if (!args) return complaints;
    const leadIn = await this.#space.ffmpeg({ doing: say('local.doing-lead-in'), args, threads, signal });
    return Math.max(0, complaints - leadIn.complaints);
  }

  /** For a low rate: frames in the first pass's log are shortened by as much as the next whole kilobit is too high. */
  async #betweenKilobits(part: Part, rate: Extract<Rate, { kind: 'pass-2' }>): Promise<Rate> {
    if (part.codec !== 'h264' || rate.bitsPerSecond >= WHOLE_KILOBITS_FROM) return rate;
    const bitsPerSecond = Math.ceil(rate.bitsPerSecond / 1000) * 1000;
    const log = stretched(await this.#firstLog(part), rate.bitsPerSecond / bitsPerSecond);
    const fine = finePassLogs(part.index);
    await this.#space.remove(...fine);
    const [stats = '', tree = ''] = fine.map(file => this.#space.path(file));
    const [, treeBefore = ''] = passLogs('h264', part.index).map(file => this.#space.path(file));
    try {
      await writeFile(stats, log, { mode: 0o600 });
      // Where hard links are not possible, a copy does as well.
      await link(treeBefore, tree).catch(async () => await copyFile(treeBefore, tree));
    } catch (error) {
      throw fileError(error, say('files.writing', { path: stats }), stats);
    }
    return { ...rate, bitsPerSecond, fine: true };
  }

  async #firstLog({ codec, index }: Part): Promise<string> {
    const path = this.#space.path(passLogs(codec, index)[0] ?? '');
    return await readFile(path, 'utf8').catch((error: unknown) => {
      throw fileError(error, say('files.reading', { path }), path);
    });
  }
}

/** This machine's: one encoder, or as many as it takes to keep its cores busy. `threads` is `local.threads`. */
export function localHands(machine: Machine, threads: number | undefined): HandsFactory {
  return {
    atOnce: what => capacityFor(what, machine, threads).atOnce,
    for(job, what, atOnce) {
      const capacity = atOnce > 1 ? capacityFor(what, machine, threads) : { atOnce: 1, threads: job.threads };
      return new LocalHands({ space: job, input: job.input, width: capacity.atOnce, threads: capacity.threads });
    },
  };
}
