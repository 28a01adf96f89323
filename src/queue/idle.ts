import { type Job, RESTING, type StateName } from '../core/job.ts';
import type { Ledger } from './ledger.ts';
import type { PauseGate } from '../platform/pause-gate.ts';

/** How often a job may wait for the same problem before `run --once` leaves it for another day. */
const PATIENCE = 3;

/**
 * True while some job is in a slot or will continue by itself soon. Local jobs do neither while the gate is closed: waiting for
 * them would take until a person opens it.
 */
export function isBusy(ledger: Ledger, gate: PauseGate): boolean {
  const counts = ledger.counts();
  const active = (Object.entries(counts) as [StateName, number][]).filter(([name, n]) => n > 0 && !RESTING.has(name));
  if (active.length === 0) return false;
  if (!gate.closed && active.some(([name]) => name !== 'waiting')) return true;
  for (const job of ledger.all()) if (continuesSoon(job, ledger, gate)) return true;
  return false;
}

function continuesSoon(job: Job, ledger: Ledger, gate: PauseGate): boolean {
  if (RESTING.has(job.state.name)) return false;
  const isLocal = job.decision.kind === 'do' && job.decision.engine === 'local';
  if (gate.closed && (isLocal || (ledger.paused && job.state.name === 'queued'))) return false;
  return job.state.name !== 'waiting' || job.waits < PATIENCE;
}

/** Resolves when no job is in a slot or will continue by itself soon. */
export function untilIdle(ledger: Ledger, gate: PauseGate): Promise<void> {
  return new Promise(resolve => {
    if (!isBusy(ledger, gate)) return resolve();
    const look = () => {
      if (isBusy(ledger, gate)) return;
      stopListening();
      stopWatching();
      resolve();
    };
    const stopListening = ledger.subscribe(look);
    const stopWatching = gate.onChange(look);
  });
}
