import type { ShrinkError } from '../../../core/errors.ts';
import { COARSEST_MEASURING_CRF, DECENT_MARGIN, MAX_SIZE_CHANGES } from '../tuning.ts';
import { videoBytes } from '../plan/budget.ts';
import { onScale } from '../plan/crf.ts';
import type { EncodePlan } from '../plan/encode-plan.ts';
import { decentBytesMeasured, rungMeasured } from '../plan/scale.ts';
import { planPicture } from '../plan/video.ts';
import type { LocalJob } from '../run/local-job.ts';
import type { Encode } from './segment.ts';
import { type Expected, intoSize, type Landed, type MeasureAv1 } from './two-pass.ts';

/**
 * AV1 into the size. The samples are x264's: the picture size, and whether the size is hopeless, is decided by what AV1's own
 * quick first pass needed and by the real bytes of the sound. The decision stays, after a restart too.
 * @param options.hopeless makes the error for a size that is too small, from the one that would do, bytes
 */
export async function av1IntoSize(
  job: LocalJob,
  work: Encode,
  options: {
    plan: Pick<EncodePlan, 'scale' | 'full'>;
    expected: Expected;
    hopeless: (decentBytes: number) => ShrinkError;
  },
): Promise<Landed> {
  const { plan, expected, hopeless } = options;
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
  const measure: MeasureAv1 = async seen => {
    if (before) return undefined;
    const measurement = { ...seen, scale: rung.scale };
    const better = rungMeasured(measurement, videoBytes(work.budget), plan.full);
    if (better.hopeless) {
      const besides = work.budget.capBytes - videoBytes(work.budget);
      throw hopeless((decentBytesMeasured(measurement, plan.full) + besides) * DECENT_MARGIN);
    }
    if (better.scale === rung.scale || changes === MAX_SIZE_CHANGES) {
      await checkpoint.set(rung);
      return undefined;
    }
    changes += 1;
    job.context.log.debug({ from: rung.scale, to: better.scale, crf: better.crf }, 'another picture size');
    rung = { scale: better.scale, crf: better.crf };
    return { ...start(), measure };
  };
  const first = start();
  return await intoSize(job, first.work, first.expected, measure);
}
