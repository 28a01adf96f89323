/**
 * What a worker is told of a part: data, never a command line. Filters and colours are not sent but planned anew from the size, by the
 * same code, and compared by their hash: another version, or an ffmpeg without a filter, refuses the part instead of making another picture.
 */
import { createHash } from 'node:crypto';
import { ShrinkError } from '../../core/errors.ts';
import { KINDS } from '../../core/inventory.ts';
import type { Tools } from '../../media/ffmpeg/tools.ts';
import { say } from '../../messages/say.ts';
import { type Guard, isFlag, isListOf, isNumber, isObjectOf, isOneOf, isOptional, isText } from '../checkpoints.ts';
import type { Ask, Measured, Part, PartMade } from '../local/hands.ts';
import type { Segment } from '../local/plan/segments.ts';
import { pictureAt, type PicturePlan } from '../local/plan/video.ts';
import { isEncoded, isMeasured, isVideo, isWindow } from '../local/run/checkpoints.ts';
import type { PictureFacts } from '../local/run/picture-args.ts';

export type Work = { kind: 'measure'; crf: number } | { kind: 'encode'; ask: Ask };

export interface PartOrder {
  film: string;
  /** Names what the part is made from: a piece of the source, or all of it. */
  source: string;
  part: Omit<Part, 'picture'> & { picture: Pick<PicturePlan, 'width' | 'height' | 'fps'> };
  /** Of the whole plan of the picture. */
  plan: string;
  work: Work;
  /** So little to do that more threads would only cost. */
  oneThread: boolean;
  needsBytes: number;
}

export function writeOrder(
  part: Part,
  work: Work,
  more: Pick<PartOrder, 'film' | 'source' | 'oneThread' | 'needsBytes'>,
): PartOrder {
  const { width, height, fps } = part.picture;
  return { ...more, part: { ...part, picture: { width, height, fps } }, plan: planOf(part.picture), work };
}

/** @throws ShrinkError `bad-request` if it is none, `tool-missing` if this ffmpeg would make another picture of it */
export function readOrder(written: unknown, tools: Pick<Tools, 'filters'>): PartOrder & { part: Part } {
  const order: unknown = JSON.parse(JSON.stringify(written ?? null));
  if (!isOrder(order)) throw new ShrinkError('bad-request', say('fleet.order-unreadable'));
  const picture = pictureAt(order.part.facts, order.part.picture, tools);
  if (planOf(picture) !== order.plan) throw new ShrinkError('tool-missing', say('fleet.other-picture'));
  return { ...order, part: { ...order.part, picture } };
}

/** Names an order: the same work has the same name, after a restart as well. */
export function nameOf(order: PartOrder): string {
  return `${order.part.codec}-${createHash('sha256').update(JSON.stringify(order)).digest('hex').slice(0, 20)}`;
}

function planOf({ filters, colors }: PicturePlan): string {
  return createHash('sha256')
    .update(JSON.stringify([filters, colors]))
    .digest('hex')
    .slice(0, 16);
}

const isSegment = isObjectOf<Segment>({
  index: isNumber,
  fromS: isOptional(isNumber),
  toS: isOptional(isNumber),
  atS: isNumber,
  beforeS: isOptional(isNumber),
  durationS: isNumber,
  frames: isNumber,
  isReadFromStart: isOptional(isFlag),
});

const isPictureFacts = isObjectOf<PictureFacts>({
  container: isText,
  startS: isNumber,
  durationS: isNumber,
  window: isOptional(isWindow),
  video: isVideo,
  inventory: isListOf(isObjectOf({ kind: isOneOf(...KINDS) })),
});

const isAsk: Guard<Ask> = (value): value is Ask =>
  isObjectOf<Extract<Ask, { kind: 'bytes' }>>({
    kind: isOneOf('bytes'),
    bytes: isNumber,
    tolerance: isNumber,
    first: isMeasured,
  })(value) ||
  isObjectOf<Extract<Ask, { kind: 'quality' }>>({
    kind: isOneOf('quality'),
    crf: isNumber,
    whole: isOptional(isNumber),
    step: isOneOf('one-pass', 'pass-2'),
    atMostBytes: isOptional(isNumber),
  })(value);

const isWork: Guard<Work> = (value): value is Work =>
  isObjectOf<Extract<Work, { kind: 'measure' }>>({ kind: isOneOf('measure'), crf: isNumber })(value) ||
  isObjectOf<Extract<Work, { kind: 'encode' }>>({ kind: isOneOf('encode'), ask: isAsk })(value);

/** It becomes part of a path. */
const isName: Guard<string> = (value): value is string => isText(value) && /^[a-z0-9-]{1,40}$/.test(value);
const isIndex: Guard<number> = (value): value is number => Number.isInteger(value) && (value as number) >= 0;

const isOrder = isObjectOf<PartOrder>({
  film: isName,
  source: isName,
  part: isObjectOf<PartOrder['part']>({
    index: isIndex,
    of: isIndex,
    segment: isSegment,
    picture: isObjectOf<PartOrder['part']['picture']>({ width: isIndex, height: isIndex, fps: isOptional(isNumber) }),
    codec: isOneOf('h264', 'h265', 'av1'),
    effort: isOneOf('fast', 'balanced', 'best'),
    facts: isPictureFacts,
  }),
  plan: isText,
  work: isWork,
  oneThread: isFlag,
  needsBytes: isNumber,
});

/** What a worker says it made; `null` if the part grew beyond what it was allowed. */
export type Made = Measured | PartMade | null;

export function readMade(work: Work, written: unknown): Made | undefined {
  if (work.kind === 'measure') return isMeasured(written) ? written : undefined;
  if (written === null) return work.ask.kind === 'quality' && work.ask.atMostBytes !== undefined ? null : undefined;
  const isMade = isEncoded(written) && isOptional(isMeasured)((written as { first?: unknown }).first);
  return isMade ? (written as PartMade) : undefined;
}
