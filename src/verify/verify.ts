import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { dirname } from 'node:path';
import { fileError } from '../platform/files/file-error.ts';
import { ShrinkError } from '../core/errors.ts';
import type { Candidate, Verified } from '../core/job.ts';
import type { MediaFacts } from '../core/media-info.ts';
import { keepFrameTimes, untrustedInput, WITHOUT_LOOP_FILTER } from '../media/ffmpeg/args.ts';
import { startsFast, topBoxes } from '../media/mp4-boxes.ts';
import { probe, probeDecoding } from '../media/probe/probe.ts';
import { runFfmpeg } from '../media/ffmpeg/run.ts';
import type { Tools } from '../media/ffmpeg/tools.ts';
import type { ChildLimits } from '../platform/process/limits.ts';
import { check } from './check.ts';
import type { PauseGate } from '../platform/pause-gate.ts';

export interface VerifyOptions {
  tools: Tools;
  signal?: AbortSignal | undefined;
  gate?: PauseGate | undefined;
  /** Threads of the decoders; as many as there are cores unless given. */
  threads?: number | undefined;
  /** 0..1 over all checks. */
  onProgress?: (fraction: number) => void;
}

const STALL_MS = 120_000;
const DECODE_MEMORY = 6 * 2 ** 30;
/** An 8K frame takes a third of a second; nothing is written at all. */
const DECODE_CPU_S = 300;
const FRAME_CPU_S = 3;
const DECODE_WRITES = 1_000_000;
const NICE = 10;
/**
 * Pixels that one thread decodes in some seconds (a minute of 720p). Threads of a decoder wait for each other: three of them took 0.46
 * instead of 0.37 CPU seconds for 12 s of 480p, and no less time.
 */
const FEW_PIXELS = 1.7e9;

/**
 * Reads a candidate from the first byte to the last, decodes every frame of it and compares what it finds with what was
 * promised. The only place a `Verified` comes from. Costs 2 to 5 % of the encode.
 *
 * ShrinkError `verify-failed` names every promise that is broken; those of reading a file or running a child come through.
 */
export async function verifyCandidate(candidate: Candidate, given: VerifyOptions): Promise<Verified> {
  const { path } = candidate;
  const options = { ...given, onProgress: monotonic(given.onProgress) };
  const { facts, decodedFrames, complaints } = await readThrough(candidate, options);
  const { boxes } = await topBoxes(path);
  options.onProgress?.(0.95);
  const { sha256, bytes } = await digest(path, options.signal);
  options.onProgress?.(1);
  const wrong = check(candidate, { bytes, facts, startsFast: startsFast(boxes), decodedFrames, complaints });
  if (wrong.length > 0) throw failed(candidate, wrong);
  const evidence = `decoded ${decodedFrames} frames, ${facts.durationS.toFixed(2)} s, ${facts.video.displayWidth}x${facts.video.displayHeight} ${facts.video.codec}, ${bytes} bytes`;
  return { ...candidate, sha256, evidence } as Verified;
}

/** A second look begins at the file's beginning again; the bar does not. */
function monotonic(report: ((fraction: number) => void) | undefined): (fraction: number) => void {
  let most = 0;
  return fraction => report?.((most = Math.max(most, fraction)));
}

/** Described and decoded by one child where all is well; whatever is not is looked at again, more strictly. */
async function readThrough(candidate: Candidate, options: VerifyOptions) {
  const { width, height, frames } = candidate.expect;
  const few = width && height && frames ? isLittle({ width, height, frames }) : false;
  let seen = 0;
  const atOnce = await asBrokenPromise(candidate, () =>
    probeDecoding(candidate.path, {
      ...options,
      threads: few ? 1 : options.threads,
      limits: limitsFor(frames ?? 0),
      stallMs: STALL_MS,
      // In what is made here the picture comes first.
      onPacket: track => {
        if (track === 0 && frames) options.onProgress?.(0.95 * Math.min(1, (seen += 1) / frames));
      },
    }),
  );
  if (atOnce) return { ...atOnce, complaints: 0 };
  const facts = await asBrokenPromise(candidate, () => probe(candidate.path, options));
  options.onProgress?.(0.1);
  return { facts, ...(await decode(candidate, facts, options)) };
}

/** What cannot even be opened is a broken promise, not a bad source. */
async function asBrokenPromise<T>(candidate: Candidate, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    const ofTheFile = ['not-media', 'no-video', 'unsafe-media', 'incomplete-media'];
    if (!(error instanceof ShrinkError) || !ofTheFile.includes(error.code)) throw error;
    throw failed(candidate, [error.message], error);
  }
}

async function decode(candidate: Candidate, facts: MediaFacts, options: VerifyOptions) {
  const strict = candidate.isSource ? [] : ['-xerror'];
  const threads = isLittle(facts.video) ? 1 : options.threads;
  try {
    const result = await runFfmpeg({
      tools: options.tools,
      // Every sound track is decoded with the picture; passthrough, so that no frame is doubled or dropped on the way.
      args: [
        ...(threads ? ['-threads', String(threads)] : []),
        ...strict,
        ...WITHOUT_LOOP_FILTER,
        ...untrustedInput(candidate.path),
        '-map',
        `0:${facts.video.index}`,
        '-map',
        '0:a?',
        ...keepFrameTimes(options.tools),
        '-f',
        'null',
        '-',
      ],
      doing: 'decoding the result to the end',
      cwd: dirname(candidate.path),
      signal: options.signal,
      gate: options.gate,
      nice: NICE,
      stallMs: STALL_MS,
      limits: limitsFor(facts.video.frames),
      onProgress: ({ frames }) =>
        options.onProgress?.(0.1 + 0.85 * Math.min(1, frames / Math.max(1, facts.video.frames))),
    });
    return { decodedFrames: result.frames, complaints: result.complaints };
  } catch (error) {
    if (!(error instanceof ShrinkError) || error.code !== 'child-failed') throw error;
    throw failed(candidate, [`it does not play to the end: ${error.message}`], error);
  }
}

function isLittle({ width, height, frames }: { width: number; height: number; frames: number }): boolean {
  return width * height * frames < FEW_PIXELS;
}

function limitsFor(frames: number): ChildLimits {
  return {
    addressSpaceBytes: DECODE_MEMORY,
    cpuSeconds: DECODE_CPU_S + frames * FRAME_CPU_S,
    fileSizeBytes: DECODE_WRITES,
  };
}

async function digest(path: string, signal: AbortSignal | undefined): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, ...(signal ? { signal } : {}) })) {
      hash.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
  } catch (error) {
    if (signal?.aborted) throw new ShrinkError('cancelled', 'verifying: stopped', { cause: error });
    throw fileError(error, 'reading the result', path);
  }
  return { sha256: hash.digest('hex'), bytes };
}

function failed(candidate: Candidate, wrong: string[], cause?: unknown): ShrinkError {
  return new ShrinkError('verify-failed', `the result does not keep its promise: ${wrong.join('; ')}`, {
    doing: 'verifying',
    subject: candidate.path,
    hint: 'Nothing was delivered and the original is untouched. `shrinkbox retry` tries again; if it happens again, please report it.',
    cause,
  });
}
