import { join } from 'node:path';
import { ShrinkError } from '../../core/errors.ts';
import { formatBytes } from '../../core/units.ts';
import { shown } from '../../platform/ffmpeg/refusals.ts';
import { PASS_LOGS } from './argv.ts';
import { type Bench, bytesOf, forget, recall, remember, syncFile } from './bench.ts';
import { type Attempt, formatRate, nextAttempt } from './budget.ts';
import { type Encode, encodePicture, joinTracks, type Muxed, SHARE } from './steps.ts';

/** A finished attempt as it is remembered; only the best one's file is kept. */
interface Tried extends Attempt, Muxed {}

/**
 * Exactly into the budget: a first pass that looks, second passes that are measured muxed, each scaled from the last, until one
 * fills the size without being over it. Only a file that fits can become the result, so overshoot is impossible.
 */
export async function intoSize(bench: Bench, work: Encode): Promise<{ made: Muxed; how: string }> {
  const tried = await triedBefore(bench, work);
  if (tried.length > 0) bench.meter.skip(SHARE.pass2);
  let looked = false;
  for (;;) {
    const next = nextAttempt(tried, work.budget);
    if (next.kind === 'give-up') throw cannotHit(bench, work, tried);
    if (next.kind === 'done') {
      const best = tried[next.best];
      if (best) return { made: best, how: inWords(work, best, tried.length) };
      throw cannotHit(bench, work, tried);
    }
    if (!looked) await firstPass(bench, work, next.bitsPerSecond);
    looked = true;
    tried.push(await attempt(bench, work, next.bitsPerSecond, tried.length + 1));
    await keepBest(bench, work, tried);
    await remember(bench, 'attempts', tried);
  }
}

async function attempt(bench: Bench, work: Encode, bitsPerSecond: number, number: number): Promise<Tried> {
  const twoPasses = PASS_LOGS[work.choice.codec].length > 0;
  const note = twoPasses ? 'pass 2 of 2' : 'one pass';
  await bench.context.step(number === 1 ? note : `${note}, try ${number}`);
  const rate = { kind: twoPasses ? ('pass-2' as const) : ('one-pass' as const), bitsPerSecond };
  const picture = await encodePicture(bench, work, rate, SHARE.pass2, note);
  const made = await joinTracks(bench, work, picture ?? { frames: 0, complaints: 0 }, `out-${number}.mp4`);
  bench.context.log.debug(
    { attempt: number, bitsPerSecond, bytes: made.bytes, cap: work.budget.capBytes },
    'attempt measured',
  );
  return { ...made, bitsPerSecond };
}

/** Once per picture plan: retries of the second pass read the same statistics. */
async function firstPass(bench: Bench, work: Encode, bitsPerSecond: number): Promise<void> {
  const logs = PASS_LOGS[work.choice.codec];
  if (logs.length === 0) return;
  const known = recall<{ picture: string; logs: (number | null)[] }>(bench, 'pass-1');
  const sizes = async () => await Promise.all(logs.map(async log => (await bytesOf(bench, log)) ?? null));
  if (known?.picture === work.picture.filters && JSON.stringify(known.logs) === JSON.stringify(await sizes())) {
    bench.meter.skip(SHARE.pass1);
    return;
  }
  await bench.context.step('pass 1 of 2');
  await encodePicture(bench, work, { kind: 'pass-1', bitsPerSecond }, SHARE.pass1, 'pass 1 of 2');
  for (const log of logs) {
    if ((await bytesOf(bench, log)) !== undefined) await syncFile(join(bench.context.workDir, log));
  }
  await remember(bench, 'pass-1', { picture: work.picture.filters, logs: await sizes() });
}

/** Earlier attempts count only while the best one's file is still whole. */
async function triedBefore(bench: Bench, work: Encode): Promise<Tried[]> {
  const tried = recall<Tried[]>(bench, 'attempts') ?? [];
  const best = bestOf(tried, work);
  return best && (await bytesOf(bench, best.file)) !== best.bytes ? [] : tried;
}

function bestOf(tried: readonly Tried[], work: Encode): Tried | undefined {
  const fitting = tried.filter(one => one.bytes <= work.budget.capBytes);
  return fitting.reduce<Tried | undefined>((most, one) => (!most || one.bytes > most.bytes ? one : most), undefined);
}

/** The disk holds one result, not six: whatever is over the cap or smaller than another goes. */
async function keepBest(bench: Bench, work: Encode, tried: readonly Tried[]): Promise<void> {
  const fitting = tried.filter(one => one.bytes <= work.budget.capBytes);
  const best = fitting.reduce<Tried | undefined>(
    (most, one) => (!most || one.bytes > most.bytes ? one : most),
    undefined,
  );
  await forget(bench, ...tried.filter(one => one !== best).map(one => one.file));
}

function inWords(work: Encode, best: Tried, tries: number): string {
  const rate = formatRate(best.bitsPerSecond);
  const passes = PASS_LOGS[work.choice.codec].length > 0 ? 'two passes' : 'one pass';
  const filled = ((best.bytes / work.budget.capBytes) * 100).toFixed(1);
  return `${passes} at ${rate}, ${filled} % of the size${tries > 1 ? ` after ${tries} tries` : ''}`;
}

function cannotHit(bench: Bench, work: Encode, tried: readonly Tried[]): ShrinkError {
  const smallest = Math.min(...tried.map(one => one.bytes));
  const got = Number.isFinite(smallest) ? `: the smallest that came out has ${formatBytes(smallest)}` : '';
  return new ShrinkError(
    'cannot-fit',
    `${shown(bench.order.source)} does not go into ${formatBytes(work.budget.capBytes)}${got}`,
    {
      subject: bench.order.source,
      hint: 'Ask for a larger size.',
    },
  );
}
