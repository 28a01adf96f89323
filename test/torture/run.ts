/**
 * `npm run torture [-- --suite NAME] [--seed N] [--case PART] [--list]`: shrinkbox under crash, fault and load. Prints its seed;
 * the same seed does the same again. Exit code 1 when anything was lost.
 */
import { parseArgs } from 'node:util';
import { randomFrom } from './random.ts';
import type { Case, Suite } from './suite.ts';
import { suites } from './suites/index.ts';

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    suite: { type: 'string', multiple: true },
    case: { type: 'string' },
    seed: { type: 'string' },
    list: { type: 'boolean' },
  },
});
const say = (line: string) => process.stdout.write(`${line}\n`);

const seed = values.seed === undefined ? Date.now() % 2 ** 32 : Number(values.seed);
const chosen = suites.filter(suite => !values.suite || values.suite.includes(suite.name));
if (!Number.isSafeInteger(seed) || chosen.length === 0) {
  say(
    `usage: npm run torture -- [--seed N] [--suite ${suites.map(suite => suite.name).join('|')}] [--case PART] [--list]`,
  );
  process.exit(2);
}
say(`seed ${seed}`);
const counts = { won: 0, lost: 0, cannot: 0 };
for (const suite of chosen) await runSuite(suite);
say(`${counts.won} won, ${counts.lost} lost, ${counts.cannot} cannot be tried on this machine; seed ${seed}`);
process.exit(counts.lost > 0 ? 1 : 0);

async function runSuite(suite: Suite): Promise<void> {
  say(`\n${suite.name}: ${suite.about}`);
  for (const one of await suite.cases(randomFrom(seed))) {
    if (values.case !== undefined && !one.name.includes(values.case)) continue;
    if (values.list) say(`  ${one.name}${one.keeps ? ` [${one.keeps}]` : ''}`);
    else await runCase(one);
  }
}

async function runCase(one: Case): Promise<void> {
  if (one.cannot !== undefined) {
    counts.cannot += 1;
    say(`  cannot ${one.name}: ${one.cannot}`);
    return;
  }
  const startedAt = performance.now();
  const took = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
  try {
    const observed = await one.run();
    counts.won += 1;
    say(`  won    ${one.name}${observed ? `: ${observed}` : ''} (${took()})`);
  } catch (error) {
    counts.lost += 1;
    say(`  LOST   ${one.name} (${took()}): ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}
