import { RESTING, type StateName } from '../core/job.ts';
import type { Ledger } from './ledger.ts';

/** Times a job has waited for the same trouble before `run --once` leaves it for another day. */
const PATIENCE = 3;

/** True while some job is being worked at or will go on by itself soon. */
export function isBusy(ledger: Ledger): boolean {
  const counts = ledger.counts();
  const active = (Object.entries(counts) as [StateName, number][]).filter(([name, n]) => n > 0 && !RESTING.has(name));
  if (active.some(([name]) => name !== 'waiting')) return true;
  if (active.length === 0) return false;
  for (const job of ledger.all()) if (job.state.name === 'waiting' && job.waits < PATIENCE) return true;
  return false;
}

/** Resolves when no job is worked at or will go on by itself soon. */
export function untilIdle(ledger: Ledger): Promise<void> {
  return new Promise(resolve => {
    if (!isBusy(ledger)) return resolve();
    const stop = ledger.subscribe(() => {
      if (isBusy(ledger)) return;
      stop();
      resolve();
    });
  });
}
