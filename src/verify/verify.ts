import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { dirname } from 'node:path';
import { fileError, ShrinkError } from '../core/errors.ts';
import type { Candidate, Verified } from '../core/job.ts';
import type { MediaFacts } from '../core/media.ts';
import { keepFrameTimes, untrustedInput } from '../platform/ffmpeg/args.ts';
import { startsFast, topBoxes } from '../platform/ffmpeg/boxes.ts';
import { probe } from '../platform/ffmpeg/probe.ts';
import { runFfmpeg } from '../platform/ffmpeg/run.ts';
import type { Tools } from '../platform/ffmpeg/tools.ts';
import type { Valve } from '../platform/subprocess.ts';
import { check } from './check.ts';

export interface VerifyOptions {
  tools: Tools;
  signal?: AbortSignal | undefined;
  gate?: Valve | undefined;
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
 * promised. The only place a `Verified` comes from. Costs 4 to 6 % of the encode (encoding.md section 4g).
 *
 * ShrinkError `verify-failed` names every promise that is broken; those of reading a file or running a child come through.
 */
export async function verifyCandidate(candidate: Candidate, options: VerifyOptions): Promise<Verified> {
  const { path } = candidate;
  const facts = await factsOf(candidate, options);
  options.onProgress?.(0.1);
  const { boxes } = await topBoxes(path);
  const { decodedFrames, complaints } = await decode(candidate, facts, options);
  options.onProgress?.(0.95);
  const { sha256, bytes } = await digest(path, options.signal);
  options.onProgress?.(1);
  const wrong = check(candidate, { bytes, facts, startsFast: startsFast(boxes), decodedFrames, complaints });
  if (wrong.length > 0) throw failed(candidate, wrong);
  const evidence = `decoded ${decodedFrames} frames, ${facts.durationS.toFixed(2)} s, ${facts.video.displayWidth}x${facts.video.displayHeight} ${facts.video.codec}, ${bytes} bytes`;
  return { ...candidate, sha256, evidence } as Verified;
}

/** What cannot even be opened is a broken promise, not a bad source. */
async function factsOf(candidate: Candidate, options: VerifyOptions): Promise<MediaFacts> {
  try {
    return await probe(candidate.path, options);
  } catch (error) {
    const ofTheFile = ['not-media', 'no-video', 'unsafe-media', 'incomplete-media'];
    if (!(error instanceof ShrinkError) || !ofTheFile.includes(error.code)) throw error;
    throw failed(candidate, [error.message], error);
  }
}

async function decode(candidate: Candidate, facts: MediaFacts, options: VerifyOptions) {
  const strict = candidate.isSource ? [] : ['-xerror'];
  const { width, height, frames } = facts.video;
  const threads = width * height * frames < FEW_PIXELS ? 1 : options.threads;
  try {
    const result = await runFfmpeg({
      tools: options.tools,
      // Every sound track is decoded with the picture; passthrough, so that no frame is doubled or dropped on the way.
      args: [
        ...(threads ? ['-threads', String(threads)] : []),
        ...strict,
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
      limits: {
        addressSpaceBytes: DECODE_MEMORY,
        cpuSeconds: DECODE_CPU_S + facts.video.frames * FRAME_CPU_S,
        fileSizeBytes: DECODE_WRITES,
      },
      onProgress: ({ frames }) =>
        options.onProgress?.(0.1 + 0.85 * Math.min(1, frames / Math.max(1, facts.video.frames))),
    });
    return { decodedFrames: result.frames, complaints: result.complaints };
  } catch (error) {
    if (!(error instanceof ShrinkError) || error.code !== 'child-failed') throw error;
    throw failed(candidate, [`it does not play to the end: ${error.message}`], error);
  }
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
