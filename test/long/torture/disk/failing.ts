import { run, type Run, type Scenario } from '../crash/scenario.ts';
import { inTurns } from '../crash/enumerate.ts';
import type { Trial } from '../suite.ts';

/** What acts on a disk fail with, by act. */
const ERRORS: readonly [acts: RegExp, errno: string][] = [
  [/^before (write|write file|create|mkdir|link) /, 'ENOSPC'],
  [/^before (f?sync|f?datasync|rename|link|unlink|utimes|truncate|chmod) /, 'EIO'],
  [/^within write /, 'short'],
];
/** What acts that need room fail with where it is a quota that is used up. */
const QUOTA: typeof ERRORS = [[/^before (write|write file|create|mkdir|link) /, 'EDQUOT']];

/**
 * Every act on the disk fails once, the rest goes well: the job is done all the same, after a wait, a hold, or another start where
 * the journal could not be written; the result is the same, and nothing that failed to sync is synced again. With `given` only at
 * these points.
 */
export async function failEverywhere(scenario: Scenario, trial: Trial, given?: readonly string[]): Promise<string> {
  return failAll(scenario, ERRORS, trial, given);
}

/** The quota is used up at every act that needs room, and raised at once. */
export async function quotaEverywhere(scenario: Scenario, trial: Trial): Promise<string> {
  return failAll(scenario, QUOTA, trial);
}

async function failAll(
  scenario: Scenario,
  errors: typeof ERRORS,
  trial: Trial,
  given?: readonly string[],
): Promise<string> {
  const undisturbed = await run(scenario);
  const faults = faultsOf(undisturbed.points, errors).filter(
    ({ point }) => given?.includes(point) ?? scenario.only?.test(point) ?? true,
  );
  const wrong: string[] = [];
  let missed = 0;
  const tried = await inTurns(faults, trial, async ({ point, errno }) => {
    try {
      const found = await run(scenario, [point], errno);
      if (found.killed === 0) missed += 1;
      const [is, should] = [comparable(found), comparable(undisturbed)];
      if (is !== should) wrong.push(`${errno} ${point}: ${is} instead of ${should}`);
    } catch (error) {
      wrong.push(`${errno} ${point}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  if (tried === 0) wrong.push('nothing was tried');
  if (missed * 20 > tried) wrong.push(`${missed} of ${tried} points were not reached again`);
  if (wrong.length > 0) throw new Error(`${wrong.length} of ${tried} went wrong\n${wrong.join('\n')}`);
  const kinds = errors.map(([, errno]) => errno).join(', ');
  return `${tried} of ${faults.length} faults (${kinds})${missed > 0 ? `, ${missed} not reached` : ''}; nothing lost`;
}

/** Up to the end of the job: a report that cannot be written is not tried again. */
export function faultsOf(points: readonly string[], errors = ERRORS): { point: string; errno: string }[] {
  const end = points.findIndex(point => /after datasync .*\bdone\]/.test(point));
  return points
    .slice(0, end < 0 ? undefined : end)
    .flatMap(point => errors.flatMap(([acts, errno]) => (acts.test(point) ? [{ point, errno }] : [])));
}

function comparable({ outputs, sha256, messages, renders }: Run): string {
  return JSON.stringify({ outputs, sha256, messages, renders });
}
