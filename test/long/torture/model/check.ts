import fc from 'fast-check';
import { SNAPSHOT_BEGIN } from '../../../../src/journal/segments.ts';
import type { Random } from '../random.ts';
import { aHistory, Player, readSpoilt, textsOf } from './histories.ts';

/** Random histories with crashes and restarts against the model. */
export async function historiesAgree(runs: number, random: Random): Promise<string> {
  let events = 0;
  let crashes = 0;
  await fc.assert(
    fc.asyncProperty(aHistory, async history => {
      const player = await Player.play(history);
      events += player.events;
      crashes += player.crashes;
    }),
    { numRuns: runs, seed: random.between(0, 2 ** 31 - 1) },
  );
  return `${runs} histories, ${events} events, ${crashes} crashes: the model agrees`;
}

/** The journals histories leave, cut at every `step`-th byte. */
export async function cutsNeverInvent(runs: number, step: number, random: Random): Promise<string> {
  let cuts = 0;
  let refused = 0;
  await spoil(runs, random, async (files, states) => {
    for (const [path, bytes] of files) {
      for (let length = random.between(0, step - 1); length < bytes.length; length += step) {
        cuts += 1;
        const cut = new Map(files).set(path, bytes.subarray(0, length));
        const what = `${path} cut at ${length}`;
        if (!(await readSpoilt(cut, states, what))) continue;
        if (isTornTail(path, files)) throw new Error(`${what}: refused, as if a crash could not have left it`);
        refused += 1;
      }
    }
  });
  return `${cuts} cuts: an earlier state or exit 14 (${refused} times)`;
}

/** Whether any end of this file may be what a crash left: it is the one written to, and its snapshot is not what was cut. */
function isTornTail(path: string, files: ReadonlyMap<string, Buffer>): boolean {
  const segments = [...files.keys()].filter(name => name.endsWith('.jsonl')).sort();
  return path === segments.at(-1) && files.get(path)?.includes(SNAPSHOT_BEGIN) === false;
}

/** The same with single bits turned over. */
export async function flipsNeverInvent(runs: number, flipsEach: number, random: Random): Promise<string> {
  let flips = 0;
  let refused = 0;
  await spoil(runs, random, async (files, states) => {
    const all = [...files].filter(([, bytes]) => bytes.length > 0);
    for (let n = 0; n < flipsEach && all.length > 0; n += 1) {
      const [path, bytes] = random.pick(all);
      const at = random.between(0, bytes.length - 1);
      const bit = random.between(0, 7);
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << bit), at);
      flips += 1;
      if (await readSpoilt(new Map(files).set(path, flipped), states, `bit ${bit} of byte ${at} of ${path}`))
        refused += 1;
    }
  });
  return `${flips} flipped bits: ${refused} refused, else only the last write left out`;
}

async function spoil(
  runs: number,
  random: Random,
  act: (files: ReadonlyMap<string, Buffer>, states: ReadonlySet<string>) => Promise<void>,
): Promise<void> {
  const histories = fc.sample(aHistory, { numRuns: runs, seed: random.between(0, 2 ** 31 - 1) });
  for (const history of histories) {
    const player = await Player.play(history);
    await act(player.files(), textsOf(player.states));
  }
}
