/**
 * What a media file holds, item by item, and what becomes of each: the promise that nothing of a source is lost in silence. Pure.
 *
 * `media/inventory` finds the items in what ffprobe reports, an engine's plan gives each its fate, and verify compares the items of
 * the result with that plan.
 */
import type { Sentence } from './message.ts';

/** Every kind of thing a file may hold; a closed set, so that none can be forgotten by the finder, the plan or the documents. */
export const KINDS = [
  'picture',
  'sound',
  'early-sound',
  'subtitles',
  'captions',
  'chapters',
  'cover',
  'second-picture',
  'attachment',
  'data',
  'empty-track',
  'date',
  'place',
  'tags',
  'track-title',
  'rotation',
  'mirroring',
  'sample-aspect',
  'shapes',
  'range',
  'colour',
  'depth',
  'hdr',
  'dolby-vision',
  'projection',
  'stereo',
  'second-eye',
  'alpha',
  'interlacing',
  'cadence',
  'last-picture',
  'hidden-frames',
  'unread',
] as const;

export type Kind = (typeof KINDS)[number];

/** One thing a file holds. Survives JSON. */
export interface Item extends Holding {
  /** Index of its track, for things that are one. */
  track?: number;
  /** Names it in a sentence: `sound track (aac, stereo, eng)`. */
  what: Sentence;
}

/** The part of an item that is compared between a plan and a result. */
export interface Holding {
  kind: Kind;
  /** Two things of one kind are the same if this is. */
  value: string;
  /** When sound begins and ends, in seconds after the first picture; absent where it is not compared. */
  startS?: number;
  endS?: number;
}

/** What becomes of an item. Every fate but `kept` says so in words that end up in the notes. */
export type Fate =
  /** The same in the result; `as` replaces what is compared, where the container words it differently. `note`: not all will like it. */
  | { kind: 'kept'; as?: Partial<Omit<Holding, 'kind'>>; note?: Sentence }
  /** Something else in the result: `into` is what is found there, or nothing. Without `note`, nobody can miss anything. */
  | { kind: 'converted'; into: readonly Holding[]; how: Sentence; note?: Sentence }
  /** Not in the result. `asked`: a person asked for that, and is not told again. */
  | { kind: 'left-out'; note: Sentence; asked?: true }
  /** It cannot be processed, because of this. */
  | { kind: 'refused'; why: Sentence; hint?: Sentence };

/** An item with its fate. */
export interface Planned {
  item: Item;
  fate: Fate;
}

/** What a result must hold if it follows the plan. */
export function holdingsOf(plan: readonly Planned[]): Holding[] {
  return plan.flatMap(({ item: { kind, value, startS, endS }, fate }): Holding[] => {
    if (fate.kind === 'kept') return [{ kind, value, startS, endS, ...fate.as }];
    return fate.kind === 'converted' ? [...fate.into] : [];
  });
}

/** What a person should know about the plan, a sentence each. */
export function notesOf(plan: readonly Planned[]): Sentence[] {
  return plan.flatMap(({ fate }) => {
    if (fate.kind === 'kept' || fate.kind === 'converted') return fate.note ?? [];
    return fate.kind === 'left-out' && !fate.asked ? fate.note : [];
  });
}

/** The first fate that forbids the work. */
export function refusalOf(plan: readonly Planned[]): Extract<Fate, { kind: 'refused' }> | undefined {
  for (const { fate } of plan) if (fate.kind === 'refused') return fate;
  return undefined;
}

/** How far sound may begin from where it should, seconds: encoders pad their first packet, containers round. */
const START_TOLERANCE_S = 0.15;
/** And end: the last packet is a whole one, and a damaged one is left out. */
const END_TOLERANCE_S = 0.5;
const END_TOLERANCE_SHARE = 0.01;

/** How a result differs from its plan. */
export interface Differences {
  /** In the plan, and not found. */
  missing: Holding[];
  /** Found, and not in the plan. */
  extra: Holding[];
  /** The same thing at another time. */
  moved: { expected: Holding; found: Holding }[];
}

/**
 * Which differences of a kind count: `both` what is missing and what nobody planned, `missing` only the former (a muxer adds tags of
 * its own), `unplanned` only the latter (a container may not say it), `never` where a result cannot show it.
 */
export type Compared = 'both' | 'missing' | 'unplanned' | 'never';

/** Compares what was planned with what was found, kind by kind; order does not matter. */
export function differences(
  expected: readonly Holding[],
  found: readonly Holding[],
  compared: (kind: Kind) => Compared,
): Differences {
  const left = [...found];
  const missing: Holding[] = [];
  const moved: Differences['moved'] = [];
  for (const one of expected) {
    const isNeeded = compared(one.kind) === 'both' || compared(one.kind) === 'missing';
    const alike = left.filter(({ kind, value }) => kind === one.kind && value === one.value);
    const match = alike.find(other => isOnTime(one, other)) ?? alike[0];
    if (!match) {
      if (isNeeded) missing.push(one);
    } else {
      left.splice(left.indexOf(match), 1);
      if (isNeeded && !isOnTime(one, match)) moved.push({ expected: one, found: match });
    }
  }
  const isUnwanted = ({ kind }: Holding) => compared(kind) === 'both' || compared(kind) === 'unplanned';
  return { missing, extra: left.filter(isUnwanted), moved };
}

function isOnTime(expected: Holding, { startS, endS }: Holding): boolean {
  const { startS: start, endS: end } = expected;
  const isStart = start === undefined || startS === undefined || Math.abs(startS - start) <= START_TOLERANCE_S;
  const slack = Math.max(END_TOLERANCE_S, END_TOLERANCE_SHARE * (end ?? 0));
  return isStart && (end === undefined || endS === undefined || Math.abs(endS - end) <= slack);
}
