import { type LocalJob, bytesOf, forget, recall, remember } from '../run/local-job.ts';
import { videoBytes } from '../plan/budget.ts';
import {
  type Encode,
  encodeSegment,
  joinTracks,
  LIST,
  type Muxed,
  segmentFile,
  type EncodedSegment,
  SHARE,
} from './segment.ts';

/** What the tables may be off by before the parts are muxed. */
const SLACK_BYTES = 100_000;

/** One pass at constant quality, part by part; `undefined` once it is clear that it will not fit. */
export async function atQuality(job: LocalJob, work: Encode, crf: number): Promise<Muxed | undefined> {
  const stamp = JSON.stringify([crf, work.picture.filters, work.segments.map(segment => segment.atS)]);
  const stored = recall<{ stamp: string; made: Muxed }>(job, 'one-pass');
  if (stored?.stamp === stamp && stored.made.bytes === (await bytesOf(job, stored.made.file))) return stored.made;
  const room = videoBytes(work.budget) + SLACK_BYTES;
  const parts: EncodedSegment[] = [];
  let taken = 0;
  let said = false;
  for (const segment of work.segments) {
    const key = `quality/${segment.index}`;
    const before = recall<{ stamp: string; made: EncodedSegment }>(job, key);
    let encoded = before?.stamp === stamp ? before.made : undefined;
    if (encoded && encoded.fileBytes === (await bytesOf(job, segmentFile(segment)))) {
      job.meter.skip((SHARE.onePass * segment.frames) / job.facts.video.frames);
    } else {
      if (!said) await job.context.step('one-pass');
      said = true;
      encoded = await encodeSegment(job, work, {
        segment,
        rate: { kind: 'quality', crf },
        share: SHARE.onePass,
        note: 'one pass',
        giveUpAboveBytes: Math.max(0, room - taken),
        trusted: segment.index >= 3,
      });
      if (encoded) await remember(job, key, { stamp, made: encoded });
    }
    taken += encoded?.bytes ?? 0;
    if (!encoded || taken > room) {
      await forget(job, ...work.segments.map(segmentFile));
      return undefined;
    }
    parts.push(encoded);
  }
  const output = await joinTracks(job, work, parts, 'out-quality.mp4');
  await remember(job, 'one-pass', { stamp, made: output });
  await forget(job, LIST, ...work.segments.map(segmentFile));
  return output;
}
