/** Whether a result may take the place of its source: nothing of that may be missing from it, and its codec must be worth it. Pure. */
import { ShrinkError } from '../../../core/errors.ts';
import type { Planned } from '../../../core/inventory.ts';
import type { Order } from '../../../core/job.ts';
import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import type { Codec } from './crf.ts';

/** How much later codecs make of a bit: a source of a higher rank only loses by being encoded into a lower one. */
const RANKS: Readonly<Record<string, number>> = { h264: 1, hevc: 2, vp9: 2, av1: 3 };
const RANK_OF: Readonly<Record<Codec, number>> = { h264: 1, h265: 2, av1: 3 };

/** Why a source's codec makes more of its bits than the one asked for, in whatever size; `undefined` where it does not. */
function whyCodecIsWorse(source: string, codec: Codec): Sentence | undefined {
  const isBetter = (RANKS[source] ?? 0) > RANK_OF[codec];
  return isBetter ? say('local.codec-worse', { source, codec }) : undefined;
}

/** Tags in which programs name themselves. */
const OF_PROGRAMS: ReadonlySet<string> = new Set(['software', 'encoder', 'encoded_by']);

/** What would be missing or different in the result, that somebody could miss: a person who looks at each file decides that, we do not. */
function lossesOf(plan: readonly Planned[]): Sentence[] {
  return plan.flatMap(({ item, fate }) => {
    if (item.kind === 'tags' && OF_PROGRAMS.has(item.value)) return [];
    if (fate.kind === 'left-out') return fate.asked ? [] : fate.note;
    if (fate.kind === 'converted') return fate.note ?? [];
    return fate.kind === 'refused' ? fate.why : [];
  });
}

interface Way {
  source: string;
  codec: Codec;
  plan: readonly Planned[];
}

/** Why a source keeps its place whatever its result would be; `undefined` where nothing speaks against one. */
export function whyKept({ source, codec, plan }: Way) {
  const [first, ...others] = lossesOf(plan);
  if (first) return { code: 'would-lose', why: say('local.would-lose', { what: [first, ...others] }) } as const;
  const worse = whyCodecIsWorse(source, codec);
  return worse && ({ code: 'codec', why: worse } as const);
}

/** Before hours are spent. @throws ShrinkError `cannot-do` with what would be lost, `cannot-fit` where nothing can be gained */
export function mustBeWorthIt(order: Order, way: Way): void {
  const kept = order.inPlace ? whyKept(way) : undefined;
  if (!kept) return;
  throw new ShrinkError(kept.code === 'codec' ? 'cannot-fit' : 'cannot-do', kept.why, { subject: order.source });
}
