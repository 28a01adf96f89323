import { TABLES_SLACK_BYTES, TRUSTED_FROM, WORK_SHARE } from '../tuning.ts';
import { videoBytes } from '../plan/budget.ts';
import type { EncodedSegment, Muxed } from '../run/checkpoints.ts';
import type { LocalJob } from '../run/local-job.ts';
import { type Encode, encodeSegment, joinTracks, LIST, segmentFile } from './segment.ts';

/** One pass at constant quality, segment by segment; `undefined` as soon as it will not fit. */
export async function encodeAtQuality(job: LocalJob, work: Encode, crf: number): Promise<Muxed | undefined> {
  const { picture, segments, budget } = work;
  const key = JSON.stringify([crf, picture.filters, segments.map(segment => segment.atS)]);
  const checkpoints = job.checkpoints.onePass(key);
  const before = checkpoints.output.get();
  if (before && before.bytes === (await job.bytesOf(before.file))) return before;
  const room = videoBytes(budget) + TABLES_SLACK_BYTES;
  const encoded: EncodedSegment[] = [];
  let taken = 0;
  let isNamed = false;
  for (const segment of segments) {
    const checkpoint = checkpoints.segment(segment.index);
    let one = checkpoint.get();
    if (one && one.fileBytes === (await job.bytesOf(segmentFile(segment)))) {
      job.meter.skip((WORK_SHARE.onePass * segment.frames) / job.facts.video.frames);
    } else {
      if (!isNamed) await job.context.step('one-pass');
      isNamed = true;
      one = await encodeSegment(job, work, {
        segment,
        rate: { kind: 'quality', crf },
        step: 'one-pass',
        share: WORK_SHARE.onePass,
        giveUpAboveBytes: Math.max(0, room - taken),
        trusted: segment.index >= TRUSTED_FROM,
      });
      if (one) await checkpoint.set(one);
    }
    taken += one?.bytes ?? 0;
    if (!one || taken > room) {
      await job.remove(...segments.map(segmentFile));
      return undefined;
    }
    encoded.push(one);
  }
  const output = await joinTracks(job, work, encoded, 'out-quality.mp4');
  await checkpoints.output.set(output);
  await job.remove(LIST, ...segments.map(segmentFile));
  return output;
}
