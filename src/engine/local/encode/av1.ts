import type { ShrinkError } from '../../../core/errors.ts';
import { type LocalJob, recall, remember } from '../run/local-job.ts';
import { videoBytes } from '../plan/budget.ts';
import type { EncodePlan } from '../plan/encode-plan.ts';
import { type Expected, intoSize, type Landed, type MeasureAv1 } from './two-pass.ts';
import { planPicture } from '../plan/video.ts';
import { onScale } from '../plan/crf.ts';
import { decentBytesSeen, rungSeen } from '../plan/scale.ts';
import type { Encode } from './segment.ts';

/** A first pass takes a third of the time of the encode; the second look is nearly always the last. */
const MAX_CHANGES = 2;
/** Beyond this a prediction is no reason to look from so far. */
const COARSEST_LOOK = 60;
const RUNG = 'av1-rung';

interface Decided {
  scale: number;
  crf: number;
}

/**
 * AV1 into the size. The samples speak x264's language; how large the picture can be, and whether this is hopeless, is decided by what its own
 * quick first pass needed, and by the real bytes of the sound: 12 was held for 30 kB of silence that became 3. Once decided it stays so, after a restart
 * too. `held` makes the error for a size that will not do, from the one that would, bytes.
 */
export async function av1IntoSize(
  job: LocalJob,
  plan: Pick<EncodePlan, 'scale' | 'full'>,
  work: Encode,
  options: { expected: Expected; held: (decentBytes: number) => ShrinkError },
): Promise<Landed> {
  const { expected, held } = options;
  const at = ({ scale, crf }: Decided): { work: Encode; expected: Expected } => ({
    work: { ...work, picture: planPicture(job.facts, job.order.target, scale, job.tools) },
    expected: {
      ...expected,
      crf: onScale('av1', Math.max(Math.min(crf, COARSEST_LOOK), expected.ceilingCrf ?? crf), Math.round),
    },
  });
  const stored = recall<Decided>(job, RUNG);
  let now: Decided = stored ?? { scale: plan.scale, crf: expected.crf };
  let changes = 0;
  const measure: MeasureAv1 = async seen => {
    if (stored) return undefined;
    const rung = rungSeen({ ...seen, scale: now.scale }, videoBytes(work.budget), plan.full);
    if (rung.hopeless) {
      const besides = work.budget.capBytes - videoBytes(work.budget);
      throw held((decentBytesSeen({ ...seen, scale: now.scale }, plan.full) + besides) * 1.05);
    }
    if (rung.scale === now.scale || changes === MAX_CHANGES) {
      await remember(job, RUNG, now);
      return undefined;
    }
    changes += 1;
    job.context.log.debug({ from: now.scale, to: rung.scale, crf: rung.crf }, 'another picture size');
    now = { scale: rung.scale, crf: rung.crf };
    return { ...at(now), measure };
  };
  const first = at(now);
  return await intoSize(job, first.work, first.expected, measure);
}
