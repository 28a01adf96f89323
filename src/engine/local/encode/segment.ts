import { writeFile } from 'node:fs/promises';
import type { MediaFacts } from '../../../core/media-info.ts';
import { codecHeader, mediaBytes } from '../../../media/mp4-boxes.ts';
import { probe } from '../../../media/probe/probe.ts';
import { ownFile } from '../../../platform/files/files.ts';
import { say } from '../../../messages/say.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import { CUT_SLACK_FRAMES, CUT_SLACK_SHARE, WORK_SHARE } from '../tuning.ts';
import type { Budget } from '../plan/budget.ts';
import type { SoundPlan } from '../plan/audio.ts';
import { type Segment, segmentList } from '../plan/segments.ts';
import type { EncodeChoice } from '../plan/strategy.ts';
import type { PicturePlan } from '../plan/video.ts';
import type { EncodedSegment, Muxed } from '../run/checkpoints.ts';
import { joinArgs, leadInArgs, pictureArgs, type Rate, unfinishedPassLogs } from '../run/ffmpeg-args.ts';
import type { LocalJob } from '../run/local-job.ts';

/** What the steps of one encode share. */
export interface Encode {
  choice: EncodeChoice;
  picture: PicturePlan;
  segments: Segment[];
  sound: SoundPlan;
  /** The file with sound and subtitles, relative to the work directory; absent if there are none. */
  soundFile: string | undefined;
  budget: Budget;
}

/** Cutting dropped frames, duplicated some or broke them: this source cannot be processed in segments. */
export class CutMissed extends Error {}

export const segmentFile = (segment: Segment): string => `picture${segment.index}.mp4`;
/** Output of a first pass: frames of the same kinds and times as in the second, so that its tables match the result's. */
const measuredFile = (segment: Segment): string => `measured${segment.index}.mp4`;

/**
 * Some films decode only from their beginning (4:4:4 of an old x264): after a cut, ffmpeg shows broken frames and merely complains.
 * This is the first segment that reveals it; if the film itself is damaged, encoding it in one piece does no harm.
 */
const FIRST_AFTER_CUT = 1;

export interface SegmentRequest {
  segment: Segment;
  rate: Rate;
  step: 'pass-1' | 'pass-2' | 'one-pass';
  /** Of the whole job, for all segments together. */
  share: number;
  giveUpAboveBytes?: number;
  /** Cutting worked before, so frames missing now are missing in the source. */
  trusted: boolean;
}

/** Encodes one segment of the picture into its file, or runs its first pass. `undefined` if it grew beyond `giveUpAboveBytes`. */
export async function encodeSegment(
  job: LocalJob,
  work: Encode,
  request: SegmentRequest,
): Promise<EncodedSegment | undefined> {
  const { tools, facts, input, effort, threads } = job;
  const { choice, segments, picture } = work;
  const { segment, rate, trusted } = request;
  const { index } = segment;
  const isCut = segments.length > 1;
  const frames = expectedFrames(facts, picture, segment);
  const file = rate.kind === 'pass-1' ? measuredFile(segment) : segmentFile(segment);
  const note = say(`step.${request.step}`, isCut ? { part: index + 1, parts: segments.length } : {});
  const result = await job.run({
    doing: say('local.doing-picture', { step: note }),
    args: pictureArgs({ tools, facts, input, effort, threads, picture, segment, codec: choice.codec, rate }),
    share: request.share * (segment.frames / facts.video.frames),
    note,
    fraction: progress => progress.frames / frames,
    output: file,
    besides: rate.kind === 'pass-1' ? unfinishedPassLogs(choice.codec, index) : [],
    giveUpAboveBytes: request.giveUpAboveBytes,
  });
  if (result.tooLarge) return undefined;
  if (isCut && !trusted) expectAllFrames(result.frames, { frames, index, picture, facts });
  const complaints = await complaintsWithin(job, segment, result.complaints);
  if (index === FIRST_AFTER_CUT && !trusted && complaints > 0)
    throw new CutMissed(`segment ${index}: the decoder complained ${complaints} times`);
  const bytes = await mediaBytes(ownFile(job.path(file)));
  if (rate.kind === 'pass-1') await job.remove(file);
  return { bytes, fileBytes: result.outputBytes, frames: result.frames, complaints };
}

/** A transport stream is entered between keyframes: complaints before the segment begins are not about the segment. */
async function complaintsWithin(job: LocalJob, segment: Segment, complaints: number): Promise<number> {
  const { tools, facts, input } = job;
  const args = complaints > 0 ? leadInArgs({ tools, facts, input, segment }) : undefined;
  if (!args) return complaints;
  const leadIn = await job.run({ doing: say('local.doing-lead-in'), args, share: 0 });
  return Math.max(0, complaints - leadIn.complaints);
}

function expectedFrames({ video }: MediaFacts, picture: PicturePlan, segment: Segment): number {
  if (picture.fps === undefined) return segment.frames;
  return Math.max(1, Math.round(segment.frames * Math.min(1, picture.fps / video.fps)));
}

function expectAllFrames(
  got: number,
  expected: { frames: number; index: number; picture: PicturePlan; facts: MediaFacts },
): void {
  const { frames, index, picture, facts } = expected;
  // Where frames are dropped to reach a rate, their number is known only roughly.
  const about = facts.video.variableFrameRate ? frames : CUT_SLACK_FRAMES + frames * CUT_SLACK_SHARE;
  const slack = picture.fps === undefined ? 0 : about;
  if (Math.abs(got - frames) > slack) throw new CutMissed(`segment ${index}: ${got} frames instead of ${frames}`);
}

/** Joins all segments and the sound into one file; its size is the one that counts. */
export async function joinTracks(
  job: LocalJob,
  work: Encode,
  encoded: readonly EncodedSegment[],
  file: string,
): Promise<Muxed> {
  const { tools, facts, context } = job;
  await context.step('join');
  const picture = await pictureInput(job, work.segments);
  const { outputBytes } = await job.run({
    doing: say('local.doing-join'),
    args: joinArgs({ tools, facts, input: context.source, picture, sound: work.soundFile }),
    output: file,
    share: WORK_SHARE.join,
    note: say('step.join', {}),
  });
  const complaints = encoded.reduce((sum, one) => sum + one.complaints, 0);
  const { signal, gate } = context;
  // Of two frames that damage gave the same timestamp, the muxer keeps one.
  const frames =
    complaints > 0
      ? (await probe(ownFile(job.path(file)), { tools, signal, gate })).video.frames
      : encoded.reduce((sum, one) => sum + one.frames, 0);
  return { file, bytes: outputBytes, frames, complaints };
}

/** Written by joinTracks; lists the segments for ffmpeg. */
export const LIST = 'parts.txt';

async function pictureInput(
  job: LocalJob,
  segments: readonly Segment[],
): Promise<Parameters<typeof joinArgs>[0]['picture']> {
  const [first] = segments;
  if (first && segments.length === 1) return { file: segmentFile(first) };
  const headers = await Promise.all(
    segments.map(async segment => await codecHeader(ownFile(job.path(segmentFile(segment))))),
  );
  const list = segmentList(segments.map(segment => ({ file: segmentFile(segment), atS: segment.atS })));
  const path = job.path(LIST);
  await writeFile(path, list, { mode: 0o600 }).catch((error: unknown) => {
    throw fileError(error, say('files.writing', { path }), path);
  });
  return { list: LIST, convert: headers.some(header => header === undefined || !header.equals(headers[0] ?? header)) };
}
