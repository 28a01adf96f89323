import type { Control } from '../../api/types.ts';
import { formatDuration } from '../../core/units.ts';
import { every } from '../../platform/async.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import { relativeName } from '../jobs.ts';

const EVERY_MS = 60_000;

/** For a person who watches: a film takes its time, and one step may be all of it. @returns what ends it */
export function keepTelling(control: Control, { clock, log }: { clock: Clock; log: Logger }): () => void {
  return every(clock, EVERY_MS, () => {
    for (const { id } of control.jobs('running')) {
      const job = control.job(id);
      if (!job?.progress) continue;
      const left = job.eta_ms === null ? '' : `, about ${formatDuration(job.eta_ms)} left`;
      const said = `${job.step ?? 'running'}: ${Math.floor(job.progress * 100)} %${left}`;
      log.info({ job: id, file: relativeName(job) }, said);
    }
  });
}
