/** Whether a size looks as it must, once x264 or x265 has been through the whole film. docs/encoding.md, The floor */
import { MEASURED_MISS } from '../tuning.ts';
import { videoBytes, videoRate } from '../plan/budget.ts';
import { ownCrf, SCALES } from '../plan/crf.ts';
import { type Below, type EncodeBasis, type EncodePlan, planEncode, whatIsBelow } from '../plan/encode-plan.ts';
import { chooseRung, isWorseThan, predictedCrf, rateMeasured } from '../plan/scale.ts';
import { planPicture } from '../plan/video.ts';
import type { LocalJob } from '../run/local-job.ts';
import type { Encode } from './segment.ts';
import { type Expected, intoSize, type Landed, type MeasureFirst } from './two-pass.ts';

/** What a first pass showed looks worse than is accepted. */
export class BelowFloor extends Error {
  readonly below: Below;
  constructor(below: Below) {
    super('below the floor');
    this.below = below;
  }
}

export interface FloorOptions {
  basis: EncodeBasis;
  plan: Pick<EncodePlan, 'scale' | 'full'>;
  expected: Expected;
}

/**
 * Into the size, unless the first pass shows that it would look worse than the floor: samples are from a few seconds, of a short clip
 * from one place, and the rest may be harder. A smaller picture is tried where that would do. The decision stays, after a restart too.
 * @throws BelowFloor
 */
export async function intoSizeAboveFloor(job: LocalJob, work: Encode, options: FloorOptions): Promise<Landed> {
  const { basis, plan, expected } = options;
  const { choice } = basis;
  const { codec, floor } = choice;
  if (floor === undefined || floor === 'any') return await intoSize(job, work, expected);
  const before = job.checkpoints.rung.get();
  const scaled = (scale: number): Encode => ({
    ...work,
    picture: planPicture(job.facts, job.order.target, scale, job.tools),
  });
  if (before) return await intoSize(job, scaled(before.scale), expected);
  const rate = Math.max(1, videoRate(work.budget));
  const measureAt =
    (scale: number): MeasureFirst =>
    async seen => {
      const { facts, tools, context, checkpoints } = job;
      const whole = { scale, durationS: facts.durationS, wantBytes: videoBytes(work.budget) };
      const sample = rateMeasured(basis.sample, { codec, ...seen }, whole);
      const now = { scale, crf: predictedCrf(sample, rate, scale) };
      const better = chooseRung(sample, rate, plan.full, codec);
      context.log.debug({ seen, now, better }, 'what the first pass says of the look');
      if (!isWorseThan(floor, sample, now, MEASURED_MISS)) {
        await checkpoints.rung.set({ scale });
        return undefined;
      }
      // Tried once: at another size it is measured again, and then that counts.
      if (scale === plan.scale && better.scale !== scale && !isWorseThan(floor, sample, better)) {
        const finest = expected.ceilingCrf === undefined ? better.crf : Math.max(better.crf, SCALES.h264.ceiling);
        const next = { ...expected, crf: ownCrf(codec, finest) };
        return { work: scaled(better.scale), expected: next, measure: measureAt(better.scale) };
      }
      const measured = { ...basis, sample };
      const planned = planEncode(measured, { tools, cutting: undefined, atOnce: () => 1 });
      throw new BelowFloor(whatIsBelow(measured, planned, tools));
    };
  return await intoSize(job, work, expected, measureAt(plan.scale));
}
