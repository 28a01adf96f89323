import { TABLES_SLACK_BYTES, WORK_SHARE } from '../tuning.ts';
import { partFile } from '../hands.ts';
import { videoBytes } from '../plan/budget.ts';
import type { Segment } from '../plan/segments.ts';
import type { EncodedSegment, Muxed } from '../run/checkpoints.ts';
import type { LocalJob } from '../run/local-job.ts';
import { atOnce } from './at-once.ts';
import { encodePart, type Encode, joinTracks, LIST, widthOf } from './segment.ts';

/** What is there already, or a part alone, has more bytes than there is room for. */
class TooLarge extends Error {}

/** One pass at constant quality, segment by segment; `undefined` as soon as it will not fit. */
export async function encodeAtQuality(job: LocalJob, work: Encode, crf: number): Promise<Muxed | undefined> {
  const { picture, segments } = work;
  const by = work.encoder ? [work.encoder.name] : [];
  const key = JSON.stringify([crf, picture.filters, segments.map(segment => segment.atS), ...by]);
  const checkpoints = job.checkpoints.onePass(key);
  const before = checkpoints.output.get();
  if (before && before.bytes === (await job.bytesOf(before.file))) return before;
  let encoded: EncodedSegment[];
  try {
    encoded = await encodeAll(job, work, { crf, checkpoints });
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error;
    await job.remove(...segments.map(partFile));
    return undefined;
  }
  const output = await joinTracks(job, work, encoded, 'out-quality.mp4');
  await checkpoints.output.set(output);
  await job.remove(LIST, ...segments.map(partFile));
  return output;
}

type OnePass = ReturnType<LocalJob['checkpoints']['onePass']>;

/** @throws TooLarge */
async function encodeAll(
  job: LocalJob,
  work: Encode,
  { crf, checkpoints }: { crf: number; checkpoints: OnePass },
): Promise<EncodedSegment[]> {
  const { segments } = work;
  const room = videoBytes(work.budget) + TABLES_SLACK_BYTES;
  const encoded: EncodedSegment[] = [];
  let taken = 0;
  let isNamed = false;
  const count = (one: EncodedSegment | undefined) => {
    taken += one?.bytes ?? 0;
    if (!one || taken > room) throw new TooLarge();
    encoded.push(one);
  };
  const encode = async (segment: Segment, signal: AbortSignal) => {
    const atMostBytes = Math.max(0, room - taken);
    const one = await encodePart(job, work, {
      segment,
      ask: { kind: 'quality', crf, step: 'one-pass', atMostBytes },
      signal,
    });
    if (one) await checkpoints.segment(segment.index).set(one);
    count(one);
  };
  await atOnce(async crowd => {
    for (const segment of segments) {
      await crowd.below(widthOf(work));
      const before = checkpoints.segment(segment.index).get();
      if (before && before.fileBytes === (await job.bytesOf(partFile(segment)))) {
        job.meter.skip((WORK_SHARE.onePass * segment.frames) / job.facts.video.frames);
        count(before);
        continue;
      }
      if (!isNamed) await job.context.step('one-pass');
      isNamed = true;
      crowd.start(signal => encode(segment, signal));
    }
  });
  return encoded;
}
