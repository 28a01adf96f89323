/**
 * When a film is encoded by a hardware encoder, and how: decided from its plan alone. Pure. docs/hardware.md
 *
 * Two classes. One takes a bit rate: one pass into the size, scaled by what came out and repeated. The other only holds a quality: the
 * film is cut into more parts, whose whole steps of quality are mixed until the sum fits. Both are measured like everything else, and
 * whatever does not come out goes to the processor.
 */
import type { MediaFacts } from '../../../core/media-info.ts';
import type { Sentence } from '../../../core/message.ts';
import type { HardwareEncoder, HardwareRate } from '../../../media/ffmpeg/hardware-args.ts';
import { say } from '../../../messages/say.ts';
import {
  HARDWARE_COSTS_CRF,
  LEAST_PARTS_BY_STEPS,
  LOOKS,
  MIN_STEPS_PART_S,
  PARTS_BY_STEPS,
  QP_PER_HALF,
} from '../tuning.ts';
import type { EncodePlan } from './encode-plan.ts';
import { looksLike, type SampledRate, sampleDoubt, WORSE_THAN } from './scale.ts';
import { type Cutting, evenLengths, planSegments, type Segment, wholeSegment } from './segments.ts';
import type { EncodeChoice } from './strategy.ts';

/** Whether the encoder lands on a size by bit rates, or only by qualities. */
export const takesRates = ({ modes }: Pick<HardwareEncoder, 'modes'>): boolean => modes.includes('vbr');

/** The mode that holds a quality; `undefined` if it has none. */
export function qualityMode({ modes }: Pick<HardwareEncoder, 'modes'>): 'quality' | 'cqp' | undefined {
  return modes.includes('quality') ? 'quality' : modes.includes('cqp') ? 'cqp' : undefined;
}

export interface HardwareBasis {
  facts: MediaFacts;
  choice: EncodeChoice;
  sample: SampledRate;
  plan: EncodePlan;
  encoder: HardwareEncoder;
  cutting: Cutting | undefined;
}

/** Why the processor encodes this film although a hardware encoder works; `undefined` if that one does. */
export function whyNotHardware(basis: HardwareBasis): Sentence | undefined {
  const { facts, choice, sample, plan, encoder } = basis;
  if (facts.inventory.some(({ kind }) => kind === 'captions')) return say('local.hardware-captions');
  const holds = qualityMode(encoder);
  if (plan.way !== 'size') return holds ? undefined : say('local.hardware-no-quality', { encoder: encoder.name });
  if (plan.scale < 1 || looks(basis) >= LOOKS.decent) return say('local.hardware-brutal', { cap: choice.capBytes });
  const { floor } = choice;
  // Only the processor's first pass shows whether a doubtful sample was right.
  if (floor !== undefined && looks(basis) >= WORSE_THAN[floor] - sampleDoubt(sample))
    return say('local.hardware-floor', { cap: choice.capBytes });
  const isShort = !takesRates(encoder) && hardwareSegments(basis).length < LEAST_PARTS_BY_STEPS;
  return isShort ? say('local.hardware-short', { encoder: encoder.name }) : undefined;
}

/** As a CRF of x264 in two passes. */
function looks({ sample, plan }: HardwareBasis): number {
  return looksLike(sample, plan) + HARDWARE_COSTS_CRF;
}

/** One after another. By steps, all are about as long, so that a step of any of them is a small part of the whole. */
export function hardwareSegments({ facts, plan, encoder, cutting }: HardwareBasis): Segment[] {
  if (!cutting) return wholeSegment(facts);
  if (takesRates(encoder) || plan.way !== 'size') return planSegments(facts, cutting);
  const longestS = Math.min(cutting.longestS, Math.max(MIN_STEPS_PART_S, facts.durationS / PARTS_BY_STEPS));
  return planSegments(facts, { longestS }, evenLengths(facts.durationS, { longestS }, 1));
}

/** A whole step of quality and the bytes it gave. */
export interface TriedStep {
  crf: number;
  bytes: number;
}

/**
 * The whole step that should give about `wantBytes`: between known ones, or from the nearest as steeply as usual. `isLast`: nothing
 * after it makes up for its miss, so it gives no more.
 */
export function nextStep(tries: readonly TriedStep[], first: TriedStep, wantBytes: number, isLast: boolean): number {
  const off = ({ bytes }: TriedStep) => Math.abs(Math.log(Math.max(1, bytes) / Math.max(1, wantBytes)));
  const [nearest = first] = tries.toSorted((a, b) => off(a) - off(b));
  const wanted = nearest.crf + QP_PER_HALF * Math.log2(Math.max(1, nearest.bytes) / Math.max(1, wantBytes));
  const step = isLast ? Math.ceil(wanted - SAME_STEP) : Math.round(wanted);
  const bounded = Math.min(MAX_STEP, Math.max(MIN_STEP, step));
  const isTried = tries.some(({ crf }) => crf === bounded);
  if (!isTried || nearest.crf !== bounded) return bounded;
  // The same again would give the same: the neighbour on the side of what is wanted.
  return Math.min(MAX_STEP, Math.max(MIN_STEP, bounded + (nearest.bytes > wantBytes ? 1 : -1)));
}

const SAME_STEP = 0.15;
const MIN_STEP = 10;
const MAX_STEP = 51;

/** What the encoder is asked for at a quality on x264's scale. */
export function rateAt(encoder: HardwareEncoder, crf: number): HardwareRate {
  return { mode: qualityMode(encoder) ?? 'cqp', quality: crf };
}
