import { type EngineName, type Job, RESTING, type StateName } from '../core/job.ts';
import { waitsForPerson } from '../core/lifecycle.ts';
import type { Ledger } from './ledger.ts';
import type { PauseGate } from '../platform/pause-gate.ts';

/** How often a job may wait for the same problem before `run --once` leaves it for another day. */
const PATIENCE = 3;

/**
 * True while some job is in a slot or will continue by itself soon. Local jobs do neither while the gate is closed: waiting for
 * them would take until a person opens it. Nor do jobs of the cloud while its account waits for a person.
 */
export function isBusy(ledger: Ledger, gate: PauseGate): boolean {
  const counts = ledger.counts();
  const active = (Object.entries(counts) as [StateName, number][]).filter(([name, n]) => n > 0 && !RESTING.has(name));
  if (active.length === 0) return false;
  const stuck = enginesForPerson(ledger);
  if (!gate.closed && stuck.size === 0 && active.some(([name]) => name !== 'waiting')) return true;
  for (const job of ledger.all()) if (continuesSoon(job, ledger, gate) && !isStuck(job, stuck)) return true;
  return false;
}

/** Engines that take nothing before a person has done something about the account. */
function enginesForPerson(ledger: Ledger): ReadonlySet<EngineName> {
  if (ledger.counts().waiting === 0) return new Set();
  const waiting = [...ledger.all()].filter(waitsForPerson);
  return new Set(waiting.flatMap(({ decision }) => (decision.kind === 'do' ? [decision.engine] : [])));
}

function isStuck(job: Job, stuck: ReadonlySet<EngineName>): boolean {
  const { state, decision } = job;
  if (waitsForPerson(job)) return true;
  // Where its rule allows it, this machine does it meanwhile.
  return (
    state.name === 'queued' && decision.kind === 'do' && stuck.has(decision.engine) && decision.fallback === 'none'
  );
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
