import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError } from '../../../platform/files/file-error.ts';
import type { MediaFacts } from '../../../core/media-info.ts';
import { codecHeader, mediaBytes } from '../../../media/mp4-boxes.ts';
import { probe } from '../../../media/probe/probe.ts';
import { joinArgs, leadInArgs, pictureArgs, type Rate, unfinishedPassLogs } from '../run/ffmpeg-args.ts';
import { type LocalJob, forget, runStep } from '../run/local-job.ts';
import type { Budget } from '../plan/budget.ts';
import { type Segment, segmentList } from '../plan/segments.ts';
import type { PicturePlan } from '../plan/video.ts';
import type { EncodeChoice } from '../plan/strategy.ts';
import type { SoundPlan } from '../plan/audio.ts';

/** Parts of the whole job's time, roughly. */
export const SHARE = { sound: 0.05, pass1: 0.27, pass2: 0.58, onePass: 0.8, join: 0.03 } as const;

/** What the steps of one encode share. */
export interface Encode {
  choice: EncodeChoice;
  picture: PicturePlan;
  segments: Segment[];
  sound: SoundPlan;
  /** The file with sound and subtitles, relative to the work directory; absent where there are none. */
  soundFile: string | undefined;
  budget: Budget;
}

/** A finished, muxed file in the work directory. */
export interface Muxed {
  file: string;
  bytes: number;
  frames: number;
  /** What the decoder had to say about the source. */
  complaints: number;
}

/** One encoded part of the picture. */
export interface EncodedSegment {
  /** Of the picture, without any container. */
  bytes: number;
  /** Of its file, by which it is recognised after a restart. That of a first pass is gone by then. */
  fileBytes: number;
  frames: number;
  complaints: number;
}

/** Cutting left out frames, doubled some or showed them broken: this source cannot be worked on in parts. */
export class CutMissed extends Error {}

export const segmentFile = (segment: Segment): string => `picture${segment.index}.mp4`;
/** What a first pass writes: frames of the same kinds and times as the second will, so that its tables are those of the result. */
const measuredFile = (segment: Segment): string => `measured${segment.index}.mp4`;

/**
 * Some films can only be decoded from their beginning. x264 before build 151 wrote 4:4:4 in its own way, and says its build in the
 * first frame alone: ffmpeg shows everything behind a jump into the middle as grey and green blocks, with no more than complaints.
 * That is every part but the first, so the second tells; where it is the film that is damaged, being in one piece does no harm.
 */
const FIRST_SOUGHT = 1;

/** One part of the picture into its file, or through its first pass. `undefined` when it grew beyond `giveUpAboveBytes`. */
export async function encodeSegment(
  job: LocalJob,
  work: Encode,
  options: {
    segment: Segment;
    rate: Rate;
    share: number;
    note: string;
    giveUpAboveBytes?: number;
    /** Cutting worked out before: frames that are missing now are missing in the source. */
    trusted: boolean;
  },
): Promise<EncodedSegment | undefined> {
  const { tools, facts, input, effort, threads } = job;
  const { picture, choice, segments } = work;
  const { segment, rate, share, giveUpAboveBytes } = options;
  const frames = expectedFrames(job, picture, segment);
  const note = segments.length > 1 ? `${options.note}, part ${segment.index + 1} of ${segments.length}` : options.note;
  const file = rate.kind === 'pass-1' ? measuredFile(segment) : segmentFile(segment);
  const result = await runStep(job, {
    doing: `encoding the picture (${note})`,
    args: pictureArgs({ tools, facts, input, picture, segment, codec: choice.codec, effort, rate, threads }),
    share: share * (segment.frames / facts.video.frames),
    note,
    fraction: progress => progress.frames / frames,
    output: file,
    ...(rate.kind === 'pass-1' ? { besides: unfinishedPassLogs(choice.codec, segment.index) } : {}),
    ...(giveUpAboveBytes === undefined ? {} : { giveUpAboveBytes }),
  });
  if (result.tooLarge) return undefined;
  if (segments.length > 1 && !options.trusted) expectWholePart(result.frames, frames, picture, segment, facts);
  const complaints = await complaintsWithin(job, segment, result.complaints);
  if (segment.index === FIRST_SOUGHT && !options.trusted && complaints > 0)
    throw new CutMissed(`part ${segment.index}: the decoder complained ${complaints} times`);
  const bytes = await mediaBytes(join(job.context.workDir, file));
  if (rate.kind === 'pass-1') await forget(job, file);
  return { bytes, fileBytes: result.outputBytes, frames: result.frames, complaints };
}

/** A transport stream is entered between keyframes: what its decoder says before the part begins is not about the part. */
async function complaintsWithin(job: LocalJob, segment: Segment, complaints: number): Promise<number> {
  const args = complaints > 0 ? leadInArgs({ ...job, segment }) : undefined;
  if (!args) return complaints;
  const leadIn = await runStep(job, { doing: 'decoding up to a cut', args, share: 0 });
  return Math.max(0, complaints - leadIn.complaints);
}

function expectWholePart(got: number, frames: number, picture: PicturePlan, segment: Segment, facts: MediaFacts): void {
  // Where frames are dropped to reach a rate, their number is known only about.
  const slack = picture.fps === undefined ? 0 : facts.video.variableFrameRate ? frames : 2 + frames * 0.05;
  if (Math.abs(got - frames) > slack) throw new CutMissed(`part ${segment.index}: ${got} frames instead of ${frames}`);
}

/** All parts and the sound into one file, whose size is the one that counts. */
export async function joinTracks(
  job: LocalJob,
  work: Encode,
  made: readonly EncodedSegment[],
  file: string,
): Promise<Muxed> {
  await job.context.step('join');
  const { tools, facts } = job;
  const picture = await pictureInput(job, work.segments);
  const args = joinArgs({ tools, facts, input: job.order.source, picture, sound: work.soundFile });
  const { outputBytes } = await runStep(job, {
    doing: 'joining picture and sound',
    args,
    output: file,
    share: SHARE.join,
    note: 'joining',
  });
  const sum = (of: (one: EncodedSegment) => number) => made.reduce((total, one) => total + of(one), 0);
  const complaints = sum(one => one.complaints);
  // Of two frames that damage gave the same time, the muxer keeps one.
  const { signal, gate, workDir } = job.context;
  const frames =
    complaints > 0 ? (await probe(join(workDir, file), { tools, signal, gate })).video.frames : sum(one => one.frames);
  return { file, bytes: outputBytes, frames, complaints };
}

export const LIST = 'parts.txt';

async function pictureInput(
  job: LocalJob,
  segments: readonly Segment[],
): Promise<Parameters<typeof joinArgs>[0]['picture']> {
  const [first] = segments;
  if (!first || segments.length === 1) return { file: 'picture0.mp4' };
  const { workDir } = job.context;
  const headers = await Promise.all(
    segments.map(async segment => await codecHeader(join(workDir, segmentFile(segment)))),
  );
  const list = segmentList(segments.map(segment => ({ file: segmentFile(segment), atS: segment.atS })));
  await writeFile(join(workDir, LIST), list, { mode: 0o600 }).catch((error: unknown) => {
    throw fileError(error, 'listing the parts', join(workDir, LIST));
  });
  return { list: LIST, convert: headers.some(header => header === undefined || !header.equals(headers[0] ?? header)) };
}

function expectedFrames({ facts }: LocalJob, picture: PicturePlan, segment: Segment): number {
  if (picture.fps === undefined) return segment.frames;
  return Math.max(1, Math.round(segment.frames * Math.min(1, picture.fps / facts.video.fps)));
}
