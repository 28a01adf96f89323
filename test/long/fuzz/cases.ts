/** Case n of a seed: the same file, spoiled in the same way, whatever ran before it. Pure. */
import { randomFrom } from '../torture/random.ts';
import { type Case, targetFrom } from './case.ts';
import { spoil } from './mutate.ts';
import type { Seed } from './seeds.ts';

export interface Drawn extends Case {
  number: number;
  how: string;
}

/** Of the cases that get so far, this share is encoded and verified. */
const FULL = 0.12;

export function drawCase(seed: number, number: number, seeds: readonly Seed[]): Drawn {
  const random = randomFrom(Math.imul(seed ^ 0x9e3779b9, 2 * number + 1) ^ number);
  const from = random.pick(seeds);
  const { bytes, how } = spoil(from.bytes, random, () => random.pick(seeds).bytes);
  const target = targetFrom(random);
  const full = random.next() < FULL;
  return { number, name: `${number}-${from.name}`, bytes, target, full, how: `${from.name}: ${how}` };
}
