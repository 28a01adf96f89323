import type { Trial } from '../suite.ts';
import { type Result, type Run, run, type Scenario } from './scenario.ts';

/** Boxes at once: each has a daemon and an ffmpeg of its own. */
const ABREAST = 2;
/** Minutes for each enumeration, which then begins with points from everywhere and says how many it came to. Unset: to the end. */
const MINUTES = Number(process.env['TORTURE_MINUTES'] ?? Number.POSITIVE_INFINITY);
/** A poll more or less says nothing new. */
const MAX_ALIKE_REQUESTS = 3;

/**
 * Of all points those at which a kill leaves something different behind: right before one act on the disk is right after
 * the act before it.
 */
export function distinct(points: readonly string[]): string[] {
  return points.filter((point, n) => {
    const before = points[n - 1] ?? '';
    const isPoll = / GET /.test(point) && Number(point.split('#').at(-1)) > MAX_ALIKE_REQUESTS;
    const followsAtOnce = isDisk(point) && isDisk(before) && point.startsWith('before ') && before.startsWith('after ');
    const isInside = before.startsWith('before rm ') && /^before (unlink|rmdir) /.test(point);
    const isEndOf = point.startsWith('after rm ') && /^after (unlink|rmdir) /.test(before);
    return !isPoll && !followsAtOnce && !isInside && !isEndOf;
  });
}

function isDisk(point: string): boolean {
  return !/ (spawn|GET|POST) |^at /.test(point);
}

/**
 * Kills the scenario's daemon at every point it has (or those given), each in a box of its own, and compares what came of
 * it with what comes of it undisturbed.
 * @throws Error with all that went wrong, a point each.
 */
export async function killEverywhere(scenario: Scenario, trial: Trial, given?: readonly string[]): Promise<string> {
  const undisturbed = await run(scenario);
  const from = scenario.stopAt === undefined ? 0 : undisturbed.points.indexOf(scenario.stopAt) + 1;
  if (scenario.stopAt !== undefined && from === 0) throw new Error(`never told to stop: no ${scenario.stopAt}`);
  const wanted = (given ?? distinct(undisturbed.points.slice(from))).filter(
    point => scenario.only === undefined || scenario.only.test(point),
  );
  const lives = wanted.map(point => [point]);
  return killedAt(scenario, lives, undisturbed, trial);
}

/** Two kills in a row: one at a point of the first start, one at any moment of the second. */
export async function killTwice(scenario: Scenario, pairs: number, trial: Trial): Promise<string> {
  const undisturbed = await run(scenario);
  const points = distinct(undisturbed.points);
  const chosen = Array.from({ length: pairs }, () => [
    trial.random.pick(points),
    `#${trial.random.between(1, Math.ceil(undisturbed.points.length * 0.7))}`,
  ]);
  return killedAt(scenario, chosen, undisturbed, trial);
}

/** Started again and again, and killed a little later each time: a machine that does not stay up. */
export async function killInARow(scenario: Scenario, lives: number, trial: Trial): Promise<string> {
  const undisturbed = await run(scenario);
  const step = undisturbed.points.length / lives;
  const chosen = Array.from({ length: lives }, (_, n) => `#${Math.ceil((n + trial.random.next()) * step)}`);
  return killedAt(scenario, [chosen], undisturbed, trial);
}

async function killedAt(
  scenario: Scenario,
  lives: readonly string[][],
  undisturbed: Run,
  trial: Trial,
): Promise<string> {
  const wrong: string[] = [];
  let kills = 0;
  let held = 0;
  let missed = 0;
  const tried = await inTurns(lives, trial, async points => {
    try {
      const found = await run(scenario, points);
      kills += found.killed;
      if (found.killed === 0) missed += 1;
      if (found.held) held += 1;
      const [is, should] = [JSON.stringify(comparable(found)), JSON.stringify(comparable(undisturbed))];
      if (is !== should) wrong.push(`${points.join(', then ')}: ${is} instead of ${should}`);
    } catch (error) {
      wrong.push(`${points.join(', then ')}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  // What a stop interrupts is interrupted somewhere else each time.
  if (missed > tried / (scenario.stopAt === undefined ? 20 : 2))
    wrong.push(`${missed} of ${tried} points were not reached again`);
  if (tried === 0) wrong.push('nothing was tried');
  if (wrong.length > 0) throw new Error(`${wrong.length} of ${tried} went wrong\n${wrong.join('\n')}`);
  const notes = [`${tried} of ${lives.length} runs`, `${kills} kills`];
  if (missed > 0) notes.push(`${missed} not reached`);
  if (scenario.engine === 'nemo') notes.push(`${held} times a person said go on`);
  return `${notes.join(', ')}; nothing lost, every result the same`;
}

function comparable({ outputs, sha256, messages, renders }: Result): Result {
  return { outputs, sha256, messages, renders };
}

/** Two at a time, until all are done or the time is up. Resolves with how many were done. */
export async function inTurns<T>(
  items: readonly T[],
  { progress }: Trial,
  act: (item: T) => Promise<void>,
): Promise<number> {
  const until = performance.now() + MINUTES * 60_000;
  const waiting = Number.isFinite(MINUTES) ? spread(items) : [...items];
  let done = 0;
  const work = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      if (performance.now() > until) return;
      await act(item);
      done += 1;
      progress(done, items.length);
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, work));
  return done;
}

/** The same, ordered so that each beginning of it is from everywhere, evenly: by the multiples of the golden ratio. */
function spread<T>(items: readonly T[]): T[] {
  return items
    .map((item, n) => ({ item, place: (n * 0.618_033_988_75) % 1 }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item);
}
