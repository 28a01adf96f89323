import { type LocalJob, bytesOf, forget, recall, remember } from './bench.ts';
import { videoBytes } from './budget.ts';
import {
  type Encode,
  encodeSegment,
  joinTracks,
  LIST,
  type Muxed,
  segmentFile,
  type EncodedSegment,
  SHARE,
} from './steps.ts';

/** What the tables may be off by before the parts are muxed. */
const SLACK_BYTES = 100_000;

/** One pass at constant quality, part by part; `undefined` once it is clear that it will not fit. */
export async function atQuality(bench: LocalJob, work: Encode, crf: number): Promise<Muxed | undefined> {
  const stamp = JSON.stringify([crf, work.picture.filters, work.parts.map(part => part.atS)]);
  const known = recall<{ stamp: string; made: Muxed }>(bench, 'one-pass');
  if (known?.stamp === stamp && known.made.bytes === (await bytesOf(bench, known.made.file))) return known.made;
  const room = videoBytes(work.budget) + SLACK_BYTES;
  const parts: EncodedSegment[] = [];
  let taken = 0;
  let said = false;
  for (const part of work.parts) {
    const key = `quality/${part.index}`;
    const before = recall<{ stamp: string; made: EncodedSegment }>(bench, key);
    let made = before?.stamp === stamp ? before.made : undefined;
    if (made && made.fileBytes === (await bytesOf(bench, segmentFile(part)))) {
      bench.meter.skip((SHARE.onePass * part.frames) / bench.facts.video.frames);
    } else {
      if (!said) await bench.context.step('one pass');
      said = true;
      made = await encodeSegment(bench, work, {
        part,
        rate: { kind: 'quality', crf },
        share: SHARE.onePass,
        note: 'one pass',
        giveUpAboveBytes: Math.max(0, room - taken),
        trusted: part.index >= 3,
      });
      if (made) await remember(bench, key, { stamp, made });
    }
    taken += made?.bytes ?? 0;
    if (!made || taken > room) {
      await forget(bench, ...work.parts.map(segmentFile));
      return undefined;
    }
    parts.push(made);
  }
  const made = await joinTracks(bench, work, parts, 'out-quality.mp4');
  await remember(bench, 'one-pass', { stamp, made });
  await forget(bench, LIST, ...work.parts.map(segmentFile));
  return made;
}
