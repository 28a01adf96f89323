import { writeFile } from 'node:fs/promises';
import { codecHeader } from '../../../media/mp4-boxes.ts';
import { probe } from '../../../media/probe/probe.ts';
import { ownFile } from '../../../platform/files/files.ts';
import type { HardwareEncoder } from '../../../media/ffmpeg/hardware-args.ts';
import { say } from '../../../messages/say.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import { type Ask, type Hands, type Measured, type Part, partFile, type PartMade, type Watch } from '../hands.ts';
import { WORK_SHARE } from '../tuning.ts';
import type { Budget } from '../plan/budget.ts';
import type { SoundPlan } from '../plan/audio.ts';
import { type Segment, segmentList } from '../plan/segments.ts';
import { leadOf, pictureEnd } from '../plan/timeline.ts';
import type { EncodeChoice } from '../plan/strategy.ts';
import type { PicturePlan } from '../plan/video.ts';
import type { EncodedSegment, Muxed } from '../run/checkpoints.ts';
import { joinArgs } from '../run/join-args.ts';
import type { LocalJob } from '../run/local-job.ts';
import { checkCut } from './cut-check.ts';

/** What the steps of one encode share. */
export interface Encode {
  choice: EncodeChoice;
  picture: PicturePlan;
  segments: Segment[];
  sound: SoundPlan;
  /** The file with sound and subtitles, relative to the work directory; absent if there are none. */
  soundFile: string | undefined;
  budget: Budget;
  hands: Hands;
  /** Segments that are worked on at once; 1 if it was cut for one after another. */
  atOnce: number;
  /** The hardware encoder that makes the picture, in place of the processor. */
  encoder?: HardwareEncoder;
}

/** How many segments are worked on at once, now. */
export const widthOf = ({ hands, atOnce }: Encode): number => (atOnce > 1 ? Math.max(1, hands.width()) : 1);

/** What a step is called, and its share of the whole job, for all parts together. */
interface PartStep {
  step: 'pass-1' | 'pass-2' | 'one-pass';
  share: number;
  signal: AbortSignal;
}

/** One segment as the hands are asked for it: without the rest of what is known about the source. */
function partOf({ facts, effort }: LocalJob, { choice, picture, segments }: Encode, segment: Segment): Part {
  const { container, startS, durationS, window, video } = facts;
  // Not what the items say: places and titles are nobody's business.
  const inventory = facts.inventory.map(({ kind }) => ({ kind }));
  return {
    ...{ index: segment.index, of: segments.length, segment, picture, codec: choice.codec, effort },
    facts: { container, startS, durationS, window, video, inventory },
  };
}

/** The first pass of a segment. */
export async function measurePart(
  job: LocalJob,
  work: Encode,
  { segment, crf, signal }: { segment: Segment; crf: number; signal: AbortSignal },
): Promise<Measured> {
  const part = partOf(job, work, segment);
  const measured = await metered(job, part, { step: 'pass-1', share: WORK_SHARE.pass1, signal }, watch =>
    work.hands.measure(part, crf, watch),
  );
  checkCut(part, measured);
  return measured;
}

/** Encodes one segment of the picture into its file. `undefined` if it grew beyond what the ask allows. */
export async function encodePart(
  job: LocalJob,
  work: Encode,
  { segment, ask, signal }: { segment: Segment; ask: Ask; signal: AbortSignal },
): Promise<PartMade | undefined> {
  const part = partOf(job, work, segment);
  const step = ask.kind === 'bytes' ? 'pass-2' : ask.step;
  const share = step === 'one-pass' ? WORK_SHARE.onePass : WORK_SHARE.pass2;
  const made = await metered(job, part, { step, share, signal }, watch => work.hands.encode(part, ask, watch));
  // Two passes have looked at the cuts in the first one.
  if (made && step === 'one-pass') checkCut(part, made);
  return made;
}

async function metered<T>(
  { meter, facts, context }: LocalJob,
  { index, of, segment }: Part,
  { step, share, signal }: PartStep,
  work: (watch: Watch) => Promise<T>,
): Promise<T> {
  const note = say(`step.${step}`, of > 1 ? { part: index + 1, parts: of } : {});
  // Of the film as well as of the part: hands that are elsewhere hear of its end by nothing else.
  const both = AbortSignal.any([context.signal, signal]);
  const metering = meter.begin(share * (segment.frames / facts.video.frames), note);
  try {
    const made = await work({ signal: both, progress: (fraction, speed) => metering.at(fraction, speed) });
    metering.at(1);
    return made;
  } finally {
    metering.end();
  }
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
  const times = { leadS: leadOf(facts, work.sound.tracks), endS: pictureEnd(facts, work.picture, tools) };
  const { outputBytes } = await job.run({
    doing: say('local.doing-join'),
    args: joinArgs({ tools, facts, input: context.source, picture, sound: work.soundFile, ...times }),
    output: file,
    share: WORK_SHARE.join,
    note: say('step.join', {}),
  });
  const complaints = encoded.reduce((sum, one) => sum + one.complaints, 0);
  const { signal, gate } = context;
  // Of two frames that damage gave the same timestamp, the muxer keeps one.
  const frames =
    complaints > 0
      ? (await probe(ownFile(job.path(file)), { tools, signal, gate, oneShape: true })).video.frames
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
  if (first && segments.length === 1) return { file: partFile(first) };
  const headers = await Promise.all(
    segments.map(async segment => await codecHeader(ownFile(job.path(partFile(segment))))),
  );
  const list = segmentList(segments.map(segment => ({ file: partFile(segment), atS: segment.atS })));
  const path = job.path(LIST);
  await writeFile(path, list, { mode: 0o600 }).catch((error: unknown) => {
    throw fileError(error, say('files.writing', { path }), path);
  });
  return { list: LIST, convert: headers.some(header => header === undefined || !header.equals(headers[0] ?? header)) };
}
