import { COARSEST_MEASURING_CRF, DECENT_MARGIN, GOOD_CRF_AV1, MAX_SIZE_CHANGES } from '../tuning.ts';
import { videoBytes } from '../plan/budget.ts';
import { onScale } from '../plan/crf.ts';
import type { EncodePlan } from '../plan/encode-plan.ts';
import { bytesMeasured, isBelowMeasured, rungMeasured } from '../plan/scale.ts';
import type { Av1Measurement, Rung } from '../plan/scale.ts';
import { say } from '../../../messages/say.ts';
import { planPicture } from '../plan/video.ts';
import type { LocalJob } from '../run/local-job.ts';
import { BelowFloor } from './floor.ts';
import type { Encode } from './segment.ts';
import { type Expected, intoSize, type Landed, type MeasureFirst } from './two-pass.ts';

/**
 * AV1 into the size. The samples are x264's: the picture size, and whether the size is too small, is decided by what AV1's own
 * quick first pass needed and by the real bytes of the sound. The decision stays, after a restart too.
 * @throws BelowFloor
 */
export async function av1IntoSize(
  job: LocalJob,
  work: Encode,
  options: {
    plan: Pick<EncodePlan, 'scale' | 'full'>;
    expected: Expected;
  },
): Promise<Landed> {
  const { plan, expected } = options;
  const { floor } = work.choice;
  const checkpoint = job.checkpoints.av1Rung;
  const before = checkpoint.get();
  let rung = before ?? { scale: plan.scale, crf: expected.crf };
  let changes = 0;

  /** The work, and the quality to start with at the current rung. */
  const start = (): { work: Encode; expected: Expected } => {
    const crf = Math.max(Math.min(rung.crf, COARSEST_MEASURING_CRF), expected.ceilingCrf ?? rung.crf);
    const picture = planPicture(job.facts, job.order.target, rung.scale, job.tools);
    return { work: { ...work, picture }, expected: { ...expected, crf: onScale('av1', crf) } };
  };
  const measure: MeasureFirst = async seen => {
    if (before) return undefined;
    const measurement = { ...seen, scale: rung.scale };
    const better = rungMeasured(measurement, videoBytes(work.budget), plan.full);
    if (better.scale === rung.scale || changes === MAX_SIZE_CHANGES) {
      if (isBelowMeasured(better, floor)) throw tooLittle(measurement, better);
      await checkpoint.set(rung);
      return undefined;
    }
    changes += 1;
    job.context.log.debug({ from: rung.scale, to: better.scale, crf: better.crf }, 'another picture size');
    rung = { scale: better.scale, crf: better.crf };
    return { ...start(), measure };
  };
  const tooLittle = (measurement: Av1Measurement, better: Rung): BelowFloor => {
    const besides = work.budget.capBytes - videoBytes(work.budget);
    return new BelowFloor({
      needed: (bytesMeasured(measurement, plan.full, floor) + besides) * DECENT_MARGIN,
      looks: say(better.crf > GOOD_CRF_AV1 ? 'local.looks-bad' : 'local.looks-decent'),
      picture: planPicture(job.facts, job.order.target, better.scale, job.tools),
      isSmaller: better.scale < 1,
      isHopeless: better.hopeless,
      isPossible: true,
    });
  };
  const first = start();
  return await intoSize(job, first.work, first.expected, measure);
}
