/**
 * `npm run torture [-- --suite NAME] [--seed N] [--case PART] [--list]`: shrinkbox under crash, fault and load. Prints its seed;
 * the same seed does the same again. Exit code 1 when anything was lost.
 */
import { parseArgs } from 'node:util';
import { type Case, type Suite, trialOf } from './suite.ts';
import { suites } from './suites/index.ts';

/** Seconds between two lines that say how far a case is. */
const PROGRESS_EVERY_S = 60;
const say = (line: string) => process.stdout.write(`${line}\n`);

const { suite: names, case: part = '', seed: asked = String(Date.now() % 2 ** 32), list } = options();
const seed = Number(asked);
const chosen = suites
  .filter(suite => names?.includes(suite.name) ?? true)
  .map(suite => ({ ...suite, cases: suite.cases.filter(({ name }) => name.includes(part)) }))
  .filter(suite => suite.cases.length > 0);
if (asked === '' || !Number.isSafeInteger(seed)) usage(`--seed takes a whole number, not "${asked}"`);
const unknown = names?.find(name => !suites.some(suite => suite.name === name));
if (unknown !== undefined) usage(`no suite is called "${unknown}"`);
if (chosen.length === 0)
  usage(`no case of ${names?.join(' or ') ?? 'any suite'} has "${part}" in its name; see --list`);
if (!list) say(`seed ${seed}`);
const counts = { won: 0, lost: 0, cannot: 0 };
for (const suite of chosen) await runSuite(suite);
if (!list)
  say(`${counts.won} won, ${counts.lost} lost, ${counts.cannot} cannot be tried on this machine; seed ${seed}`);
process.exit(counts.lost > 0 ? 1 : 0);

function options() {
  try {
    const { values } = parseArgs({
      args: process.argv.slice(3),
      options: {
        suite: { type: 'string', multiple: true },
        case: { type: 'string' },
        seed: { type: 'string' },
        list: { type: 'boolean' },
      },
    });
    return values;
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
}

function usage(wrong: string): never {
  say(wrong);
  say(
    `usage: npm run torture -- [--seed N] [--suite ${suites.map(({ name }) => name).join('|')}] [--case PART] [--list]`,
  );
  process.exit(2);
}

async function runSuite({ name, about, cases }: Suite): Promise<void> {
  say(`\n${name}: ${about}`);
  for (const one of cases) {
    if (list) say(`  ${one.name}${one.keeps ? ` [${one.keeps}]` : ''}`);
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
  let saidAt = startedAt;
  const progress = (done: number, of: number) => {
    if (performance.now() - saidAt < PROGRESS_EVERY_S * 1000) return;
    saidAt = performance.now();
    say(`         ${one.name}: ${done} of ${of} (${took()})`);
  };
  try {
    const observed = await one.run(trialOf(seed, one, progress));
    counts.won += 1;
    say(`  won    ${one.name}${observed ? `: ${observed}` : ''} (${took()})`);
  } catch (error) {
    counts.lost += 1;
    say(`  LOST   ${one.name} (${took()}): ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}
