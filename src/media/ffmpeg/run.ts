import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ChildLimits } from '../../platform/process/limits.ts';
import { type ChildArg, runChild } from '../../platform/process/run-child.ts';
import { fileError } from '../../platform/files/file-error.ts';
import type { Sentence } from '../../core/message.ts';
import type { Clock } from '../../platform/clock.ts';
import { quiet } from './args.ts';
import type { Tools } from './tools.ts';
import type { PauseGate } from '../../platform/pause-gate.ts';

/** The progress of one ffmpeg, from its `-progress` pipe. */
export interface FfmpegProgress {
  frames: number;
  /** Presentation time reached, seconds; it starts where the input's clock does. */
  timeS: number;
  /** Bytes written so far; 0 if nothing is written. */
  bytes: number;
  /** As a multiple of real time. */
  speed: number | undefined;
}

export interface FfmpegRequest {
  tools: Tools;
  /** Everything except what every call has (`-nostdin`, log level, progress pipe). */
  args: readonly ChildArg[];
  /** Completes "while ...". */
  doing: Sentence | string;
  cwd: string;
  /** Files it will write, relative to `cwd`. They are created in advance, private to us: ffmpeg would follow our umask. */
  writes?: readonly string[];
  signal?: AbortSignal;
  gate?: PauseGate;
  clock?: Clock;
  nice?: number;
  limits?: ChildLimits;
  /** By default almost empty. */
  env?: NodeJS.ProcessEnv | undefined;
  stallMs?: number;
  onProgress?: (progress: FfmpegProgress) => void;
}

export interface FfmpegResult extends FfmpegProgress {
  /** Lines at level error: what the decoder complained about without giving up; the number of them and the last ones. */
  complaints: number;
  stderrTail: string;
}

/**
 * Runs one ffmpeg to its end. It is killed if frames, time and bytes stand still for `stallMs`.
 * @throws ShrinkError as runChild does, and for files in `writes` that cannot be created
 */
export async function runFfmpeg(request: FfmpegRequest): Promise<FfmpegResult> {
  const { tools, doing, cwd, signal, gate, clock, nice, limits, env, stallMs } = request;
  for (const path of request.writes ?? []) await makePrivate(resolve(cwd, path), doing);
  const reader = readProgress();
  let complaints = 0;
  const { stderrTail } = await runChild({
    command: tools.ffmpeg,
    inputsBy: tools.inputsBy,
    args: [...quiet(), '-nostdin', '-nostats', '-progress', 'pipe:1', '-stats_period', '0.5', '-y', ...request.args],
    doing,
    cwd,
    ...{ signal, gate, clock, nice, limits, env, stallMs },
    // A newer ffmpeg reports every half second even when stuck: only a number that changed is progress.
    isProgress: line => reader.moved(line),
    onStdoutLine: line => {
      if (line.startsWith('progress=')) request.onProgress?.(reader.state());
    },
    onStderrLine: line => {
      if (isComplaint(line)) complaints += 1;
    },
  });
  return { ...reader.state(), complaints, stderrTail };
}

/** Emptied or created; the mode is set explicitly, because a umask may mask even 0600. */
async function makePrivate(path: string, doing: Sentence | string): Promise<void> {
  try {
    const file = await open(path, 'w', 0o600);
    await file.chmod(0o600).finally(() => file.close());
  } catch (error) {
    throw fileError(error, doing, path);
  }
}

/**
 * `[h264 @ 0x5581] error while decoding MB 3 4`. Encoders print lines too (SVT-AV1 its version), and the null muxer complains
 * about timestamps that do not increase: none of that means that the file is damaged.
 */
function isComplaint(line: string): boolean {
  return /^\[\S+ @ 0x[0-9a-f]+\]/.test(line) && !NOT_ABOUT_THE_SOURCE.test(line);
}

const NOT_ABOUT_THE_SOURCE =
  /^\[(null|lib\w+|Parsed_\w+|\w+_(vaapi|qsv|nvenc|videotoolbox|rkmpp)|AVHWDeviceContext|AVHWFramesContext) @/;

/** Parses the `key=value` lines of `-progress`. `out_time_ms` is microseconds as well, in every version so far. */
export function readProgress(): { moved(line: string): boolean; state(): FfmpegProgress } {
  const state: FfmpegProgress = { frames: 0, timeS: 0, bytes: 0, speed: undefined };
  return {
    moved(line) {
      const equals = line.indexOf('=');
      const key = line.slice(0, equals);
      const value = Number.parseFloat(line.slice(equals + 1));
      if (!Number.isFinite(value)) return false;
      switch (key) {
        case 'frame':
          return value !== state.frames && ((state.frames = value), true);
        case 'out_time_us':
          return value / 1e6 !== state.timeS && ((state.timeS = value / 1e6), true);
        case 'total_size':
          return value !== state.bytes && ((state.bytes = value), true);
        case 'speed':
          state.speed = value;
          return false;
        default:
          return false;
      }
    },
    state: () => ({ ...state }),
  };
}
