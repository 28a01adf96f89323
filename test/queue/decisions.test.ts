import { expect, it } from 'vitest';
import type { Decision } from '../../src/core/job.ts';
import { decideUnderWay } from '../../src/queue/decisions.ts';
import { aDecision, aJob } from '../support/builders.ts';

const cloud = aDecision({ engine: 'nemo', fallback: 'none', instruction: 'as paid for' });

it.each<[string, Decision, Decision]>([
  // Was: the hint "set fallback: local in the rule, then retry" changed nothing.
  [
    'lets this machine help once the rule says so',
    aDecision({ engine: 'nemo', fallback: 'local' }),
    { ...cloud, fallback: 'local' } as Decision,
  ],
  ['keeps everything else', aDecision({ engine: 'nemo', fallback: 'none', output: 'x.mp4' }), cloud],
  ['takes nothing from another rule', aDecision({ engine: 'nemo', fallback: 'local', rule: 'other' }), cloud],
  ['stays in the cloud', aDecision({ engine: 'local' }), cloud],
])('work under way in the cloud %s', (_, now, expected) => {
  expect(decideUnderWay({ decide: () => now }, aJob({ decision: cloud }))).toEqual(expected);
});

it('work under way here keeps its decision', () => {
  const here = aDecision({ engine: 'local' });
  expect(decideUnderWay({ decide: () => cloud }, aJob({ decision: here }))).toBe(here);
});
