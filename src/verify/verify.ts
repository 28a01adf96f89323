/**
 * Room: verification. Every result is read to its last byte and decoded to its last frame, and only here does a Candidate
 * become Verified. It does not know how a result was made. May import core, messages, platform, media.
 */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { fileError } from '../platform/files/file-error.ts';
import { type ErrorCode, isShrinkError, sentenceOf, ShrinkError } from '../core/errors.ts';
import type { Candidate, Verified } from '../core/job.ts';
import type { MediaFacts } from '../core/media-info.ts';
import { messageOf, type Sentence } from '../core/message.ts';
import { keepFrameTimes, untrustedInput, WITHOUT_CHAPTERS, WITHOUT_LOOP_FILTER } from '../media/ffmpeg/args.ts';
import { say } from '../messages/say.ts';
import { startsFast, topBoxes } from '../media/mp4-boxes.ts';
import { probe, probeDecoding } from '../media/probe/probe.ts';
import { runFfmpeg } from '../media/ffmpeg/run.ts';
import { CHUNK, type InputFile, ownFile, type Readable, reading } from '../platform/files/files.ts';
import type { ChildArg } from '../platform/process/run-child.ts';
import type { Tools } from '../media/ffmpeg/tools.ts';
import type { ChildLimits } from '../platform/process/limits.ts';
import { check } from './check.ts';
import type { PauseGate } from '../platform/pause-gate.ts';

export interface VerifyOptions {
  tools: Tools;
  signal?: AbortSignal | undefined;
  gate?: PauseGate | undefined;
  /** Threads of the decoders; by default one per core. */
  threads?: number | undefined;
  /** 0..1 over all checks. */
  onProgress?: (fraction: number) => void;
  /** The job's source as it is held open: what is read where the candidate is the source itself. */
  source?: InputFile | undefined;
}

const STALL_MS = 120_000;
const DECODE_MEMORY = 6 * 2 ** 30;
/** An 8K frame takes a third of a second to decode; nothing is written at all. */
const DECODE_CPU_S = 300;
const FRAME_CPU_S = 3;
const DECODE_WRITES = 1_000_000;
const NICE = 10;
/** Up to this many pixels (a minute of 720p) one thread is used: more would wait for each other and save no time. */
const MAX_PIXELS_ONE_THREAD = 1.7e9;

/** What each check adds to the progress bar: reading it through, then its layout, then its digest. */
const PROBED = 0.1;
const DECODED = 0.95;

/**
 * Reads a candidate from the first byte to the last, decodes every frame of it and compares the findings with what was
 * promised. The only place where a `Verified` is made.
 * @throws ShrinkError `verify-failed`, which names everything that is wrong; those of reading a file or running a child.
 */
export async function verifyCandidate(candidate: Candidate, given: VerifyOptions): Promise<Verified> {
  const file = (candidate.isSource && given.source) || ownFile(candidate.path);
  const options = { ...given, file, onProgress: monotonic(given.onProgress) };
  const { facts, decodedFrames, decoderErrors } = await readThrough(candidate, options);
  const { boxes } = await topBoxes(file);
  options.onProgress(DECODED);
  const { sha256, bytes } = await digest(file, options.signal);
  options.onProgress(1);
  const complaints = check(candidate, { bytes, facts, startsFast: startsFast(boxes), decodedFrames, decoderErrors });
  if (complaints.length > 0) throw failed(candidate, complaints);
  const { displayWidth: width, displayHeight: height, codec } = facts.video;
  const evidence = say('verify.evidence', {
    frames: decodedFrames,
    seconds: facts.durationS,
    width,
    height,
    codec,
    bytes,
  });
  const messages = { ...candidate.messages, evidence: messageOf(evidence) };
  return { ...candidate, sha256, evidence: evidence.text, messages } as Verified;
}

/** Progress that never decreases: a stricter second reading starts at the beginning of the file again. */
function monotonic(report: ((fraction: number) => void) | undefined): (fraction: number) => void {
  let most = 0;
  return fraction => report?.((most = Math.max(most, fraction)));
}

interface Verifying extends VerifyOptions {
  file: InputFile;
}

interface ReadThrough {
  facts: MediaFacts;
  decodedFrames: number;
  decoderErrors: number;
}

/** Probed and decoded by one child if all is well; anything else is read again, more strictly. */
async function readThrough(candidate: Candidate, options: Verifying): Promise<ReadThrough> {
  const { width, height, frames, holds } = candidate.expect;
  const thorough = holds?.some(({ kind }) => kind === 'captions') === true;
  const isSmall = width && height && frames ? decodesOnOneThread({ width, height, frames }) : false;
  // A plan says that it has one; what the cloud returns comes without.
  const oneShape = candidate.isSource || holds !== undefined;
  let packets = 0;
  const atOnce = await asComplaint(candidate, () =>
    probeDecoding(options.file, {
      ...options,
      thorough,
      oneShape,
      threads: isSmall ? 1 : options.threads,
      limits: limitsFor(frames ?? 0),
      stallMs: STALL_MS,
      // The picture is the first track of everything shrinkbox makes.
      onPacket: track => {
        if (track === 0 && frames) options.onProgress?.(DECODED * Math.min(1, (packets += 1) / frames));
      },
    }),
  );
  if (atOnce) return { ...atOnce, decoderErrors: 0 };
  const facts = await asComplaint(candidate, () => probe(options.file, { ...options, thorough, oneShape }));
  options.onProgress?.(PROBED);
  return { facts, ...(await decode(candidate, facts, options)) };
}

/** Errors about a source: if they come from a candidate, the result is bad. */
const ABOUT_THE_FILE: readonly ErrorCode[] = ['not-media', 'no-video', 'unsafe-media', 'incomplete-media'];

async function asComplaint<T>(candidate: Candidate, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isShrinkError(error, ...ABOUT_THE_FILE)) throw error;
    throw failed(candidate, [sentenceOf(error)], error);
  }
}

async function decode(
  candidate: Candidate,
  facts: MediaFacts,
  options: Verifying,
): Promise<Omit<ReadThrough, 'facts'>> {
  const { frames } = facts.video;
  try {
    const result = await runFfmpeg({
      tools: options.tools,
      args: decodeArgs(candidate, facts, options),
      doing: say('verify.doing-decode'),
      // Nothing is written; a source's folder is other people's.
      cwd: candidate.isSource ? '/' : dirname(candidate.path),
      signal: options.signal,
      gate: options.gate,
      nice: NICE,
      stallMs: STALL_MS,
      limits: limitsFor(frames),
      onProgress: ({ frames: decoded }) =>
        options.onProgress?.(PROBED + (DECODED - PROBED) * Math.min(1, decoded / Math.max(1, frames))),
    });
    return { decodedFrames: result.frames, decoderErrors: result.complaints };
  } catch (error) {
    if (!isShrinkError(error, 'child-failed')) throw error;
    throw failed(candidate, [say('verify.unplayable', { error: sentenceOf(error) })], error);
  }
}

/** Every audio track is decoded with the picture; timestamps pass through, so that no frame is duplicated or dropped. */
function decodeArgs(
  { isSource }: Candidate,
  { container, video, audio }: MediaFacts,
  { tools, threads, file }: Verifying,
): ChildArg[] {
  const count = decodesOnOneThread(video) ? 1 : threads;
  return [
    ...(count ? ['-threads', String(count)] : []),
    ...(isSource ? [] : ['-xerror']),
    ...WITHOUT_LOOP_FILTER,
    ...(/\bmp4\b/.test(container) ? WITHOUT_CHAPTERS : []),
    ...untrustedInput(file),
    ...['-map', `0:${video.index}`],
    // A source delivered as it is may have a sound track that this ffmpeg cannot decode.
    ...audio.filter(track => track.isDecodable).flatMap(({ index }) => ['-map', `0:${index}`]),
    ...keepFrameTimes(tools),
    ...['-f', 'null', '-'],
  ];
}

function decodesOnOneThread({ width, height, frames }: { width: number; height: number; frames: number }): boolean {
  return width * height * frames < MAX_PIXELS_ONE_THREAD;
}

function limitsFor(frames: number): ChildLimits {
  return {
    addressSpaceBytes: DECODE_MEMORY,
    cpuSeconds: DECODE_CPU_S + frames * FRAME_CPU_S,
    fileSizeBytes: DECODE_WRITES,
  };
}

async function digest(file: InputFile, signal: AbortSignal | undefined): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  const readAll = async (opened: Readable) => {
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (;;) {
      if (signal?.aborted) throw new ShrinkError('cancelled', say('verify.stopped'));
      const { bytesRead } = await opened.read(buffer, 0, CHUNK, bytes);
      if (bytesRead === 0) return;
      hash.update(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  };
  try {
    await reading(file, readAll);
  } catch (error) {
    throw fileError(error, say('verify.doing-read'), file.path);
  }
  return { sha256: hash.digest('hex'), bytes };
}

function failed(candidate: Candidate, complaints: readonly Sentence[], cause?: unknown): ShrinkError {
  return new ShrinkError('verify-failed', say('verify.failed', { complaints }), {
    doing: say('verify.doing'),
    subject: candidate.path,
    hint: say('verify.failed-hint'),
    cause,
  });
}
