import type { StatusView } from '../../api/types.ts';
import { escapeForTerminal } from '../../core/escape.ts';
import { formatBytes, formatDuration } from '../../core/units.ts';

type Fleet = NonNullable<StatusView['fleet']>;

export interface Trouble {
  said: string;
  fix: string;
}

/** A part of a short film needs about as much. */
const LITTLE_SCRATCH = 100_000_000;

/** What is wrong with a fleet, as its daemon sees it. Pure. */
export function fleetTroubles({ queue, workers }: Fleet, now: number): Trouble[] {
  const troubles: Trouble[] = [];
  if (!queue.up) {
    const since = formatDuration(Math.max(0, now - queue.since));
    troubles.push({
      said: `the queue has not answered for ${since}${queue.why ? ` (${queue.why})` : ''}; parts being made go on`,
      fix: 'Others wait, or are made here with fallback: local. shrinkbox doctor looks at the queue.',
    });
  }
  for (const worker of workers) {
    const trouble = workerTrouble(worker);
    if (trouble) troubles.push({ ...trouble, said: `worker ${worker.name} ${trouble.said}` });
  }
  if (workers.length === 0)
    troubles.push({ said: 'no worker was invited yet', fix: 'Invite one: shrinkbox fleet invite NAME.' });
  else if (workers.every(({ state }) => state === 'away' || state === 'invited' || state === 'outdated'))
    troubles.push({ said: 'no worker is there', fix: 'Start one: shrinkbox worker, on the other machine.' });
  return troubles;
}

function workerTrouble({ name, state, ...worker }: Fleet['workers'][number]): Trouble | undefined {
  if (state === 'outdated')
    return {
      said: 'speaks a protocol that this daemon does not',
      fix: 'Update the older of the two; the daemon first.',
    };
  if (state === 'benched' && worker.benched_for_ms !== null)
    return {
      said: `gets nothing for another ${formatDuration(worker.benched_for_ms)}: ${escapeForTerminal(worker.benched_because ?? '')}`,
      fix: 'It failed at what others can do, three times in a row. shrinkbox worker doctor, on it, looks for the cause.',
    };
  if (state === 'benched')
    return { said: 'was sent away by a person', fix: `Give it work again: shrinkbox fleet bench ${name} --off.` };
  if (worker.scratch_free !== null && worker.scratch_free < LITTLE_SCRATCH && state === 'idle')
    return {
      said: `has ${formatBytes(worker.scratch_free)} of scratch left, too little for a part`,
      fix: 'Free some of its disk, or raise worker.scratch_max there.',
    };
  return undefined;
}
